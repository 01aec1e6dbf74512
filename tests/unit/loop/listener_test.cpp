#include "relay/loop/listener.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cerrno>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"

namespace loop {
namespace {

struct Acceptor final : Listener::Events {
  void on_accept(Listener&, std::unique_ptr<Tcp> tcp) noexcept override {
    accepted.push_back(std::move(tcp));
  }
  void on_accept_failed(Listener&, base::Error error) noexcept override {
    ++failures;
    failure = error;
  }
  std::vector<std::unique_ptr<Tcp>> accepted;
  int failures = 0;
  base::Error failure;
};

std::string error_of(const std::string& address, std::uint16_t port) {
  try {
    for (const int fd : bind_sockets(address, port, 1).sockets) close(fd);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

struct Option {
  int level;
  int name;
};
int option_of(int fd, Option option) {
  int value = -1;
  socklen_t size = sizeof value;
  getsockopt(fd, option.level, option.name, &value, &size);
  return value;
}

}  // namespace

TEST_CASE("port 0 is one free port for the sockets of all workers") {
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 3);
  REQUIRE(bound.sockets.size() == 3);
  const auto port = test::port_of(bound.sockets[0]);
  CHECK(port != 0);
  CHECK(bound.address == "127.0.0.1:" + std::to_string(port));
  for (const int fd : bound.sockets) {
    CHECK(test::port_of(fd) == port);
    close(fd);
  }
}

TEST_CASE("a port that is in use is an error that names it") {
  const BoundSockets first = bind_sockets("127.0.0.1", 0, 2);
  const auto port = test::port_of(first.sockets[0]);
  REQUIRE(listen(first.sockets[0], 1) == 0);
  // Its sockets share the port among themselves, but with nobody else.
  const std::string error = error_of("127.0.0.1", port);
  CHECK(contains(error, "127.0.0.1 port " + std::to_string(port)));
  CHECK(contains(error, "in use"));
  CHECK(contains(error_of("0.0.0.0", port), std::to_string(port)));
  for (const int fd : first.sockets) close(fd);
  CHECK(error_of("127.0.0.1", port).empty());
}

TEST_CASE("what is no numeric address is refused by name") {
  CHECK(contains(error_of("localhost", 0), "'localhost'"));
  CHECK(contains(error_of("", 0), "not an IPv4 or IPv6 address"));
  CHECK(contains(error_of("192.0.2.1", 8080), "192.0.2.1 port 8080"));  // not of this machine
}

TEST_CASE("the wildcard takes IPv4 connections too") {
  const BoundSockets bound = bind_sockets("::", 0, 1);
  Worker worker(0);
  Acceptor acceptor;
  Listener listener(worker, bound.sockets[0], acceptor);
  const test::Peer peer = test::connect_to(test::port_of(bound.sockets[0]));
  test::run_until(worker, [&] { return acceptor.accepted.size() == 1; });
  CHECK(acceptor.accepted[0]->peer_address() == "127.0.0.1");
}

TEST_CASE("accepted connections are tuned and know their peer") {
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 1);
  Worker worker(0);
  Acceptor acceptor;
  Listener listener(worker, bound.sockets[0], acceptor);
  std::vector<test::Peer> peers;
  for (int count = 0; count < 5; ++count) {
    peers.push_back(test::connect_to(test::port_of(bound.sockets[0])));
  }
  test::run_until(worker, [&] { return acceptor.accepted.size() == peers.size(); });
  CHECK(acceptor.accepted[0]->peer() ==
        "127.0.0.1:" + std::to_string(test::port_of(peers[0].fd())));
  const OwnedSocket owned(acceptor.accepted[0]->duplicate());
  const int fd = OwnedSocket(acceptor.accepted[0]->duplicate()).release();
  CHECK(option_of(fd, {IPPROTO_TCP, 1}) == 1);  // TCP_NODELAY
  CHECK(option_of(fd, {SOL_SOCKET, SO_KEEPALIVE}) == 1);
  close(fd);
}

TEST_CASE("a listener on a broken socket throws") {
  Worker worker(0);
  Acceptor acceptor;
  auto [fd, peer] = test::socket_pair();
  const int refused = fd;
  CHECK_THROWS_AS(Listener(worker, refused, acceptor), std::runtime_error);
}

TEST_CASE("a closed listener accepts no more") {
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 1);
  const auto port = test::port_of(bound.sockets[0]);
  Worker worker(0);
  Acceptor acceptor;
  auto listener = std::make_unique<Listener>(worker, bound.sockets[0], acceptor);
  const test::Peer first = test::connect_to(port);
  test::run_until(worker, [&] { return acceptor.accepted.size() == 1; });
  listener.reset();
  test::run_turns(worker, 2);
  CHECK(error_of("127.0.0.1", port).empty());  // the port is free
}

