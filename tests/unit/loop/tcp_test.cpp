#include "relay/loop/tcp.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include "relay/memory/block_writer.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"

namespace loop {
namespace {

constexpr std::size_t megabyte = 1024 * 1024;

struct Recorder final : Tcp::Events {
  std::span<std::byte> read_space() noexcept override { return std::span(space).first(room); }
  void on_read(std::span<std::byte> bytes) noexcept override {
    read.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void on_no_space() noexcept override { ++no_space; }
  void on_read_end(base::Error error) noexcept override {
    ++read_ends;
    read_error = error;
  }
  void on_written(base::Error error) noexcept override {
    ++written;
    write_error = error;
  }

  std::array<std::byte, 256> space;
  std::size_t room = space.size();
  std::string read;
  int no_space = 0;
  int read_ends = 0;
  int written = 0;
  base::Error read_error;
  base::Error write_error;
};

struct Rig {
  Rig() {
    auto [fd, other] = test::socket_pair();
    peer = std::move(other);
    test::set_option(fd, SO_SNDBUF, 8192);
    tcp = Tcp::from_socket(worker, fd);
    tcp->set_events(&events);
  }
  memory::WindowList fill(std::size_t size) {
    memory::WindowList list;
    while (list.bytes() < size) {
      const auto space = writer.space(1).value();
      const auto bytes = space.first(std::min(space.size(), size - list.bytes()));
      std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>('a' + list.count()));
      writer.advance(bytes.size());
      list.push_back(writer.window(bytes));
    }
    writer.let_go();
    return list;
  }
  memory::Written try_write(std::string_view text) {
    const iovec buffer{const_cast<char*>(text.data()), text.size()};
    return tcp->try_write({&buffer, 1});
  }

