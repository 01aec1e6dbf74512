// Plays Chunker against a plain list of what was added. Input: pairs of bytes, what to do and how
// much. All samples come out once and in order; a group ends at a video frame, at a limit, or when
// its time was up.
#include "relay/media/chunker.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "relay/base/assert.hpp"

namespace {

constexpr std::array<std::byte, 128 * 1024> zeros{};

class Game {
 public:
  void play(std::uint8_t action, std::uint8_t amount) {
    switch (action % 8) {
      case 0:
        return set_tracks(amount);
      case 1:
        now_ += std::chrono::milliseconds(amount);
        chunker_.on_time(now_);
        RELAY_ASSERT(!chunker_.deadline() || *chunker_.deadline() > now_);
        return poll();
      case 2:
        if (amount % 4 == 0) chunker_.finish();
        return poll();
      default:
        for (unsigned time = 0; time <= amount % 32u; ++time) add(action / 8u, amount);
        if (amount % 2 == 0) poll();
    }
  }
  void end() {
    chunker_.finish();
    RELAY_ASSERT(!chunker_.deadline());
    poll();
    RELAY_ASSERT(twin_.empty());
  }

 private:
  struct Added {
    std::int64_t dts;
    bool video;
    bool sync;
    bool has_video;  // among the tracks then
  };

  void set_tracks(std::uint8_t amount) {
    tracks_.assign(1 + amount % 4u, {});
    for (std::size_t index = 0; index < tracks_.size(); ++index) {
      tracks_[index].kind = amount >> (2 + index) & 1 ? media::Kind::video : media::Kind::audio;
    }
    chunker_.set_tracks(tracks_);
    RELAY_ASSERT(!chunker_.deadline());
  }
  void add(unsigned track, std::uint8_t amount) {
    if (tracks_.empty()) return;
    media::Sample sample;
    sample.track = static_cast<std::uint8_t>(track % tracks_.size());
    const bool video = tracks_[sample.track].kind == media::Kind::video;
    sample.sync = !video || amount % 8 == 0;
    sample.dts = next_dts_++;
    sample.payload.push_back(memory::Window::on_static(std::span(zeros).first(1 + amount * 512u)));
    const bool has_video = std::ranges::any_of(
        tracks_, [](const media::Track& one) { return one.kind == media::Kind::video; });
    twin_.push_back({sample.dts, video, sample.sync, has_video});
    chunker_.add(std::move(sample), now_);
    RELAY_ASSERT(!chunker_.deadline() || (has_video && !video));
  }
  void poll() {
    while (const auto group = chunker_.poll()) check(*group);
    // What is left waits together, for the same video frame.
    RELAY_ASSERT(twin_.empty() || chunker_.deadline());
    RELAY_ASSERT(twin_.size() < media::Chunker::samples_max);
  }
  void check(const media::Chunker::Group& group) {
    RELAY_ASSERT(!group.samples.empty());
    RELAY_ASSERT(group.samples.size() <= media::Chunker::samples_max);
    bool sync = false;
    std::size_t bytes = 0;
    for (const media::Sample& sample : group.samples) {
      RELAY_ASSERT(bytes < media::Chunker::bytes_max);
      bytes += sample.payload.bytes();
      const Added added = twin_.front();
      twin_.pop_front();
      RELAY_ASSERT(sample.dts == added.dts);
      // Nothing follows a video frame, and without video nothing waits.
      const bool is_last = &sample == &group.samples.back();
      RELAY_ASSERT(is_last || (added.has_video && !added.video));
      sync = sync || (added.sync && added.video == added.has_video);
    }
    RELAY_ASSERT(group.sync == sync);
  }

  media::Chunker chunker_;
  std::vector<media::Track> tracks_;
  std::deque<Added> twin_;
  std::int64_t next_dts_ = 0;
  base::Time now_{std::chrono::hours(1)};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Game game;
  for (std::size_t index = 0; index + 1 < std::min<std::size_t>(size, 512); index += 2) {
    game.play(data[index], data[index + 1]);
  }
  game.end();
  return 0;
}
