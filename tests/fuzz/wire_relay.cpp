// The relay's halves of the wire protocol against peers that say what the input chooses: raw bytes,
// or messages that are right but for one value. What comes out must be a log without a repeat or an
// unexplained hole, and every message of ours must be readable.
//
// Input: who connects (even: publisher), then steps: what, and its values.

#include <optional>
#include <variant>

#include "relay/protocol/wire/admission.hpp"
#include "relay/protocol/wire/player_session.hpp"
#include "relay/protocol/wire/publisher_session.hpp"
#include "tests/fuzz/wire_input.hpp"

namespace {

using wire_fuzz::Input;
using wire_fuzz::Memory;

constexpr std::uint64_t epoch = 7;
constexpr int outputs_max = 8;

class Publishing {
 public:
  Publishing(Memory& memory, Input& input) : memory_(memory), input_(input) { connect(); }

  void step() {
    const std::uint8_t what = input_.byte();
    const std::uint64_t next = end_ ? end_->sequence : 0;
    switch (what % 10) {
      case 0:
        return receive(input_.text(input_.byte()));
      case 1:
        return send(make_hello());
      case 2:
      case 3:
        return send(wire_fuzz::make_chunk(memory_, input_, {epoch, next}));
      case 4: {
        const wire::Position odd{epoch + input_.byte() / 250u, input_.near(next)};
        return send(wire_fuzz::make_chunk(memory_, input_, odd));
      }
      case 5:
        return send(wire::Gap{{epoch, input_.near(next)}, {epoch, input_.near(next)}, {}, {}, {}});
      case 6:
        return send(wire_fuzz::make_tracks(1 + input_.byte() % 3u, input_.byte() % 17u));
      case 7:
        now_ += std::chrono::milliseconds(input_.byte());
        session_->on_time(now_);
        return drain();
      case 8:
        session_->on_durable(input_.near(next), now_);
        return drain();
      default:
        if (input_.byte() % 2 == 0) return connect();
        session_->bye(wire::ByeReason::drain);
        return drain();
    }
  }

 private:
  void connect() {
    session_.emplace("live/cam", now_);
    open_ = true;
    welcome_ = false;
  }
  wire::Hello make_hello() {
    wire::Hello hello;
    hello.token = input_.text(input_.byte() % 4u);
    hello.epoch = epoch + input_.byte() / 250u;
    hello.tracks = wire_fuzz::make_tracks(1, 1 + input_.byte() % 2u);
    hello.first_sequence = input_.byte();
    hello.sync_sequence = hello.first_sequence + input_.byte() % 16u;
    hello.next_sequence = hello.sync_sequence + input_.byte();
    return hello;
  }
  void send(const wire::Message& message) {
    receive(wire_fuzz::flat(wire::write_message(message)));
  }
  void receive(const std::string& text) {
    session_->on_message(wire_fuzz::read(memory_, text, input_.byte()), now_);
    drain();
  }

  void drain() {
    int count = 0;
    while (auto output = session_->poll()) {
      RELAY_ASSERT(open_ && ++count <= outputs_max);
      std::visit([this](auto& alternative) { on(alternative); }, *output);
    }
    RELAY_ASSERT(open_ != session_->is_closed());
    if (!open_) connect();
  }
  void on(wire::PublisherSession::Join& join) {
    RELAY_ASSERT(!welcome_);
    if (input_.byte() % 16 == 15) return session_->refuse(wire::ByeReason::in_use);
    if (end_ && end_->epoch != join.hello.epoch) end_.reset();
    std::optional<wire::Kept> kept;
    if (end_) kept = wire::Kept{*end_, end_->sequence};
    session_->accept("fresh", kept);
  }
  void on(wire::PublisherSession::Announce& announce) {
    RELAY_ASSERT(welcome_ && announce.tracks.version != 0);
    RELAY_ASSERT(announce.tracks.tracks.size() <= wire::tracks_max);
    tracks_ = announce.tracks;
  }
  void on(wire::PublisherSession::Append& append) {
    RELAY_ASSERT(welcome_ && end_ && append.chunk.position == *end_);
    RELAY_ASSERT(append.chunk.checksum == wire::checksum_of(append.chunk.samples));
    RELAY_ASSERT(append.chunk.tracks_version == tracks_.version);
    for (const media::Sample& sample : append.chunk.samples) {
      RELAY_ASSERT(sample.track < tracks_.tracks.size());
    }
    end_ = end_->next();
  }
  void on(wire::PublisherSession::Lose& lose) {
    RELAY_ASSERT(welcome_ && end_);
    // The hole before what Welcome asks for is told after it.
    if (lose.gap.to != *end_) {
      RELAY_ASSERT(lose.gap.from == *end_ && lose.gap.to.sequence > end_->sequence);
    }
    end_ = lose.gap.to;
  }
  void on(wire::Send& send) {
    const auto message = wire_fuzz::read_sent<wire::Message>(memory_, send.message);
    if (const auto* welcome = std::get_if<wire::Welcome>(&message)) {
      RELAY_ASSERT(!welcome_ && (!end_ || welcome->next_sequence >= end_->sequence));
      welcome_ = true;
      end_ = session_->expected();
      RELAY_ASSERT(end_->sequence == welcome->next_sequence);
    } else if (const auto* ack = std::get_if<wire::Ack>(&message)) {
      RELAY_ASSERT(welcome_ && ack->received == *end_);
    } else {
      RELAY_ASSERT(std::holds_alternative<wire::Bye>(message));
    }
  }
  void on(wire::Close&) { open_ = false; }