// Out of descriptors would be the real thing, but UndefinedBehaviorSanitizer needs some itself;
// tests/e2e/test_faults.py does that.
TEST_CASE("when accepting fails it is told once and tried again") {
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 1);
  const int fd = bound.sockets[0];
  Worker worker(0);
  Acceptor acceptor;
  Listener listener(worker, fd, acceptor);
  REQUIRE(shutdown(fd, SHUT_RD) == 0);
  test::run_until(worker, [&] { return acceptor.failures > 0; });
  CHECK(acceptor.failure.value() == EINVAL);
  CHECK(listener.accept_queued() == 0);
  REQUIRE(listen(fd, Listener::backlog) == 0);
  const test::Peer peer = test::connect_to(test::port_of(fd));  // another: it was let go
  test::run_until(worker, [&] { return acceptor.accepted.size() == 1; });
  CHECK(acceptor.failures == 1);
}

TEST_CASE("what is queued is accepted without a turn of the loop before the listener closes") {
  constexpr std::size_t connections = 3 * Listener::accepts_per_turn;
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 1);
  Worker worker(0);
  Acceptor acceptor;
  auto listener = std::make_unique<Listener>(worker, bound.sockets[0], acceptor);
  std::vector<test::Peer> peers;
  for (std::size_t count = 0; count < connections; ++count) {
    peers.push_back(test::connect_to(test::port_of(bound.sockets[0])));
  }
  CHECK(listener->accept_queued() == connections);
  CHECK(acceptor.accepted.size() == connections);
  CHECK(listener->accept_queued() == 0);
}

TEST_CASE("who comes while the queue is emptied does not keep the listener from closing") {
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 1);
  const auto port = test::port_of(bound.sockets[0]);
  Worker worker(0);
  // Each that is accepted is followed by another one.
  struct Storm final : Listener::Events {
    void on_accept(Listener&, std::unique_ptr<Tcp>) noexcept override {
      last = std::make_unique<test::Peer>(test::connect_to(port));
    }
    void on_accept_failed(Listener&, base::Error) noexcept override {}
    std::uint16_t port = 0;
    std::unique_ptr<test::Peer> last;
  } storm;
  storm.port = port;
  Listener listener(worker, bound.sockets[0], storm);
  storm.last = std::make_unique<test::Peer>(test::connect_to(port));
  CHECK(listener.accept_queued() == Listener::backlog + 1);
  test::run_turns(worker, 1);
}

TEST_CASE("a storm of connections is accepted over many turns") {
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 1);
  Worker worker(0);
  Acceptor acceptor;
  Listener listener(worker, bound.sockets[0], acceptor);
  std::vector<test::Peer> peers;
  for (int count = 0; count < 2 * Listener::accepts_per_turn; ++count) {
    peers.push_back(test::connect_to(test::port_of(bound.sockets[0])));
  }
  uv_run(worker.uv(), UV_RUN_NOWAIT);
  CHECK(acceptor.accepted.size() == Listener::accepts_per_turn);
  test::run_until(worker, [&] { return acceptor.accepted.size() == peers.size(); });
}

TEST_CASE("two workers share a port and every connection reaches one of them") {
  constexpr std::size_t connections = 40;
  const BoundSockets bound = bind_sockets("127.0.0.1", 0, 2);
  Worker first(0);
  Worker second(1);
  Acceptor here;
  Acceptor there;
  Listener first_listener(first, bound.sockets[0], here);
  Listener second_listener(second, bound.sockets[1], there);
  std::thread thread([&] { second.run(); });
  std::vector<test::Peer> peers;
  for (std::size_t count = 0; count < connections; ++count) {
    peers.push_back(test::connect_to(test::port_of(bound.sockets[0])));
  }
  // What the other one has is asked for through its mailbox.
  std::size_t reported = 0;
  test::run_until(first, [&] {
    second.mailbox().post_action([&]() noexcept {
      first.mailbox().post_action(
          [&reported, count = there.accepted.size()]() noexcept { reported = count; });
    });
    return here.accepted.size() + reported == connections;
  });
  second.mailbox().post_action([&]() noexcept { second.stop(); });
  thread.join();
  CHECK(here.accepted.size() + there.accepted.size() == connections);
}

}  // namespace loop
