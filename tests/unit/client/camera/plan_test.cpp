#include "client/camera/plan.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "client/camera/packages.hpp"

namespace client::camera {
namespace {

struct Machine : Probe {
  std::set<std::string, std::less<>> elements;
  std::set<std::string, std::less<>> broken;
  bool has(std::string_view element) override { return elements.contains(element); }
  bool works(const Encoder& encoder) override { return !broken.contains(encoder.element); }
};

Machine machine(std::set<std::string, std::less<>> elements,
                std::set<std::string, std::less<>> broken = {}) {
  Machine made;
  made.elements = std::move(elements);
  made.broken = std::move(broken);
  return made;
}

Options options_for(Options::Source source, const char* url = "spancast://relay/live/cam") {
  Options options;
  options.source = source;
  options.argument = "argument";
  options.url = *parse_url(url);
  return options;
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("hardware that works comes before software and software by its speed") {
  Machine all = machine({"vah264enc", "v4l2h264enc", "x264enc", "openh264enc"});
  CHECK(choose_video_encoder(all, {}, false)->element == "vah264enc");
  Machine no_driver =
      machine({"vah264enc", "v4l2h264enc", "x264enc", "openh264enc"}, {"vah264enc"});
  CHECK(choose_video_encoder(no_driver, {}, false)->element == "v4l2h264enc");
  Machine no_hardware =
      machine({"vah264enc", "openh264enc", "x264enc"}, {"vah264enc", "v4l2h264enc"});
  CHECK(choose_video_encoder(no_hardware, {}, false)->element == "x264enc");
  Machine poor = machine({"openh264enc", "vp9enc"});
  CHECK(choose_video_encoder(poor, {}, false)->element == "openh264enc");
}

TEST_CASE("an encoder that was asked for is the only choice") {
  Machine all = machine({"x264enc", "openh264enc"});
  CHECK(choose_video_encoder(all, "openh264enc", false)->element == "openh264enc");
  CHECK_FALSE(choose_video_encoder(all, "x265enc", false));
  CHECK_FALSE(choose_video_encoder(all, "identity", false));
}

TEST_CASE("what MPEG-TS cannot hold is not chosen for it") {
  Machine only_vp9 = machine({"vp9enc"});
  CHECK(choose_video_encoder(only_vp9, {}, false)->codec == media::Codec::vp9);
  CHECK_FALSE(choose_video_encoder(only_vp9, {}, true));
}

TEST_CASE("the test source has picture and tone as they were asked for") {
  Machine probe = machine({"x264enc", "avenc_aac"});
  Options options = options_for(Options::Source::test);
  options.size = Size{640, 360};
  options.fps = Fraction{25, 1};
  options.bitrate = 1'000'000;
  options.gop = 50;
  const auto made = make_plan(options, probe);
  const Plan* plan = std::get_if<Plan>(&made);
  REQUIRE(plan != nullptr);
  CHECK(has(plan->launch, "width=640,height=360,framerate=25/1"));
  CHECK(has(plan->launch, "tune=zerolatency speed-preset=ultrafast bitrate=1000 key-int-max=50"));
  CHECK(has(plan->launch, "audiotestsrc is-live=true"));
  CHECK(has(plan->launch, "name=stream1"));
  CHECK(has(plan->notice, "x264enc"));
}

TEST_CASE("a pipeline's raw video is changed only where that was asked for") {
  Machine probe = machine({"x264enc", "avenc_aac"});
  Options options = options_for(Options::Source::gst);
  auto made = make_plan(options, probe);
  REQUIRE(std::holds_alternative<Plan>(made));
  CHECK_FALSE(has(std::get<Plan>(made).video_encoding, "videoscale"));
  CHECK_FALSE(has(std::get<Plan>(made).video_encoding, "videorate"));
  options.size = Size{640, 360};
  options.fps = Fraction{10, 1};
  made = make_plan(options, probe);
  CHECK(has(std::get<Plan>(made).video_encoding, "videoscale"));
  CHECK(has(std::get<Plan>(made).video_encoding, "width=640,height=360"));
  CHECK(has(std::get<Plan>(made).video_encoding, "framerate=10/1"));
}

TEST_CASE("a file needs no encoder") {
  Machine nothing = machine({});
  const auto made = make_plan(options_for(Options::Source::file), nothing);
  REQUIRE(std::holds_alternative<Plan>(made));
  CHECK(std::get<Plan>(made).path == "argument");
}

TEST_CASE("a missing encoder names the package to install") {
  Machine nothing = machine({});
  auto made = make_plan(options_for(Options::Source::test), nothing);
  REQUIRE(std::holds_alternative<Failure>(made));
  CHECK(std::get<Failure>(made).code == ExitCode::failed);
  CHECK(has(std::get<Failure>(made).text, "gstreamer1.0-plugins-ugly"));
  Machine mute = machine({"x264enc"});
  made = make_plan(options_for(Options::Source::test), mute);
  REQUIRE(std::holds_alternative<Failure>(made));
  CHECK(has(std::get<Failure>(made).text, "gstreamer1.0-libav"));
  Options options = options_for(Options::Source::test);
  options.encoder = "nonsense";
  made = make_plan(options, mute);
  REQUIRE(std::holds_alternative<Failure>(made));
  CHECK(std::get<Failure>(made).code == ExitCode::usage);
}

TEST_CASE("missing elements are explained by their package") {
  CHECK(package_of("x264enc") == "gstreamer1.0-plugins-ugly");
  CHECK(package_of("h264parse") == "gstreamer1.0-plugins-bad");
  CHECK(package_of("unheard-of").empty());
  CHECK(has(explain_missing("qtdemux"), "gstreamer1.0-plugins-good"));
  CHECK(has(explain_missing("unheard-of"), "unheard-of"));
}

TEST_CASE("a camera needs no encoder but uses those there are") {
  Machine nothing = machine({});
  auto made = make_plan(options_for(Options::Source::rtsp), nothing);
  REQUIRE(std::holds_alternative<Plan>(made));
  CHECK(std::get<Plan>(made).video_encoding.empty());
  CHECK(std::get<Plan>(made).has_later_pads());
  Machine usual = machine({"x264enc", "avenc_aac"});
  made = make_plan(options_for(Options::Source::pipe), usual);
  REQUIRE(std::holds_alternative<Plan>(made));
  CHECK(has(std::get<Plan>(made).video_encoding, "x264enc"));
  CHECK(has(std::get<Plan>(made).audio_encoding, "avenc_aac"));
  CHECK(has(sink_of(std::get<Plan>(made), 3), "name=stream3"));
}

TEST_CASE("devices and screens have pictures alone in the size that was asked for") {
  Machine mute = machine({"x264enc"});
  Options options = options_for(Options::Source::v4l2);
  options.size = Size{640, 360};
  auto made = make_plan(options, mute);
  REQUIRE(std::holds_alternative<Plan>(made));
  CHECK(has(std::get<Plan>(made).launch, "image/jpeg,width=640,height=360"));
  CHECK(std::get<Plan>(made).path == "argument");
  options = options_for(Options::Source::screen);
  options.fps = Fraction{15, 1};
  made = make_plan(options, mute);
  REQUIRE(std::holds_alternative<Plan>(made));
  CHECK(has(std::get<Plan>(made).launch, "ximagesrc"));
  CHECK(has(std::get<Plan>(made).launch, "framerate=15/1"));
}

}  // namespace client::camera
