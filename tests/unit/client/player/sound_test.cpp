#include "client/player/sound.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace client {
namespace {

using std::chrono::milliseconds;

constexpr base::Time start{std::chrono::hours(1)};
constexpr base::Duration delay = milliseconds(200);
constexpr std::size_t frames_of_10_ms = 480;

// A tone of that level, so that each sample says where it belongs.
std::vector<float> level(float value, std::size_t frames = frames_of_10_ms) {
  return std::vector<float>(frames * Sound::channels, value);
}

struct Rig {
  Sound sound;
  std::vector<float> take(base::Time at, std::size_t frames = frames_of_10_ms) {
    std::vector<float> out(frames * Sound::channels, 9.0F);
    sound.take(out, at, delay);
    return out;
  }
};

}  // namespace

TEST_CASE("sound is heard so long after its capture and silence before") {
  Rig rig;
  rig.sound.add(start, level(0.5F));
  const auto early = rig.take(start);
  CHECK(std::ranges::all_of(early, [](float one) { return one == 0; }));
  const auto heard = rig.take(start + delay);
  CHECK(heard.front() == 0.5F);
  CHECK(heard[heard.size() - Sound::channels] == 0.5F);
  CHECK(rig.take(start + delay + milliseconds(10)).front() == 0);
}

TEST_CASE("it says how long after its capture the sound is heard and nothing of silence") {
  Rig rig;
  CHECK(!rig.sound.latency());
  rig.sound.add(start, level(0.5F));
  rig.take(start);
  CHECK(!rig.sound.latency());
  rig.take(start + delay + milliseconds(7));
  CHECK(rig.sound.latency() == delay + milliseconds(7));
  rig.take(start + delay + milliseconds(17));
  CHECK(!rig.sound.latency());
}

TEST_CASE("what is too late is passed over") {
  Rig rig;
  for (int at = 0; at < 20; ++at) {
    rig.sound.add(start + at * milliseconds(10), level(static_cast<float>(at)));
  }
  CHECK(std::abs(rig.take(start + delay + milliseconds(100)).front() - 10) <= 1);
}

TEST_CASE("a gap is silence as long as it lasts") {
  Rig rig;
  rig.sound.add(start, level(0.5F));
  rig.sound.add(start + milliseconds(110), level(0.25F));
  const auto heard = rig.take(start + delay, 12 * frames_of_10_ms);
  const auto at = [&](int ms) { return heard[static_cast<std::size_t>(ms) * 48 * 2]; };
  CHECK(at(5) == 0.5F);
  CHECK(at(50) == 0);
  CHECK(at(115) == 0.25F);
}

TEST_CASE("a device whose clock is wrong stays with the pictures") {
  Rig rig;
  base::Time captured = start;
  base::Time at = start + delay;
  double level_now = 0;
  std::vector<float> out;
  // The device takes 1 % more than its rate: without correction 100 ms would be gone after 10 s.
  for (int round = 0; round < 3000; ++round) {
    while (!rig.sound.is_full() && captured < at) {
      std::vector<float> ramp;
      for (std::size_t frame = 0; frame < frames_of_10_ms; ++frame) {
        level_now += 1;
        ramp.insert(ramp.end(), Sound::channels, static_cast<float>(level_now / 1e6));
      }
      rig.sound.add(captured, ramp);
      captured += milliseconds(10);
    }
    out = rig.take(at);
    at += std::chrono::microseconds(9901);
  }
  const double heard_ms = static_cast<double>(out.front()) * 1e6 / 48;
  const double due_ms =
      base::to_seconds(at - std::chrono::microseconds(9901) - delay - start) * 1e3;
  CHECK(std::abs(heard_ms - due_ms) < 60);
}

TEST_CASE("so much waits at most") {
  Rig rig;
  int added = 0;
  while (!rig.sound.is_full()) {
    rig.sound.add(start + added * milliseconds(10), level(1));
    ++added;
  }
  CHECK(added == Sound::length_max / milliseconds(10));
  rig.sound.clear();
  CHECK(!rig.sound.is_full());
  CHECK(rig.take(start + delay).front() == 0);
}

}  // namespace client