  Memory& memory_;
  Input& input_;
  base::Time now_{std::chrono::hours(1)};
  std::optional<wire::PublisherSession> session_;
  bool open_ = false;
  bool welcome_ = false;
  std::optional<wire::Position> end_;  // of the log
  wire::Tracks tracks_;
};

class Watching {
 public:
  Watching(Memory& memory, Input& input) : memory_(memory), input_(input) {}

  void step() {
    switch (input_.byte() % 8) {
      case 0:
        return receive(input_.text(input_.byte()));
      case 1:
        return send(wire::Play{make_start(), {}, wire::Slow::skip, {}, {}, "t"});
      case 2: {
        const std::uint8_t request = input_.byte();
        return send(wire::Seek{make_start(), request, 100U + request % 4U});
      }
      case 3:
        return send(wire::Pause{});
      case 4:
        return send(wire::Resume{});
      case 5:
        now_ += std::chrono::milliseconds(100 * input_.byte());
        session_.on_time(now_);
        return drain();
      case 6:
        return find();
      default:
        if (session_.is_playing()) session_.gap({{epoch, 1}, {epoch, 2}, {}, {}, {}});
        return drain();
    }
  }

 private:
  wire::Start make_start() {
    const std::uint8_t kind = input_.byte() % 3;
    if (kind == 0) return wire::Live{};
    if (kind == 1) return base::Utc(std::chrono::microseconds(input_.byte()));
    return wire::Position{epoch, input_.byte()};
  }
  void send(const wire::Message& message) {
    receive(wire_fuzz::flat(wire::write_message(message)));
  }
  void receive(const std::string& text) {
    session_.on_message(wire_fuzz::read(memory_, text, input_.byte()), now_);
    drain();
  }
  void find() {
    if (!finding_) return;
    finding_ = false;
    wire::Position start{epoch + 1, input_.byte()};
    if (const auto* cursor = std::get_if<wire::Position>(&session_.play().start)) {
      if (input_.byte() % 2 == 0) start = {cursor->epoch, cursor->sequence + input_.byte()};
    }
    if (start.sequence <= wire::sequence_max) session_.found({start, {}, {}}, {}, "fresh");
    drain();
  }
  void drain() {
    int count = 0;
    while (auto output = session_.poll()) {
      RELAY_ASSERT(open_ && ++count <= outputs_max);
      if (const auto* send = std::get_if<wire::Send>(&*output)) {
        (void)wire_fuzz::read_sent<wire::Message>(memory_, send->message);
      }
      if (std::holds_alternative<wire::PlayerSession::Find>(*output)) finding_ = true;
      if (std::holds_alternative<wire::Close>(*output)) open_ = finding_ = false;
    }
    RELAY_ASSERT(open_ != session_.is_closed());
    RELAY_ASSERT(finding_ == session_.deadline().has_value());
    if (open_) return;
    session_ = wire::PlayerSession(std::chrono::seconds(15));
    open_ = true;
  }

  Memory& memory_;
  Input& input_;
  base::Time now_{std::chrono::hours(1)};
  wire::PlayerSession session_{std::chrono::seconds(15)};
  bool open_ = true;
  bool finding_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return wire_fuzz::play<Publishing, Watching>(data, size);
}
