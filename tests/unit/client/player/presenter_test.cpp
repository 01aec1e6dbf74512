#include "client/player/presenter.hpp"

#include <doctest/doctest.h>

#include <array>
#include <thread>

#include "tests/unit/client/player/gst_samples.hpp"

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Pictures that were captured 40 ms apart, the first ten seconds ago: all are due.
struct Rig {
  explicit Rig(base::Duration latency = {}) : presenter(latency) {}

  void add(int count = 1) {
    for (; count > 0; --count) {
      Decoder::Decoded decoded;
      decoded.kind = media::Kind::video;
      decoded.pts = number * milliseconds(40);
      decoded.captured = began + number * milliseconds(40);
      decoded.sample = sample.get();
      ++number;
      presenter.add(decoded);
    }
  }

  Presenter presenter;
  gst::Pointer<GstSample> sample = test::picture();
  base::Utc began = base::utc_now() - seconds(10);
  int number = 0;
};

}  // namespace

TEST_CASE("of the pictures that are due the newest is shown once") {
  Rig rig;
  CHECK(rig.presenter.take_due() == nullptr);
  rig.add(3);
  CHECK(rig.presenter.take_due() != nullptr);
  CHECK(rig.presenter.take_due() == nullptr);
  const Presenter::View view = rig.presenter.view();
  CHECK(view.has_picture);
  CHECK(view.shown == 1);
  CHECK(view.passed_over == 2);
  CHECK(view.width == 64);
  CHECK(rig.presenter.position() == rig.began + milliseconds(80));
}

TEST_CASE("what is not due yet waits") {
  Rig rig(std::chrono::hours(1));
  rig.add();
  CHECK(rig.presenter.take_due() == nullptr);
  REQUIRE(rig.presenter.next_due());
  CHECK(*rig.presenter.next_due() > base::monotonic_now() + std::chrono::minutes(50));
}

TEST_CASE("what takes time to be drawn is taken so much earlier") {
  Rig rig(seconds(5));
  rig.add();
  REQUIRE(rig.presenter.take_due() != nullptr);
  rig.presenter.on_drawn(base::monotonic_now() + milliseconds(30));
  const base::Time now = base::monotonic_now();
  rig.began = base::utc_now() - seconds(1);
  rig.number = 0;
  rig.add();
  REQUIRE(rig.presenter.next_due());
  CHECK(*rig.presenter.next_due() < now + seconds(4) - milliseconds(29));
  CHECK(*rig.presenter.next_due() > now + seconds(3));
}

TEST_CASE("who brings more than may wait stands still until there is room") {
  Rig rig;
  rig.add(Presenter::pictures_max);
  std::thread more([&rig] { rig.add(); });
  while (rig.presenter.take_due() == nullptr) std::this_thread::yield();
  more.join();
  CHECK(rig.presenter.take_due() != nullptr);
}

TEST_CASE("nobody stands still behind an interruption and nothing of before is shown") {
  Rig rig;
  rig.add(Presenter::pictures_max);
  std::thread more([&rig] { rig.add(5); });
  rig.presenter.interrupt();
  more.join();
  CHECK(rig.presenter.take_due() == nullptr);
  rig.presenter.restart(true, {});
  rig.add();
  CHECK(rig.presenter.take_due() != nullptr);
}

TEST_CASE("nothing from before the place that was asked for is shown") {
  Rig rig;
  rig.presenter.interrupt(rig.began + milliseconds(80));
  CHECK(rig.presenter.position() == rig.began + milliseconds(80));
  rig.presenter.restart(false, rig.began + milliseconds(80));
  rig.add(2);
  CHECK(!rig.presenter.next_due());
  rig.add();
  CHECK(rig.presenter.next_due());
  CHECK(!rig.presenter.view().is_live);
}

TEST_CASE("while it is paused the picture stays") {
  Rig rig;
  rig.presenter.pause(true);
  rig.add();
  CHECK(rig.presenter.take_due() == nullptr);
  CHECK(rig.presenter.view().is_paused);
  rig.presenter.pause(false);
  CHECK(rig.presenter.take_due() != nullptr);
}

TEST_CASE("a decoder that is more than the latency and a second behind is left behind") {
  Rig rig(milliseconds(200));
  CHECK(!rig.presenter.is_left_behind());
  rig.add();
  rig.presenter.on_coming(milliseconds(1200));
  CHECK(!rig.presenter.is_left_behind());
  rig.presenter.on_coming(milliseconds(1201));
  CHECK(rig.presenter.is_left_behind());
  rig.presenter.pause(true);
  CHECK(!rig.presenter.is_left_behind());
}

TEST_CASE("it says how far sound and pictures are apart once both are there") {
  Rig rig;
  rig.add();
  REQUIRE(rig.presenter.take_due() != nullptr);
  CHECK(!rig.presenter.view().latency);
  rig.presenter.on_drawn(base::monotonic_now() + milliseconds(30));
  REQUIRE(rig.presenter.view().latency);
  CHECK(*rig.presenter.view().latency >= seconds(10) + milliseconds(30));
  CHECK(!rig.presenter.view().sync);

  rig.presenter.set_audible(true);
  const auto sample = test::sample_of(  // of twenty seconds, of which half are due
      "audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved", 20 * 48'000 * 8);
  Decoder::Decoded decoded;
  decoded.kind = media::Kind::audio;
  decoded.captured = rig.began;
  decoded.sample = sample.get();
  rig.presenter.add(decoded);
  std::array<float, 64> out;
  rig.presenter.take_sound(out, base::monotonic_now());
  REQUIRE(rig.presenter.view().sync);
  // Sound is played when it is due; the picture was drawn ten seconds after that.
  CHECK(*rig.presenter.view().sync > -seconds(11));
  CHECK(*rig.presenter.view().sync < -seconds(9));
  rig.presenter.interrupt();
  CHECK(!rig.presenter.view().sync);
}

TEST_CASE("a stream is sound alone once some came and no pictures are to come") {
  Presenter presenter({});
  const auto sample =
      test::sample_of("audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved", 480 * 8);
  Decoder::Decoded decoded;
  decoded.kind = media::Kind::audio;
  decoded.captured = base::utc_now();
  decoded.sample = sample.get();
  presenter.add(decoded);
  CHECK(!presenter.view().is_sound_alone);
  presenter.expect_pictures(false);
  CHECK(presenter.view().is_sound_alone);
}

TEST_CASE("sound is kept only while somebody hears it") {
  Presenter presenter({});
  const auto sample =
      test::sample_of("audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved", 480 * 8);
  Decoder::Decoded decoded;
  decoded.kind = media::Kind::audio;
  decoded.captured = base::utc_now();
  decoded.sample = sample.get();
  for (int count = 0; count < 1000; ++count) presenter.add(decoded);  // would have to wait
  std::array<float, 64> out;
  out.fill(9);
  presenter.take_sound(out, base::monotonic_now());
  CHECK(out.front() == 0);
  presenter.set_audible(true);
  for (int count = 0; count < 200; ++count) presenter.add(decoded);
  std::thread more([&] { presenter.add(decoded); });
  presenter.interrupt();
  more.join();
}

}  // namespace client
