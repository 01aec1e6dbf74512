#include "relay/session/http_connection.hpp"

#include <doctest/doctest.h>

#include "tests/unit/session/http_connection_rig.hpp"

namespace session {

using Rig = test::ConnectionRig;
using test::get;
using test::header_timeout;

TEST_CASE("requests on one connection are answered one after the other") {
  Rig rig;
  rig.connection->start();
  rig.peer.send(get("/one"));
  rig.await_text("[/one]");
  rig.peer.send(get("/two"));
  rig.await_text("[/two]");
  CHECK(rig.peer.text().starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(rig.count("Connection: close") == 0);
  CHECK(rig.closed == 0);
}

TEST_CASE("a head reads the same wherever the network cuts it") {
  Rig rig;
  rig.connection->start();
  const std::string text = get("/cut", "X: y\r\n");
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    rig.peer.send(text.substr(0, cut));
    test::run_turns(rig.worker, 2);
    CHECK(rig.targets.size() == cut - 1);
    rig.peer.send(text.substr(cut));
    test::run_until(rig.worker, [&] { return rig.targets.size() == cut; });
  }
  test::run_until(rig.worker, [&] {
    rig.peer.read();
    return rig.count("[/cut]") == text.size() - 1;
  });
}

TEST_CASE("pipelined requests are answered in order even when the answers come late") {
  Rig rig;
  rig.on_head = [](HttpConnection&) {};
  rig.connection->start();
  rig.peer.send(get("/a") + get("/b") + get("/c"));
  test::run_until(rig.worker, [&] { return !rig.targets.empty(); });
  test::run_turns(rig.worker, 3);
  CHECK(rig.targets == std::vector<std::string>{"/a"});
  CHECK(rig.connection->is_waiting());
  rig.connection->respond({200, {}}, "1");
  CHECK(rig.targets == std::vector<std::string>{"/a", "/b"});
  rig.connection->respond({200, {}}, "2");
  rig.connection->respond({200, {}}, "3");
  CHECK_FALSE(rig.connection->is_waiting());
  rig.await_text("3");
}

TEST_CASE("thousands of pipelined requests are all answered") {
  Rig rig;
  rig.connection->start();
  constexpr std::size_t requests = 5000;
  std::string text;
  for (std::size_t count = 0; count < requests; ++count) text += get("/x");
  std::size_t sent = 0;
  test::run_until(rig.worker, [&] {
    const ssize_t part = send(rig.peer.fd(), text.data() + sent, text.size() - sent, 0);
    if (part > 0) sent += static_cast<std::size_t>(part);
    rig.peer.read();
    return rig.targets.size() == requests && rig.peer.text().ends_with("[/x]");
  });
  CHECK(rig.count("[/x]") == requests);
}

TEST_CASE("bytes that came before the connection was made are read first") {
  Rig rig(get("/before"));
  rig.connection->start();
  rig.await_text("[/before]");
}

TEST_CASE("what is no request is refused and the refusal can be read") {
  Rig rig;
  rig.connection->start();
  rig.peer.send("garbage\r\n\r\nand much more of it");
  rig.await_text("\n");
  CHECK(rig.peer.text().starts_with("HTTP/1.1 400 "));
  CHECK(rig.refused == std::vector<unsigned>{400});
  CHECK(rig.count("Connection: close") == 1);
  CHECK(rig.closed == 0);  // it lingers until the peer has seen it
  test::run_turns(rig.worker, 2);
  rig.peer.read();
  CHECK(rig.peer.ended());
  rig.peer.close();
  rig.await_closed();
}

TEST_CASE("a refusal says why even behind a HEAD") {
  Rig rig;
  rig.connection->start();
  rig.peer.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  rig.await_text("\r\n\r\n");
  rig.peer.send("garbage\r\n\r\n");
  test::run_until(rig.worker, [&] { return !rig.refused.empty(); });
  rig.peer.read();
  CHECK(rig.peer.text().ends_with("\n"));
  CHECK_FALSE(rig.peer.text().ends_with("\r\n\r\n"));
}

TEST_CASE("a body that nobody reads is thrown away up to a bound") {
  Rig rig;
  rig.on_head = [](HttpConnection& asked) { asked.respond({409, {}}, "no"); };
  rig.connection->start();
  rig.peer.send("PUT /x.ts HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999\r\n\r\n");
  rig.await_text("no");
  CHECK(rig.count("Connection: close") == 1);
  const std::string block(64 * 1024, 'x');
  std::size_t sent = 0;
  int refused_in_row = 0;
  test::run_until(rig.worker, [&] {
    const ssize_t size = send(rig.peer.fd(), block.data(), block.size(), MSG_NOSIGNAL);
    sent += size > 0 ? static_cast<std::size_t>(size) : 0;
    refused_in_row = size > 0 ? 0 : refused_in_row + 1;
    return refused_in_row == 100;  // its buffers and ours are full
  });
  CHECK(sent > HttpConnection::linger_bytes_max);
  CHECK(rig.closed == 0);  // it may still read why
  rig.connection->on_time(base::monotonic_now() + HttpConnection::linger_time);
  CHECK(rig.closed == 1);
  CHECK(rig.targets.size() == 1);
}

TEST_CASE("a peer that goes on after a refusal is given up in time") {
  Rig rig;
  rig.connection->start();
  rig.peer.send("garbage\r\n\r\n");
  rig.await_text("\n");
  rig.connection->on_time(base::monotonic_now());
  CHECK(rig.closed == 0);
  rig.connection->on_time(base::monotonic_now() + HttpConnection::linger_time);
  CHECK(rig.closed == 1);
}

TEST_CASE("nothing behind a refused head or an unread body is taken for a request") {
  Rig rig;
  rig.connection->start();
  SUBCASE("a refused head") {
    rig.peer.send("GET /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" +
                  get("/b"));
    rig.await_text("\n");
    CHECK(rig.targets.empty());
  }
  SUBCASE("an unread body") {
    rig.peer.send(get("/a", "Content-Length: 40\r\n") + get("/b"));
    rig.await_text("[/a]");
    CHECK(rig.targets == std::vector<std::string>{"/a"});
  }
  SUBCASE("an unread body of a request whose response has none") {
    rig.on_head = [](HttpConnection& asked) { asked.respond_head({204, {}}); };
    rig.peer.send("OPTIONS /a HTTP/1.1\r\nHost: h\r\nContent-Length: 40\r\n\r\n" + get("/b"));
    rig.await_text("\r\n\r\n");
    CHECK(rig.targets == std::vector<std::string>{"/a"});
  }
  CHECK(rig.count("Connection: close") == 1);
  rig.peer.send(get("/c"));
  test::run_turns(rig.worker, 3);
  CHECK(rig.targets.size() < 2);
  rig.peer.read();
  CHECK(rig.count("HTTP/1.1 ") == 1);
}

TEST_CASE("the last response of a connection has to be asked for soon") {
  Rig rig;
  rig.connection->make_last(std::chrono::seconds(2));
  rig.connection->start();
  SUBCASE("it is") {
    rig.peer.send(get("/last") + get("/more"));
    rig.await_text("[/last]");
    CHECK(rig.count("Connection: close") == 1);
    CHECK(rig.targets.size() == 1);
  }
  SUBCASE("it is not") {
    rig.connection->on_time(base::monotonic_now() + std::chrono::seconds(3));
    CHECK(rig.closed == 1);
  }
}

TEST_CASE("a response that came late has its own time to be written") {
  Rig rig;
  auto [fd, other] = test::tcp_pair(4096, 4096);
  rig.peer = std::move(other);
  rig.open(fd);
  rig.on_head = [](HttpConnection&) {};
  rig.connection->make_last(base::Duration::zero());  // the time for the head is over at once
  rig.connection->start();
  rig.peer.send(get("/late"));
  test::run_until(rig.worker, [&] { return rig.targets.size() == 1; });
  // More than the sockets hold, so that it stays under way.
  rig.connection->respond({200, {}}, std::string(4 * 1024 * 1024, 'x'));
  const base::Time now = base::monotonic_now();
  rig.connection->on_time(now);
  CHECK(rig.closed == 0);
  rig.connection->on_time(now + header_timeout);
  CHECK(rig.closed == 1);
}

TEST_CASE("HEAD is answered without a body and HTTP 1.0 closes") {
  Rig rig;
  rig.connection->start();
  rig.peer.send("HEAD /h HTTP/1.0\r\n\r\n");
  test::run_until(rig.worker, [&] { return rig.peer.read().ends_with("\r\n\r\n"); });
  CHECK(rig.count("Content-Length: 4") == 1);
  test::run_until(rig.worker, [&] {
    rig.peer.read();
    return rig.peer.ended();
  });
}

TEST_CASE("a client that closed its side gets its answer and then the end") {
  Rig rig;
  rig.on_head = [](HttpConnection&) {};
  rig.connection->start();
  rig.peer.send(get("/half"));
  rig.peer.end_sending();
  test::run_until(rig.worker, [&] { return rig.targets.size() == 1; });
  test::run_turns(rig.worker, 3);
  CHECK(rig.closed == 0);
  rig.connection->respond({200, {}}, "still");
  CHECK(rig.peer.read().ends_with("still"));
  CHECK(rig.closed == 1);
}

TEST_CASE("a head that takes too long is answered and an idle connection just closed") {
  Rig rig;
  rig.connection->start();
  const base::Time now = base::monotonic_now();
  SUBCASE("a head that has begun") {
    rig.peer.send("GET / HT");
    test::run_turns(rig.worker, 3);
    CHECK_FALSE(rig.connection->on_time(now + header_timeout / 2));
    CHECK(rig.closed == 0);
    CHECK(rig.connection->on_time(now + header_timeout + std::chrono::seconds(1)));
    CHECK(rig.peer.read().starts_with("HTTP/1.1 408 "));
    CHECK(rig.refused == std::vector<unsigned>{408});
  }
  SUBCASE("nothing was said") {
    CHECK(rig.connection->on_time(now + header_timeout + std::chrono::seconds(1)));
    CHECK(rig.closed == 1);
    CHECK_FALSE(rig.connection->on_time(now + header_timeout + std::chrono::seconds(1)));
    CHECK(rig.peer.read().empty());
    CHECK(rig.refused.empty());
  }
  SUBCASE("the answer takes its time") {
    rig.on_head = [](HttpConnection&) {};
    rig.peer.send(get("/slow"));
    test::run_until(rig.worker, [&] { return rig.targets.size() == 1; });
    CHECK_FALSE(rig.connection->on_time(now + header_timeout + std::chrono::seconds(1)));
    CHECK(rig.closed == 0);
    CHECK(rig.connection->is_waiting());
  }
}

TEST_CASE("draining ends an idle connection soon and a busy one after its response") {
  Rig rig;
  rig.connection->start();
  SUBCASE("idle") {
    const base::Time now = base::monotonic_now();
    rig.connection->drain();
    rig.connection->on_time(now + HttpConnection::drain_wait / 2);
    CHECK(rig.closed == 0);
    rig.connection->on_time(base::monotonic_now() + HttpConnection::drain_wait);
    CHECK(rig.closed == 1);
    CHECK(rig.peer.read().empty());
  }
  SUBCASE("a request was under way") {
    rig.connection->drain();
    rig.peer.send(get("/late"));
    rig.await_text("[/late]");
    CHECK(rig.count("Connection: close") == 1);
    rig.peer.send(get("/later"));
    rig.peer.end_sending();
    rig.await_closed();
    CHECK(rig.targets == std::vector<std::string>{"/late"});
  }
  SUBCASE("half a request was under way") {
    rig.peer.send("GET /ha");
    test::run_turns(rig.worker, 3);
    rig.connection->drain();
    rig.connection->on_time(base::monotonic_now() + HttpConnection::drain_wait);
    CHECK(rig.peer.read().starts_with("HTTP/1.1 408 "));
  }
  SUBCASE("busy") {
    rig.on_head = [](HttpConnection&) {};
    rig.peer.send(get("/x"));
    test::run_until(rig.worker, [&] { return rig.targets.size() == 1; });
    rig.connection->drain();
    CHECK(rig.closed == 0);
    rig.connection->respond({200, {}}, "last");
    CHECK(rig.peer.read().ends_with("last"));
    CHECK(rig.count("Connection: close") == 1);
  }
}

TEST_CASE("the last response says so and nothing hurries it") {
  Rig rig;
  rig.connection->start();
  rig.connection->end_after_response();
  SUBCASE("a response") {
    rig.connection->on_time(base::monotonic_now() + HttpConnection::drain_wait);
    CHECK(rig.closed == 0);
    rig.peer.send(get("/x"));
    rig.await_text("[/x]");
  }
  SUBCASE("a head alone") {
    rig.on_head = [](HttpConnection& asked) { asked.respond_head({204, {}}); };
    rig.peer.send(get("/x"));
    rig.await_text("\r\n\r\n");
  }
  CHECK(rig.count("Connection: close") == 1);
}

TEST_CASE("a socket is taken with what came behind the head") {
  Rig rig;
  std::unique_ptr<loop::Tcp> taken;
  std::string received;
  rig.on_head = [&](HttpConnection& asked) {
    received = asked.take_received();
    taken = asked.take_tcp();
  };
  rig.connection->start();
  rig.peer.send(get("/take") + "body bytes");
  test::run_until(rig.worker, [&] { return taken != nullptr; });
  CHECK(received == "body bytes");
  CHECK(rig.closed == 1);
  CHECK_FALSE(rig.connection->has_tcp());
  rig.connection->on_time(base::monotonic_now() + std::chrono::hours(1));
  rig.connection->drain();
  CHECK(rig.closed == 1);
}

TEST_CASE("a connection goes on with a head or a response that another object began") {
  SUBCASE("a head") {
    Rig rig;
    http::RequestHead head;
    head.method = http::Method::get;
    head.target = "/moved";
    head.http_1_1 = true;
    head.keep_alive = true;
    rig.connection->start_with(std::move(head));
    rig.await_text("[/moved]");
    rig.peer.send(get("/next"));
    rig.await_text("[/next]");
  }
  SUBCASE("a response that another request follows") {
    Rig rig(get("/behind"));
    rig.connection->start_response(true, false);
    CHECK(rig.connection->is_waiting());
    rig.connection->respond({200, {}}, "done");
    rig.await_text("[/behind]");
  }
  SUBCASE("the last response of a connection") {
    Rig rig;
    rig.peer.end_sending();
    rig.connection->start_response(false, true);
    rig.connection->respond({200, {}}, "done");
    CHECK(rig.peer.read().ends_with("done"));
    CHECK(rig.closed == 1);
  }
}

TEST_CASE("a response waits behind an interim response that nobody reads yet") {
  Rig rig;
  auto [fd, other] = test::tcp_pair(4096, 4096);
  rig.peer = std::move(other);
  auto tcp = loop::Tcp::from_socket(rig.worker, fd);
  // Earlier responses have filled the socket.
  const std::string earlier(4096, 'x');
  const iovec buffer{const_cast<char*>(earlier.data()), earlier.size()};
  std::size_t sent = 0;
  while (const std::size_t part = tcp->try_write({&buffer, 1}).bytes) sent += part;
  rig.connection = std::make_unique<HttpConnection>(8, Port::http, rig.worker, std::move(tcp), rig,
                                                    header_timeout);
  rig.on_head = [](HttpConnection& asked) {
    asked.send_continue();
    asked.respond({409, {}}, "refused");
  };
  rig.connection->start();
  rig.peer.send(
      "PUT /x.ts HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n"
      "Expect: 100-continue\r\n\r\n");
  test::run_until(rig.worker, [&] { return rig.targets.size() == 1; });
  rig.await_text("refused");
  CHECK(rig.peer.text().substr(sent).starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 "));
}

TEST_CASE("a connection that breaks is over once") {
  Rig rig;
  rig.on_head = [](HttpConnection&) {};
  rig.connection->start();
  rig.peer.send(get("/x"));
  test::run_until(rig.worker, [&] { return rig.targets.size() == 1; });
  const linger now{1, 0};
  setsockopt(rig.peer.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  rig.peer.close();
  rig.await_closed();
  CHECK_FALSE(rig.connection->is_waiting());
  CHECK(rig.connection->peer().starts_with("127.0.0.1:"));
  test::run_turns(rig.worker, 3);
  CHECK(rig.closed == 1);
}

}  // namespace session
