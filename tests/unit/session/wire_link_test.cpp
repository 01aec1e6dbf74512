#include "relay/session/wire_link.hpp"

#include "tests/unit/session/wire_rig.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;
using websocket::Opcode;

struct Rig final : WireLink::Events {
  Rig() : link(test::make_link(worker, peer)) {
    link->set_events(this);
    link->start({}, {});
  }
  ~Rig() {
    link.reset();
    ::test::run_turns(worker, 2);
  }

  std::span<std::byte> read_space() noexcept override { return worker.read_buffer(); }
  void on_part(const websocket::Part& part) noexcept override {
    text += ::test::to_text(part.bytes);
    if (part.ends) text += '.';
    if (pauses) link->pause_parsing();
  }
  void on_bad_frame(wire::ByeReason reason, const std::string&) noexcept override {
    bad = reason;
    link->send(wire::write_message(wire::Bye{reason, {}, {}}));
    link->close(websocket::CloseCode::normal);
  }
  void on_lost(const std::string& detail) noexcept override { lost = detail; }
  void on_closed() noexcept override { ++closed; }

  void await(auto condition) { ::test::run_until(worker, condition); }

  loop::Worker worker{0};
  test::WirePeer peer;
  std::unique_ptr<WireLink> link;
  std::string text;
  std::optional<wire::ByeReason> bad;
  std::optional<std::string> lost;
  int closed = 0;
  bool pauses = false;
};

}  // namespace

TEST_CASE("messages come in parts and pings are answered") {
  Rig rig;
  rig.peer.send_raw(::test::write({.payload = "one", .is_final = false}) +
                    ::test::write({.opcode = Opcode::ping, .payload = "here?"}) +
                    ::test::write({.opcode = Opcode::continuation, .payload = "two"}));
  rig.await([&] { return rig.text == "onetwo." && !rig.peer.frames().empty(); });
  CHECK(rig.peer.frames()[0].opcode == Opcode::pong);
  CHECK(rig.peer.frames()[0].payload == "here?");
  CHECK_FALSE(rig.lost);
}

TEST_CASE("what was received waits while its owner is busy") {
  Rig rig;
  rig.pauses = true;
  rig.peer.send_raw(::test::write({.payload = "a"}) + ::test::write({.payload = "b"}));
  rig.await([&] { return rig.text == "a."; });
  ::test::run_turns(rig.worker, 3);
  CHECK(rig.text == "a.");
  rig.link->resume_parsing();
  CHECK(rig.text == "a.b.");
}

TEST_CASE("a close of ours waits for the one of the peer") {
  Rig rig;
  rig.link->close(websocket::CloseCode::going_away);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  CHECK(*rig.peer.close_code() == 1001);
  rig.peer.send_raw(::test::write({.payload = "on its way"}));
  ::test::run_turns(rig.worker, 3);
  CHECK(rig.closed == 0);
  rig.peer.send_close(1001);
  rig.await([&] { return rig.closed == 1; });
  CHECK(rig.text.empty());
  CHECK_FALSE(rig.lost);
}

TEST_CASE("a peer that answers no close is not waited for") {
  Rig rig;
  rig.link->close(websocket::CloseCode::normal);
  const base::Time now = base::monotonic_now();
  rig.link->on_time(now + WireLink::close_wait / 2);
  CHECK(rig.closed == 0);
  rig.link->on_time(now + WireLink::close_wait + 100ms);
  CHECK(rig.closed == 1);
}

TEST_CASE("a close of the peer is answered with the same code") {
  Rig rig;
  rig.peer.send_close(1001);
  rig.await([&] { return rig.closed == 1; });
  CHECK(rig.lost);
  CHECK(*rig.peer.close_code() == 1001);
}

TEST_CASE("a connection that ends without a close frame is lost") {
  Rig rig;
  rig.peer.socket().end_sending();
  rig.await([&] { return rig.lost.has_value(); });
  CHECK(rig.link->is_closed());
}

TEST_CASE("a frame that breaks a rule ends it with the fitting code") {
  for (const auto& [frame, reason, code] :
       {std::tuple{::test::write({.payload = "x", .is_masked = false}),
                   wire::ByeReason::bad_message, 1002u},
        {::test::write({.opcode = Opcode::text, .payload = "x"}), wire::ByeReason::bad_message,
         1003u},
        {std::string("\x82\xff\x00\x00\x00\x00\x02\x00\x00\x00", 10), wire::ByeReason::too_large,
         1009u}}) {
    Rig rig;
    rig.peer.send_raw(frame);
    rig.await([&] { return rig.peer.close_code().has_value(); });
    CHECK(rig.bad == reason);
    CHECK(rig.peer.messages<wire::Bye>().at(0).reason == reason);
    CHECK(*rig.peer.close_code() == code);
    rig.peer.send_raw("anything");
    rig.peer.socket().close();
    rig.await([&] { return rig.closed == 1; });
  }
}

TEST_CASE("a flood of control frames is refused") {
  Rig rig;
  std::string pongs;
  for (unsigned count = 0; count < wire::Allowance::burst + 50; ++count) {
    pongs += ::test::write({.opcode = Opcode::pong, .payload = ""});
  }
  rig.peer.send_raw(pongs);
  rig.await([&] { return rig.peer.close_code().has_value(); });
  CHECK(rig.bad == wire::ByeReason::flood);
  CHECK(*rig.peer.close_code() == 1008);
}

TEST_CASE("a silent peer is pinged and given up when it answers none") {
  Rig rig;
  rig.link->set_patience({2s, 10s});
  const base::Time now = base::monotonic_now();
  rig.link->on_time(now + 1s);
  rig.link->on_time(now + 3s);
  rig.link->on_time(now + 4s);
  rig.await([&] { return !rig.peer.frames().empty(); });
  CHECK(rig.peer.frames().size() == 1);
  CHECK(rig.peer.frames()[0].opcode == Opcode::ping);
  rig.link->on_time(now + 9s);
  CHECK_FALSE(rig.lost);
  rig.link->on_time(now + 11s);
  CHECK(rig.lost == "it answers no ping");
}

TEST_CASE("a link goes on on another worker with what was not looked at") {
  Rig rig;
  rig.pauses = true;
  rig.peer.send_raw(::test::write({.payload = "here"}) + ::test::write({.payload = "there"}));
  rig.await([&] { return rig.text == "here."; });
  WireLink::Moved moved = rig.link->move_on();
  const int socket = rig.link->duplicate();
  rig.link->abandon();
  CHECK(rig.closed == 1);
  rig.text.clear();
  rig.pauses = false;
  rig.link = std::make_unique<WireLink>(rig.worker, loop::Tcp::from_socket(rig.worker, socket),
                                        std::move(moved));
  rig.link->set_events(&rig);
  rig.link->start_reading();
  rig.link->resume_parsing();
  CHECK(rig.text == "there.");
  rig.peer.send_raw(::test::write({.payload = "more"}));
  rig.await([&] { return rig.text == "there.more."; });
}

}  // namespace session
