#include "client/player/state_text.hpp"

#include <doctest/doctest.h>

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::Time now{std::chrono::hours(1)};

std::string text(Phase::Kind kind, const Presenter::View& view = {}) {
  return state_text({kind, now + milliseconds(1600), "why"}, view, now);
}

}  // namespace

TEST_CASE("the title says how far a stream has come") {
  CHECK(text(Phase::Kind::connecting) == "connecting");
  CHECK(text(Phase::Kind::waiting) == "waiting for camera");
  CHECK(text(Phase::Kind::reconnecting) == "reconnecting in 2 s");
  CHECK(state_text({Phase::Kind::reconnecting, now + milliseconds(300), ""}, {}, now) ==
        "reconnecting in 0.3 s");
  CHECK(state_text({Phase::Kind::reconnecting, now, ""}, {}, now) == "reconnecting");
  CHECK(text(Phase::Kind::ended) == "ended");
  Presenter::View view;
  CHECK(text(Phase::Kind::playing, view) == "waiting for camera");
  view.is_sound_alone = true;
  CHECK(text(Phase::Kind::playing, view) == "live");
  view.has_picture = true;
  view.latency = milliseconds(130);
  CHECK(text(Phase::Kind::playing, view) == "live 0.1 s");
  view.is_live = false;
  view.behind = seconds(30);
  CHECK(text(Phase::Kind::playing, view) == "-30 s");
  view.is_paused = true;
  CHECK(text(Phase::Kind::playing, view) == "paused -30 s");
  CHECK(text(Phase::Kind::waiting, view) == "paused -30 s");
}

TEST_CASE("the statistics have a line each") {
  Statistics statistics;
  statistics.url = "spancast://relay/cam";
  statistics.asked_latency = milliseconds(200);
  statistics.bits_per_second = 1'234'567;
  statistics.report.gaps = 3;
  statistics.decoders = "opus by opusdec";
  const auto lines = to_lines(statistics);
  REQUIRE(lines.size() == 9);
  CHECK(lines[0] == "spancast://relay/cam");
  CHECK(lines[1] == "opus by opusdec");
  CHECK(lines[2] == "latency     unknown (asked 200 ms)");
  CHECK(lines[4] == "sync        no sound is played");
  CHECK(lines[5] == "bitrate     1.23 Mbit/s");
  CHECK(lines[6] == "gaps        3");
  statistics.view.width = 640;
  statistics.view.height = 360;
  CHECK(to_lines(statistics)[1] == "640x360  opus by opusdec");
  statistics.view.sync = milliseconds(12);
  CHECK(to_lines(statistics)[4] == "sync        sound 12 ms after its picture");
  statistics.view.sync = -milliseconds(7);
  CHECK(to_lines(statistics)[4] == "sync        sound 7 ms before its picture");
}

}  // namespace client
