// The clients' halves of the wire protocol against a relay that says what the input chooses: raw
// bytes, or messages that are right but for one value. A camera must send each relay an unbroken
// numbering from where it asked to begin; a player must deliver one, or say what is lost.
//
// Input: who it is (even: camera), then steps: what, and its values.

#include <optional>
#include <variant>

#include "relay/protocol/wire/camera.hpp"
#include "relay/protocol/wire/player.hpp"
#include "tests/fuzz/wire_input.hpp"

namespace {

using wire_fuzz::Input;
using wire_fuzz::Memory;

constexpr std::uint64_t epoch = 7;

class Filming {
 public:
  static constexpr std::uint64_t bytes_max = 200;

  Filming(Memory& memory, Input& input) : memory_(memory), input_(input) {
    camera_.set_tracks(wire_fuzz::make_tracks(1, 1).tracks);
  }

  void step() {
    switch (input_.byte() % 11) {
      case 0:
        return receive(input_.text(input_.byte()));
      case 1:
      case 2:
        return add();
      case 3:
        camera_.on_connected();
        open_ = true;
        said_hello_ = welcome_ = false;
        return;
      case 4:
        camera_.on_disconnected();
        open_ = false;
        return;
      case 5:
        return send(wire::Welcome{"token", input_.near(first_)});
      case 6:
        return send(wire::Ack{{epoch + input_.byte() / 250u, input_.near(expected_)},
                              {epoch, input_.byte()}});
      case 7:
        camera_.set_tracks(wire_fuzz::make_tracks(1, 1 + input_.byte() % 3u).tracks);
        return;
      case 8:
        return drain(input_.byte() % 4u);
      case 9:
        if (input_.byte() == 0) camera_.finish();
        now_ += std::chrono::milliseconds(input_.byte());
        return;
      default:
        return drain(1'000);
    }
  }

 private:
  void add() {
    wire::Camera::Content content;
    content.sync = input_.byte() % 4 == 0;
    content.samples = wire_fuzz::make_samples(memory_, input_, camera_.end().sequence);
    std::uint64_t bytes = 0;
    for (const media::Sample& sample : content.samples) bytes += sample.payload.bytes();
    RELAY_ASSERT(camera_.add(std::move(content), now_).has_value());
    RELAY_ASSERT(camera_.kept_bytes() <= std::max(bytes_max, bytes));
  }
  void send(const wire::Message& message) {
    receive(wire_fuzz::flat(wire::write_message(message)));
  }
  void receive(const std::string& text) {
    const std::uint64_t next = expected_;
    const auto message = wire_fuzz::read(memory_, text, input_.byte());
    const wire::Welcome* const welcome = message ? std::get_if<wire::Welcome>(&*message) : nullptr;
    const std::uint64_t wanted = welcome != nullptr ? welcome->next_sequence : next;
    const bool was_welcome = camera_.is_welcome();
    camera_.on_message(message);
    if (camera_.is_welcome() && !was_welcome) {
      RELAY_ASSERT(open_ && said_hello_ && welcome != nullptr);
      welcome_ = true;
      expected_ = wanted;
      RELAY_ASSERT(expected_ >= first_ && expected_ <= last_);
    }
    RELAY_ASSERT(camera_.acknowledged() <= camera_.end().sequence);
    RELAY_ASSERT(camera_.durable() <= camera_.acknowledged());
  }
  void drain(std::size_t count) {
    for (; count > 0; --count) {
      auto output = camera_.poll();
      if (!output) return;
      RELAY_ASSERT(open_);
      if (std::holds_alternative<wire::Close>(*output)) {
        open_ = false;
      } else {
        check(wire_fuzz::read_sent<wire::Message>(memory_, std::get<wire::Send>(*output).message));
      }
    }
  }
  void check(const wire::Message& message) {
    if (const auto* hello = std::get_if<wire::Hello>(&message)) {
      RELAY_ASSERT(!said_hello_);
      said_hello_ = true;
      first_ = hello->first_sequence;
      last_ = hello->next_sequence;
      version_ = hello->tracks.version;
    } else if (const auto* tracks = std::get_if<wire::Tracks>(&message)) {
      RELAY_ASSERT(welcome_ && tracks->version != version_);
      version_ = tracks->version;
    } else if (const auto* gap = std::get_if<wire::Gap>(&message)) {
      RELAY_ASSERT(welcome_ && gap->from == wire::Position({epoch, expected_}));
      expected_ = gap->to.sequence;
    } else if (const auto* chunk = std::get_if<wire::Chunk>(&message)) {
      RELAY_ASSERT(welcome_ && chunk->position == wire::Position({epoch, expected_}));
      RELAY_ASSERT(chunk->tracks_version == version_);
      RELAY_ASSERT(chunk->checksum == wire::checksum_of(chunk->samples));
      ++expected_;
    } else {
      RELAY_ASSERT(std::holds_alternative<wire::Bye>(message));
    }
  }

  Memory& memory_;
  Input& input_;
  base::Time now_{std::chrono::hours(1)};
  wire::Camera camera_{{"live/cam", {std::chrono::milliseconds(500), bytes_max}}, epoch};
  bool open_ = false;
  bool said_hello_ = false;
  bool welcome_ = false;
  std::uint64_t first_ = 0;  // what Hello offered
  std::uint64_t last_ = 0;
  std::uint64_t expected_ = 0;
  std::uint32_t version_ = 0;
};

class Viewing {
 public:
  Viewing(Memory& memory, Input& input) : memory_(memory), input_(input) {}

