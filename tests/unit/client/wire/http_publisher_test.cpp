#include "client/wire/http_publisher.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <thread>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "tests/unit/client/wire/test_relay.hpp"

namespace client {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Events final : Publisher::Events {
  void on_connected(const std::string& address) override { record.add("connected " + address); }
  void on_accepted() override { record.add("accepted"); }
  void on_lost(const std::string& reason, base::Duration) override { record.add("lost " + reason); }
  void on_end(const Ending& ending) override { record.end(ending); }
  test::Record record;
};

// What a relay reads of one PUT, a line or so many bytes at a time.
struct Request {
  explicit Request(tcp::acceptor& acceptor) : socket(acceptor.accept()) {
    head = until("\r\n\r\n");
  }

  std::string until(const std::string& end) {
    const std::size_t bytes = asio::read_until(socket, asio::dynamic_buffer(buffer), end);
    std::string text = buffer.substr(0, bytes);
    buffer.erase(0, bytes);
    return text;
  }
  // The next piece of the body; empty at its end.
  std::string piece() {
    const std::size_t bytes = std::stoul(until("\r\n"), nullptr, 16) + 2;
    while (buffer.size() < bytes) {
      std::array<char, 4096> more{};
      buffer.append(more.data(), socket.read_some(asio::buffer(more)));
    }
    std::string text = buffer.substr(0, bytes - 2);
    buffer.erase(0, bytes);
    return text;
  }
  void answer(const std::string& text) { asio::write(socket, asio::buffer(text)); }

  tcp::socket socket;
  std::string buffer;
  std::string head;
};

struct Rig {
  asio::io_context context;
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  Events events;

  HttpPublisher::Settings settings() {
    HttpPublisher::Settings made;
    made.url = {Url::Scheme::http, "127.0.0.1", acceptor.local_endpoint().port(), "/live/cam.ts"};
    made.content_type = "video/mp2t";
    made.backoff.first = std::chrono::milliseconds(1);
    made.backoff.most = std::chrono::milliseconds(5);
    return made;
  }
};

constexpr const char* content = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

}  // namespace

TEST_CASE_FIXTURE(Rig, "the body is what was added from the first sync chunk on") {
  HttpPublisher publisher(settings(), events);
  Request request(acceptor);
  CHECK(request.head.starts_with("PUT /live/cam.ts HTTP/1.1\r\nHost: 127.0.0.1:"));
  CHECK(request.head.find("\r\nTransfer-Encoding: chunked\r\n") != std::string::npos);
  CHECK(request.head.find("\r\nContent-Type: video/mp2t\r\n") != std::string::npos);
  publisher.set_header("header ");
  publisher.add("too early", false);
  publisher.add("first", true);
  publisher.add("second", false);
  CHECK(request.piece() == "header first");
  CHECK(request.piece() == "second");
  publisher.finish();
  CHECK(request.piece().empty());
  request.answer(content);
  CHECK(events.record.wait_for_end().cause == Ending::Cause::done);
  CHECK(publisher.stats().acknowledged == 2);
  CHECK(publisher.stats().lost == 1);
}

TEST_CASE_FIXTURE(Rig, "a lost connection is followed by another that begins at a sync chunk") {
  HttpPublisher publisher(settings(), events);
  {
    Request request(acceptor);
    publisher.set_header("h");
    publisher.add("1", true);
    CHECK(request.piece() == "h1");
  }
  events.record.wait_for("lost", 1);
  Request request(acceptor);
  events.record.wait_for("connected", 2);
  publisher.add("2", false);
  publisher.add("3", true);
  CHECK(request.piece() == "h3");
}

TEST_CASE_FIXTURE(Rig, "another header ends the body and begins a new one") {
  HttpPublisher publisher(settings(), events);
  Request request(acceptor);
  publisher.set_header("a");
  publisher.add("1", true);
  CHECK(request.piece() == "a1");
  publisher.set_header("b");
  publisher.add("2", true);
  CHECK(request.piece().empty());
  request.answer(content);
  Request next(acceptor);
  CHECK(next.piece() == "b2");
  publisher.finish();
  CHECK(next.piece().empty());
  next.answer(content);
  CHECK(events.record.wait_for_end().cause == Ending::Cause::done);
}

TEST_CASE_FIXTURE(Rig, "an answer that will not change ends it") {
  HttpPublisher publisher(settings(), events);
  Request request(acceptor);
  request.answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 12\r\n\r\nnot for you\n");
  const Ending ending = events.record.wait_for_end();
  CHECK(ending.cause == Ending::Cause::refused);
  CHECK(ending.detail.find("403 not for you") != std::string::npos);
}

TEST_CASE_FIXTURE(Rig, "an answer that may change is asked for again as often as allowed") {
  auto made = settings();
  made.backoff.retries = 2;
  HttpPublisher publisher(made, events);
  for (int tries = 0; tries < 3; ++tries) {
    Request request(acceptor);
    request.answer("HTTP/1.1 409 Conflict\r\nContent-Length: 7\r\n\r\nin use\n");
    events.record.wait_for("connected", static_cast<std::size_t>(tries) + 1);
  }
  CHECK(events.record.wait_for_end().cause == Ending::Cause::unreachable);
}

TEST_CASE_FIXTURE(Rig, "what waits is bounded and the oldest goes first") {
  auto made = settings();
  made.waiting_bytes_max = 1000;
  HttpPublisher publisher(made, events);
  // Nobody accepts yet, but the system connects: without a sync chunk nothing leaves.
  for (int index = 0; index < 100; ++index) publisher.add(std::string(100, 'x'), false);
  CHECK(publisher.stats().kept_bytes <= 1000);
  CHECK(publisher.stats().lost >= 90);
}

}  // namespace client