  memory::Arena arena{4 * megabyte, 4096};
  memory::BlockPool pool{arena};
  memory::BlockWriter writer{pool};
  Worker worker{0};
  test::Peer peer;
  Recorder events;
  std::unique_ptr<Tcp> tcp;
};

}  // namespace

TEST_CASE_FIXTURE(Rig, "what the peer sends is read into the offered space") {
  tcp->start_reading();
  peer.send("hello");
  test::run_until(worker, [&] { return events.read == "hello"; });
  peer.send(std::string(1000, 'x'));
  test::run_until(worker, [&] { return events.read.size() == 1005; });
  CHECK(events.read_ends == 0);
}

TEST_CASE_FIXTURE(Rig, "a reset right behind the last bytes is no proper end") {
  auto [fd, other] = test::tcp_pair();
  peer = std::move(other);
  tcp = Tcp::from_socket(worker, fd);
  tcp->set_events(&events);
  tcp->start_reading();
  peer.send("hello");
  SUBCASE("a reset") {
    const linger now{1, 0};
    REQUIRE(setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    peer.close();
    test::run_until(worker, [&] { return events.read_ends == 1; });
    CHECK(events.read_error.value() == ECONNRESET);
  }
  SUBCASE("an end") {
    peer.close();
    test::run_until(worker, [&] { return events.read_ends == 1; });
    CHECK_FALSE(events.read_error);
  }
  CHECK(events.read == "hello");
}

TEST_CASE_FIXTURE(Rig, "without room reading stops until it is started again") {
  events.room = 0;
  tcp->start_reading();
  peer.send("hello");
  test::run_until(worker, [&] { return events.no_space == 1; });
  test::run_turns(worker, 3);
  CHECK(events.no_space == 1);
  events.room = 3;
  tcp->start_reading();
  test::run_until(worker, [&] { return events.read == "hello"; });
}

TEST_CASE_FIXTURE(Rig, "a connection without events reads nothing and loses nothing") {
  tcp->set_events(nullptr);
  tcp->start_reading();
  peer.send("hello");
  test::run_turns(worker, 3);
  tcp->set_events(&events);
  tcp->start_reading();
  test::run_until(worker, [&] { return events.read == "hello"; });
}

TEST_CASE_FIXTURE(Rig, "a peer that closed its side only is still written to") {
  tcp->start_reading();
  peer.send("last");
  peer.end_sending();
  test::run_until(worker, [&] { return events.read_ends == 1; });
  CHECK(events.read == "last");
  CHECK_FALSE(events.read_error);
  CHECK(try_write("answer").bytes == 6);
  tcp->write("more");
  test::run_until(worker, [&] { return events.written == 1; });
  CHECK(peer.read() == "answermore");
  CHECK(events.read_ends == 1);
}

TEST_CASE_FIXTURE(Rig, "shutting down ends our side only") {
  CHECK(try_write("bye").bytes == 3);
  tcp->shut_down();
  CHECK(peer.read() == "bye");
  CHECK(peer.ended());
  peer.send("still here");
  tcp->start_reading();
  test::run_until(worker, [&] { return events.read == "still here"; });
}

TEST_CASE_FIXTURE(Rig, "a short write is followed by a write of the rest without a copy") {
  const std::string text(megabyte, 'x');
  const auto written = try_write(text);
  REQUIRE_FALSE(written.is_broken());
  CHECK(written.bytes > 0);
  CHECK(written.bytes < text.size());
  tcp->write(text.substr(written.bytes), fill(100'000));
  CHECK(tcp->is_writing());
  CHECK(tcp->unwritten_bytes() > 0);
  CHECK(pool.held_count() > 20);  // the request keeps the windows
  CHECK(try_write("between").bytes == 0);
  CHECK_FALSE(try_write("between").is_broken());
  test::run_until(worker, [&] {
    peer.read(5000);
    return events.written == 1;
  });
  CHECK_FALSE(events.write_error);
  CHECK_FALSE(tcp->is_writing());
  CHECK(pool.held_count() == 0);
  peer.read();
  CHECK(peer.text().size() == megabyte + 100'000);
  CHECK(peer.text().compare(0, megabyte, text) == 0);
  CHECK(peer.text()[megabyte] == 'a');
}

TEST_CASE_FIXTURE(Rig, "an unfinished write keeps its windows until the closed handle gives up") {
  tcp->write("", fill(megabyte));
  CHECK(tcp->is_writing());
  tcp.reset();
  CHECK(pool.held_count() > 0);  // libuv is not done with it yet
  test::run_until(worker, [&] { return pool.held_count() == 0; });
  CHECK(events.written == 0);  // nobody is told any more
}

TEST_CASE_FIXTURE(Rig, "a peer that goes breaks the write under way") {
  tcp->write("", fill(megabyte));
  peer.close();
  test::run_until(worker, [&] { return events.written == 1; });
  CHECK(events.write_error);
  CHECK(pool.held_count() == 0);
  CHECK(try_write("more").is_broken());
  CHECK(try_write("more").error().category() == boost::system::system_category());
}

TEST_CASE_FIXTURE(Rig, "a connection destroyed in its turn reports nothing more") {
  tcp->start_reading();
  peer.send("hello");
  tcp.reset();
  test::run_turns(worker, 3);
  CHECK(events.read.empty());
  CHECK(events.read_ends == 0);
}

TEST_CASE_FIXTURE(Rig, "a duplicated descriptor goes on where the first owner is gone") {
  const int fd = tcp->duplicate();
  REQUIRE(fd >= 0);
  tcp.reset();
  test::run_turns(worker, 2);
  tcp = Tcp::from_socket(worker, fd);
  REQUIRE(tcp != nullptr);
  tcp->set_events(&events);
  tcp->start_reading();
  peer.send("hello");
  test::run_until(worker, [&] { return events.read == "hello"; });
}

TEST_CASE("a socket that libuv refuses is closed") {
  Worker worker(0);
  auto [fd, peer] = test::socket_pair();
  const auto tcp = Tcp::from_socket(worker, fd);
  REQUIRE(tcp != nullptr);
  const int gone = tcp->duplicate();
  close(gone);
  CHECK(Tcp::from_socket(worker, gone) == nullptr);
}

TEST_CASE("closing after reset_on_close throws unsent bytes away and sends RST") {
  Worker worker(0);
  Recorder events;
  auto [fd, peer] = test::tcp_pair();
  auto tcp = Tcp::from_socket(worker, fd);
  tcp->set_events(&events);
  tcp->set_unsent(16 * 1024);
  tcp->reset_on_close();
  tcp.reset();
  test::run_turns(worker, 2);
  peer.read();
  CHECK(peer.error() == ECONNRESET);
}

TEST_CASE("a reset connection is a read end with an error") {
  Worker worker(0);
  Recorder events;
  auto [fd, peer] = test::tcp_pair();
  auto tcp = Tcp::from_socket(worker, fd);
  CHECK(tcp->peer() == "127.0.0.1:" + std::to_string(test::port_of(peer.fd())));
  CHECK(tcp->peer_address() == "127.0.0.1");
  tcp->set_events(&events);
  tcp->start_reading();
  const linger now{1, 0};
  setsockopt(peer.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  peer.close();
  test::run_until(worker, [&] { return events.read_ends == 1; });
  CHECK(events.read_error.value() == ECONNRESET);
  CHECK(tcp->peer_address() == "127.0.0.1");  // also after it has gone
}

TEST_CASE("a connection is whose somebody says that knows better than the kernel") {
  Worker worker(0);
  auto [fd, peer] = test::tcp_pair();
  auto tcp = Tcp::from_socket(worker, fd);
  CHECK(tcp->origin().peer == tcp->origin().client);
  tcp->set_origin(
      {base::parse_endpoint("10.0.0.7:8080").value(), base::parse_endpoint("2001:db8::1").value()});
  CHECK(tcp->peer() == "2001:db8::1");
  CHECK(tcp->peer_address() == "2001:db8::1");
  CHECK(to_text(tcp->origin().peer) == "10.0.0.7:8080");
  auto [other, local] = test::socket_pair();
  CHECK(Tcp::from_socket(worker, other)->peer() == "?");
}

TEST_CASE("a status of libuv is an error of the system") {
  CHECK_FALSE(to_error(0));
  CHECK_FALSE(to_error(5));
  CHECK(to_error(-ECONNRESET).value() == ECONNRESET);
  CHECK(to_error(-ECONNRESET).category() == boost::system::system_category());
}

TEST_CASE("an owned socket is closed by its last owner") {
  auto [fd, peer] = test::socket_pair();
  {
    OwnedSocket first(fd);
    OwnedSocket second(std::move(first));
    CHECK(first.release() == -1);
    peer.read();
    CHECK_FALSE(peer.ended());
  }
  peer.read();
  CHECK(peer.ended());
  auto [kept, other] = test::socket_pair();
  CHECK(OwnedSocket(kept).release() == kept);
  other.read();
  CHECK_FALSE(other.ended());
  close(kept);
}

}  // namespace loop