  void step() {
    const std::uint64_t next = expected_.sequence;
    switch (input_.byte() % 12) {
      case 0:
        return receive(input_.text(input_.byte()));
      case 1:
        player_.on_connected();
        open_ = true;
        return drain();
      case 2:
        player_.on_disconnected();
        open_ = false;
        return;
      case 3:
        return send(wire::Playing{"token",
                                  wire_fuzz::make_tracks(1, 1 + input_.byte() % 2u),
                                  {epoch, input_.near(next)},
                                  {},
                                  input_.byte() % 4u});
      case 4:
      case 5:
        return send(wire_fuzz::make_chunk(
            memory_, input_, expected_.epoch == 0 ? wire::Position{epoch, next} : expected_));
      case 6: {
        const wire::Position odd{epoch + input_.byte() / 200u, input_.near(next)};
        return send(wire_fuzz::make_chunk(memory_, input_, odd));
      }
      case 7:
        return send(wire::Gap{{epoch, input_.near(next)},
                              {epoch + input_.byte() / 200u, input_.near(next)},
                              {},
                              {},
                              wire::GapReason::skip});
      case 8:
        return send(wire_fuzz::make_tracks(1 + input_.byte() % 3u, input_.byte() % 4u));
      case 9: {
        const std::uint8_t sequence = input_.byte();
        is_fast_ = sequence % 2 != 0;
        player_.seek(wire::Position{epoch, sequence}, is_fast_ ? 400 : 100);
        is_new_ = true;
        return drain();
      }
      case 10:
        input_.byte() % 2 == 0 ? player_.pause() : player_.resume();
        return drain();
      default:
        player_.leave();
        return drain();
    }
  }

 private:
  void send(const wire::Message& message) {
    receive(wire_fuzz::flat(wire::write_message(message)));
  }
  void receive(const std::string& text) {
    player_.on_message(wire_fuzz::read(memory_, text, input_.byte()));
    drain();
  }
  void drain() {
    int count = 0;
    while (auto output = player_.poll()) {
      RELAY_ASSERT(open_ && ++count <= 8);
      std::visit([this](auto& alternative) { on(alternative); }, *output);
    }
    if (const auto cursor = player_.cursor()) RELAY_ASSERT(!is_new_ && *cursor == expected_);
  }
  void on(wire::Player::Began& began) {
    // A new connection goes on where the last one was, unless nothing was delivered yet.
    RELAY_ASSERT(!began.resumed || began.position == expected_);
    expected_ = began.position;
    is_new_ = false;
  }
  void on(wire::Player::Announce& announce) { tracks_ = announce.tracks; }
  void on(wire::Player::Deliver& deliver) {
    const wire::Position position = deliver.chunk.position;
    const bool is_passed_to = is_fast_ && deliver.chunk.sync && position.epoch == expected_.epoch &&
                              position.sequence > expected_.sequence;
    RELAY_ASSERT(!is_new_ && (position == expected_ || is_passed_to));
    RELAY_ASSERT(deliver.chunk.checksum == wire::checksum_of(deliver.chunk.samples));
    RELAY_ASSERT(deliver.chunk.tracks_version == tracks_.version);
    for (const media::Sample& sample : deliver.chunk.samples) {
      RELAY_ASSERT(sample.track < tracks_.tracks.size());
    }
    expected_ = position.next();
  }
  void on(wire::Player::Lose& lose) {
    RELAY_ASSERT(!is_new_ && lose.gap.from == expected_ && lose.gap.to != expected_);
    RELAY_ASSERT(lose.gap.to.epoch != expected_.epoch || lose.gap.to.sequence > expected_.sequence);
    expected_ = lose.gap.to;
  }
  void on(wire::Send& send) {
    const auto message = wire_fuzz::read_sent<wire::Message>(memory_, send.message);
    if (const auto* play = std::get_if<wire::Play>(&message); play != nullptr && player_.cursor()) {
      RELAY_ASSERT(play->start == wire::Start(*player_.cursor()));
    }
  }
  void on(wire::Close&) { open_ = false; }

  Memory& memory_;
  Input& input_;
  wire::Player player_{wire::Player::Settings{}};
  bool open_ = false;
  bool is_new_ = false;   // a Seek is not answered yet
  bool is_fast_ = false;  // and wants sync chunks only
  wire::Position expected_;
  wire::Tracks tracks_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return wire_fuzz::play<Filming, Viewing>(data, size);
}
