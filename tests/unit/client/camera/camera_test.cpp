#include "client/camera/camera.hpp"

#include <doctest/doctest.h>

#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "tests/unit/client/camera/gstreamer.hpp"
#include "tests/unit/client/wire/test_relay.hpp"

// Real pipelines, a real connection, and the relay's half of the wire in this process.
namespace client::camera {
namespace {

using ::client::test::TestRelay;

struct Rig {
  ::test::Gstreamer gstreamer;
  TestRelay relay;
  Inbox inbox;

  Options options(Options::Source source, const std::string& argument = {}) const {
    Options made;
    made.source = source;
    made.argument = argument;
    made.url = relay.url();
    made.stats = Options::Stats::none;
    made.size = Size{320, 180};
    made.keep.bytes = 8 << 20;
    return made;
  }
  ExitCode run(const Options& made) { return Camera(made, inbox).run(); }
  // Runs it until so many chunks have come, then says that a signal came.
  ExitCode run_for(const Options& made, std::size_t chunks) {
    ExitCode code = ExitCode::failed;
    std::thread thread([&] { code = run(made); });
    relay.until([chunks](TestRelay& now) { return now.relay.log.size() >= chunks; });
    inbox.push(SignalEvent{SIGTERM});
    thread.join();
    return code;
  }
  // The dts of one track, and that chunks are numbered without a hole and UTC never goes back.
  std::vector<std::int64_t> times(unsigned track) {
    return relay.call([track](TestRelay& now) {
      std::vector<std::int64_t> found;
      std::uint64_t sequence = 0;
      base::Utc utc{};
      for (const auto& entry : now.relay.log) {
        CHECK(entry.chunk.position.sequence == sequence++);
        CHECK(entry.chunk.utc >= utc);
        utc = entry.chunk.utc;
        for (const auto& sample : entry.chunk.samples) {
          if (sample.track == track) found.push_back(sample.dts);
        }
      }
      return found;
    });
  }
  std::vector<wire::Track> tracks() {
    return relay.call([](TestRelay& now) {
      REQUIRE_FALSE(now.relay.log.empty());
      return now.relay.log.back().tracks.tracks;
    });
  }
};

constexpr const char* ten_frames =
    "videotestsrc num-buffers=10 ! video/x-raw,width=320,height=180,framerate=25/1 ! "
    "x264enc tune=zerolatency speed-preset=ultrafast ! h264parse ! mux. ";

}  // namespace

TEST_CASE_FIXTURE(Rig, "the test source publishes picture and tone until a signal comes") {
  CHECK(run_for(options(Options::Source::test), 20) == ExitCode::done);
  const auto video = times(0);
  REQUIRE(video.size() >= 15);
  for (std::size_t index = 1; index < video.size(); ++index) {
    CHECK(video[index] - video[index - 1] == 3000);
  }
  CHECK(times(1).size() > 10);
  const auto now = tracks();
  REQUIRE(now.size() == 2);
  CHECK(now[0].width == 320);
  CHECK(now[0].timescale == 90'000);
  CHECK(now[1].timescale == 48'000);
  relay.call([](TestRelay& then) {
    CHECK(then.relay.log.front().chunk.sync);
    CHECK(then.relay.publisher_ended);
  });
}

TEST_CASE_FIXTURE(Rig, "the UTC of a live chunk is when it was captured") {
  const base::Utc before = base::utc_now();
  CHECK(run_for(options(Options::Source::test), 10) == ExitCode::done);
  const base::Utc after = base::utc_now();
  relay.call([&](TestRelay& now) {
    const auto& log = now.relay.log;
    CHECK(log.front().chunk.utc > before);
    CHECK(log.back().chunk.utc < after);
    const auto passed = log[8].chunk.utc - log[1].chunk.utc;
    CHECK(passed > std::chrono::milliseconds(200));  // seven frames, perhaps one without video
  });
}

TEST_CASE_FIXTURE(Rig, "a file is published as it is coded and ends") {
  const ::test::TemporaryFile file("ten.mp4");
  ::test::run_pipeline(std::string(ten_frames) +
                       " mp4mux name=mux ! filesink location=" + file.path());
  CHECK(run(options(Options::Source::file, file.path())) == ExitCode::done);
  const auto video = times(0);
  REQUIRE(video.size() == 10);
  CHECK(video[9] - video[0] == 9 * 3600);
  relay.call([](TestRelay& now) { CHECK(now.relay.publisher_ended); });
}

TEST_CASE_FIXTURE(Rig, "a file that loops goes on with the same interval") {
  const ::test::TemporaryFile file("loop.mkv");
  ::test::run_pipeline(std::string(ten_frames) +
                       " matroskamux name=mux ! filesink location=" + file.path());
  Options looping = options(Options::Source::file, file.path());
  looping.loop = true;
  CHECK(run_for(looping, 25) == ExitCode::done);
  const auto video = times(0);
  REQUIRE(video.size() >= 25);
  for (std::size_t index = 1; index < video.size(); ++index) {
    CHECK(video[index] - video[index - 1] == 3600);
  }
}

TEST_CASE_FIXTURE(Rig, "the free ends of a pipeline are tracks raw or coded") {
  const std::string description =
      "audiotestsrc num-buffers=15 ! opusenc "
      "videotestsrc num-buffers=8 ! capsfilter caps=video/x-raw,width=320,height=180";
  Options made = options(Options::Source::gst, description);
  made.size.reset();
  CHECK(run(made) == ExitCode::done);
  const auto now = tracks();
  REQUIRE(now.size() == 2);
  CHECK(now[0].codec == "h264");
  CHECK(now[1].codec == "opus");
  CHECK(times(0).size() == 8);
  CHECK(times(1).size() >= 10);
}

TEST_CASE_FIXTURE(Rig, "sources that cannot be opened say so by the exit code") {
  CHECK(run(options(Options::Source::file, "/there/is/no.mp4")) == ExitCode::source);
  const ::test::TemporaryFile text("text.mp4");
  std::ofstream(text.path()) << "this is a text and no film, however long one looks at it\n";
  Inbox other;
  CHECK(Camera(options(Options::Source::file, text.path()), other).run() == ExitCode::source);
}

TEST_CASE_FIXTURE(Rig, "descriptions that make no sense are usage errors") {
  for (const char* description :
       {"videotestsrc ! ! x", "videotestsrc ! fakesink", "fakesrc", "videotestsrc ! jpegenc"}) {
    CAPTURE(description);
    Inbox other;
    CHECK(Camera(options(Options::Source::gst, description), other).run() == ExitCode::usage);
  }
  Inbox other;
  CHECK(Camera(options(Options::Source::gst, "nosuchelement"), other).run() == ExitCode::failed);
}

TEST_CASE_FIXTURE(Rig, "a relay that refuses ends the camera with its reason") {
  TestRelay::Manners manners;
  manners.bye = wire::ByeReason::not_allowed;
  relay.behave(manners);
  CHECK(run(options(Options::Source::test)) == ExitCode::refused);
}

TEST_CASE_FIXTURE(Rig, "a camera without a relay gives up after its retries") {
  Options made = options(Options::Source::test);
  made.retries = 1;
  TestRelay::Manners manners;
  manners.status = 503;
  relay.behave(manners);
  CHECK(run(made) == ExitCode::unreachable);
}

TEST_CASE_FIXTURE(Rig, "a command is published until it ends well") {
  const ::test::TemporaryFile file("pipe.ts");
  ::test::run_pipeline(std::string(ten_frames) +
                       " mpegtsmux name=mux ! filesink location=" + file.path());
  CHECK(run(options(Options::Source::pipe, "cat " + file.path())) == ExitCode::done);
  const auto video = times(0);
  REQUIRE(video.size() == 10);
  CHECK(video[9] - video[0] == 9 * 3600);
}

TEST_CASE_FIXTURE(Rig, "a command that fails is started again and leaves a gap") {
  const ::test::TemporaryFile file("again.ts");
  ::test::run_pipeline(std::string(ten_frames) +
                       " mpegtsmux name=mux ! filesink location=" + file.path());
  CHECK(run_for(options(Options::Source::pipe, "cat " + file.path() + "; exit 1"), 20) ==
        ExitCode::done);
  relay.call([](TestRelay& now) {
    const auto& log = now.relay.log;
    std::uint64_t expected = 0;
    std::size_t gaps = 0;
    for (const auto& entry : log) {
      if (entry.chunk.position.sequence == expected + 1) {
        ++gaps;
        ++expected;
        CHECK(entry.chunk.sync);
      }
      CHECK(entry.chunk.position.sequence == expected++);
    }
    CHECK(gaps >= 1);
  });
}

TEST_CASE_FIXTURE(Rig, "a command that is of no use is given up after its retries") {
  Options made = options(Options::Source::pipe, "head -c 300000 /dev/zero");
  made.retries = 1;
  CHECK(run(made) == ExitCode::source);
  made.argument = "exit 7";
  Inbox other;
  CHECK(Camera(made, other).run() == ExitCode::source);
}

TEST_CASE_FIXTURE(Rig, "devices and displays that are not there are named") {
  CHECK(run(options(Options::Source::v4l2, "/dev/nosuchvideo")) == ExitCode::source);
}

}  // namespace client::camera
