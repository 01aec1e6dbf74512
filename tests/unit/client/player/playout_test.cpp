#include "client/player/playout.hpp"

#include <doctest/doctest.h>

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Time start{std::chrono::hours(1)};
constexpr base::Utc utc_start{std::chrono::hours(1'000)};
constexpr milliseconds frame{40};

/// Frames that are ready so long after their capture.
struct Stream {
  explicit Stream(base::Duration latency) : playout(latency) {}

  /// How much later than due the last of them is ready.
  base::Duration run(base::Duration length, base::Duration transit, bool has_utc = true) {
    base::Duration late{};
    for (const base::Duration end = media + length; media < end; media += frame) {
      const base::Time now = start + media + transit;
      std::optional<base::Utc> captured;
      if (has_utc) captured = utc_start + std::chrono::floor<std::chrono::microseconds>(media);
      const base::Utc utc_now =
          utc_start + std::chrono::floor<std::chrono::microseconds>(media + transit);
      when = playout.add(media, captured, now, utc_now);
      playout.on_time(now);
      late = now - playout.due(when);
    }
    return late;
  }

  Playout playout;
  base::Duration media{};
  base::Time when{};
};

}  // namespace

TEST_CASE("a frame is due so long after its capture") {
  Stream stream(milliseconds(200));
  CHECK(stream.run(seconds(5), milliseconds(50)) == milliseconds(-150));
  CHECK(stream.when == start + stream.media - frame);
  CHECK(stream.playout.delay() == milliseconds(200));
  CHECK(stream.playout.is_live());
}

TEST_CASE("without a UTC the fastest frame was captured when it came") {
  Stream stream(milliseconds(200));
  stream.run(seconds(1), milliseconds(900), false);
  CHECK(stream.run(seconds(1), milliseconds(500), false) == milliseconds(-200));
  CHECK(stream.run(frame, milliseconds(600), false) == milliseconds(-100));
}

TEST_CASE("what is late for a second makes the delay grow and time to spare makes it shrink") {
  Stream stream(milliseconds(200));
  stream.run(seconds(3), milliseconds(500));
  CHECK(stream.playout.delay() == milliseconds(520));
  CHECK(stream.run(frame, milliseconds(500)) == milliseconds(-20));
  stream.run(seconds(4), milliseconds(50));
  const base::Duration before = stream.playout.delay();
  stream.run(seconds(2), milliseconds(50));
  CHECK(before - stream.playout.delay() == milliseconds(40));  // 2 % of 2 s
  stream.run(seconds(60), milliseconds(50));
  CHECK(stream.playout.delay() == milliseconds(200));
}

TEST_CASE("far above the latency what is to spare is dropped at once") {
  for (const milliseconds transit : {milliseconds(50), milliseconds(500)}) {
    Stream stream(milliseconds(200));
    stream.run(seconds(3), milliseconds(1200));
    CHECK(stream.playout.delay() == milliseconds(1220));
    stream.run(seconds(2), transit);
    CHECK(stream.playout.delay() == milliseconds(1220));
    stream.run(seconds(3), transit);
    CHECK(stream.playout.delay() <= transit + milliseconds(200));
    CHECK(stream.run(frame, transit) <= milliseconds(-20));
  }
}

TEST_CASE("one late frame changes nothing") {
  Stream stream(milliseconds(200));
  stream.run(seconds(3), milliseconds(50));
  stream.run(frame, milliseconds(800));
  stream.run(seconds(3), milliseconds(50));
  CHECK(stream.playout.delay() == milliseconds(200));
}

TEST_CASE("behind live the first frame says how far and it stays so") {
  Stream stream(milliseconds(200));
  stream.playout.restart(false);
  stream.run(seconds(5), seconds(10));
  CHECK(!stream.playout.is_live());
  CHECK(stream.playout.delay() == seconds(10) + milliseconds(100));
  CHECK(stream.playout.behind() == seconds(10) - milliseconds(100));
}

TEST_CASE("behind live a hole is not waited for") {
  Stream stream(milliseconds(200));
  stream.playout.restart(false);
  stream.run(seconds(5), seconds(30));
  stream.media += seconds(20);
  CHECK(stream.run(frame, seconds(10)) == milliseconds(-100));
  CHECK(stream.playout.behind() == seconds(10) - milliseconds(100));
}

TEST_CASE("a pause of more than a second leaves a stream behind live") {
  Stream stream(milliseconds(200));
  stream.run(seconds(2), milliseconds(50));
  stream.playout.pause(start + seconds(2));
  stream.playout.resume(start + seconds(9));
  CHECK(!stream.playout.is_live());
  CHECK(stream.playout.behind() == seconds(7));
  stream.playout.restart(true);
  CHECK(stream.playout.is_live());
  stream.playout.pause(start + seconds(10));
  stream.playout.resume(start + seconds(10) + milliseconds(500));
  CHECK(stream.playout.is_live());
  CHECK(stream.playout.delay() == milliseconds(700));
}

TEST_CASE("a publisher whose clock is ahead does not delay anything") {
  Stream stream(milliseconds(200));
  const base::Utc ahead = utc_start + seconds(3);
  CHECK(stream.playout.add({}, ahead, start, utc_start) == start);
  CHECK(stream.playout.add({}, ahead + milliseconds(40), start + milliseconds(40),
                           utc_start + milliseconds(40)) == start + milliseconds(40));
}

}  // namespace client
