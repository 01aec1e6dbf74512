#include "relay/session/wire_connection.hpp"

#include "tests/unit/session/wire_rig.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;

struct Rig final : WireConnection::Events {
  explicit Rig(std::string received = {}) {
    auto [fd, other] = ::test::tcp_pair();
    peer.use(std::move(other));
    connection = std::make_unique<WireConnection>(
        1, worker, loop::Tcp::from_socket(worker, fd), *this,
        WireConnection::Request{"live/cam", "camera", {}, std::move(received)},
        base::monotonic_now() + 5s);
    connection->start();
  }
  ~Rig() {
    link.reset();
    connection.reset();
    ::test::run_turns(worker, 2);
  }

  void on_first_message(WireConnection& one, wire::Message message) noexcept override {
    first = std::move(message);
    if (takes) link = one.take_link();
  }
  void on_wire_refused(WireConnection&, const wire::Bye& bye) noexcept override {
    refused = bye.reason;
  }
  void on_wire_closed(WireConnection&) noexcept override { ++closed; }
  void await(auto condition) { ::test::run_until(worker, condition); }

  loop::Worker worker{0};
  test::WirePeer peer;
  std::unique_ptr<WireConnection> connection;
  std::unique_ptr<WireLink> link;
  std::optional<wire::Message> first;
  std::optional<wire::ByeReason> refused;
  int closed = 0;
  bool takes = true;
};

std::string hello_frame() {
  wire::Hello hello;
  hello.epoch = wire::test::epoch;
  return ::test::write({.payload = wire::write_header(wire::Message(hello))});
}

// An envelope with a message that nobody knows yet.
const std::string unknown = {3, static_cast<char>(0xa2), 6, 0};

}  // namespace

TEST_CASE("the first message says the role") {
  Rig camera;
  camera.peer.send_raw(hello_frame());
  camera.await([&] { return camera.first.has_value(); });
  CHECK(std::get<wire::Hello>(*camera.first).epoch == wire::test::epoch);
  CHECK(camera.closed == 1);
  CHECK_FALSE(camera.connection->has_link());
  Rig player;
  player.peer.send(wire::Play{});
  player.await([&] { return player.first.has_value(); });
  CHECK(std::holds_alternative<wire::Play>(*player.first));
}

TEST_CASE("the first message may come with the request") {
  Rig rig(hello_frame());
  CHECK(rig.first.has_value());
}

TEST_CASE("messages of a newer peer are passed over before the first") {
  Rig rig;
  rig.peer.send_raw(::test::write({.payload = unknown}) + hello_frame());
  rig.await([&] { return rig.first.has_value(); });
  CHECK_FALSE(rig.refused);
}

TEST_CASE("whatever else comes first is refused with its reason") {
  for (const auto& [frame, reason] :
       {std::pair{::test::write({.payload = "nonsense"}), wire::ByeReason::bad_message},
        {::test::write({.payload = wire::write_header(wire::Message(wire::Pause{}))}),
         wire::ByeReason::bad_message},
        {::test::write({.payload = std::string(MessageCollector::message_bytes_max + 1, 'x')}),
         wire::ByeReason::too_large}}) {
    Rig rig;
    rig.peer.send_raw(frame);
    rig.await([&] { return rig.peer.close_code().has_value(); });
    CHECK(rig.refused == reason);
    CHECK(rig.peer.messages<wire::Bye>().at(0).reason == reason);
    rig.peer.send_close();
    rig.await([&] { return rig.closed == 1; });
  }
}

TEST_CASE("a flood of what nobody knows is refused") {
  Rig rig;
  std::string flood;
  for (unsigned count = 0; count < wire::Allowance::burst + 50; ++count) {
    flood += ::test::write({.payload = unknown});
  }
  rig.peer.send_raw(flood);
  rig.await([&] { return rig.refused.has_value(); });
  CHECK(rig.refused == wire::ByeReason::flood);
}

TEST_CASE("who says nothing is not waited for") {
  Rig rig;
  CHECK_FALSE(rig.connection->on_time(base::monotonic_now() + 4s));
  CHECK(rig.connection->on_time(base::monotonic_now() + 6s));
  CHECK(rig.refused.has_value());
  CHECK(rig.closed == 0);
  static_cast<void>(rig.connection->on_time(base::monotonic_now() + 6s + WireLink::close_wait));
  CHECK(rig.closed == 1);
}

}  // namespace session
