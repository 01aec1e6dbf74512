#include "client/camera/options.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* url = "spancast://relay/live/cam";

Parsed parse(std::vector<std::string> arguments) { return parse_options(std::move(arguments)); }

std::string refusal(std::vector<std::string> arguments) {
  const Parsed parsed = parse(std::move(arguments));
  CHECK_FALSE(parsed.options);
  CHECK(parsed.code == ExitCode::usage);
  CHECK(parsed.text.starts_with("spancast-camera: "));
  return parsed.text;
}

}  // namespace

TEST_CASE("a source and a URL are all it takes") {
  const auto parsed = parse({"test", url});
  REQUIRE(parsed.options);
  const Options& options = *parsed.options;
  CHECK(options.source == Options::Source::test);
  CHECK(options.url.is_wire());
  CHECK(options.url.port == 8080);
  CHECK(options.keep.length == seconds(10));
  CHECK(options.keep.bytes == 64 * 1024 * 1024);
  CHECK_FALSE(options.retries);
  CHECK(options.stats == Options::Stats::automatic);
  CHECK(options.video().gop == 30);
  CHECK(options.video().bitrate == 2'500'000);
}

TEST_CASE("every option is read") {
  const auto parsed =
      parse({"--bitrate", "1.5M", "--fps", "30000/1001", "--gop", "60", "--size=640x360", "test",
             url, "--keep", "4s,16MiB", "--retry", "3", "--stats", "json", "--encoder", "x264enc"});
  REQUIRE(parsed.options);
  const Options& options = *parsed.options;
  CHECK(options.bitrate == 1'500'000U);
  CHECK(options.fps == Fraction{30'000, 1001});
  CHECK(options.video().gop == 60);
  CHECK(options.size == Size{640, 360});
  CHECK(options.keep.length == seconds(4));
  CHECK(options.keep.bytes == 16 * 1024 * 1024);
  CHECK(options.retries == 3U);
  CHECK(options.stats == Options::Stats::json);
  CHECK(options.encoder == "x264enc");
}

TEST_CASE("a file has a path and may loop") {
  const auto parsed = parse({"file:/a b/c:d.mp4", "http://relay:8080/live/cam.ts", "--loop"});
  REQUIRE(parsed.options);
  CHECK(parsed.options->source == Options::Source::file);
  CHECK(parsed.options->argument == "/a b/c:d.mp4");
  CHECK(parsed.options->loop);
  CHECK_FALSE(parsed.options->url.is_wire());
}

TEST_CASE("a pipeline keeps its description as it is") {
  const auto parsed = parse({"gst:v4l2src ! video/x-raw,width=640", url});
  REQUIRE(parsed.options);
  CHECK(parsed.options->source == Options::Source::gst);
  CHECK(parsed.options->argument == "v4l2src ! video/x-raw,width=640");
}

TEST_CASE("what makes no sense is refused with a sentence about it") {
  CHECK(refusal({}).find("SOURCE") != std::string::npos);
  CHECK(refusal({"test"}).find("URL") != std::string::npos);
  CHECK(refusal({"webcam", url}).find("no source \"webcam\"") != std::string::npos);
  CHECK(refusal({"file:", url}).find("path") != std::string::npos);
  CHECK(refusal({"gst:", url}).find("pipeline") != std::string::npos);
  CHECK(refusal({"test", "rtmp://a/b"}).find("rtmp") != std::string::npos);
  CHECK(refusal({"test", "http://a/live/cam"}).find(".ts or .mp4") != std::string::npos);
  CHECK(refusal({"test", "spancast://a/live/cam.ts"}).find("no extension") != std::string::npos);
  CHECK(refusal({"test", url, "--loop"}).find("--loop") != std::string::npos);
  CHECK(refusal({"file:a", url, "--fps", "5"}).find("as it is coded") != std::string::npos);
  CHECK(refusal({"test", url, "--gop", "0"}).find("--gop") != std::string::npos);
  CHECK(refusal({"test", url, "--stats", "xml"}).find("json") != std::string::npos);
  CHECK(refusal({"test", url, "--retry", "-1"}).find("retry") != std::string::npos);
  CHECK(refusal({"test", url, "--nothing"}).find("nothing") != std::string::npos);
  CHECK(refusal({"test", url, "another"}).find("another") != std::string::npos);
}

TEST_CASE("help and version are no errors and help has the exit codes") {
  const Parsed help = parse({"--help"});
  CHECK_FALSE(help.options);
  CHECK(help.code == ExitCode::done);
  CHECK(help.text.find("Exit codes:") != std::string::npos);
  CHECK(help.text.find("--bitrate") != std::string::npos);
  CHECK(parse({"--version"}).text.starts_with("spancast-camera "));
}

TEST_CASE("bit rates have a unit or are bits") {
  CHECK(parse_bitrate("2500k") == 2'500'000U);
  CHECK(parse_bitrate("2.5M") == 2'500'000U);
  CHECK(parse_bitrate("64000") == 64'000U);
  for (const char* text : {"", "k", "0", "999", "-5k", "2.5G", "1001M", "nan", "1e99M", "5 k"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_bitrate(text));
  }
}

TEST_CASE("frame rates are numbers or exact fractions") {
  CHECK(parse_fps("25") == Fraction{25, 1});
  CHECK(parse_fps("30000/1001") == Fraction{30'000, 1001});
  CHECK(parse_fps("1/2") == Fraction{1, 2});
  for (const char* text : {"", "0", "25.5", "30/0", "/", "30/", "241", "99999999/1", "a"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_fps(text));
  }
}

TEST_CASE("sizes are two even numbers") {
  CHECK(parse_size("1280x720") == Size{1280, 720});
  for (const char* text : {"", "x", "1280", "1280x", "x720", "1281x720", "62x720", "1280x8194",
                           "1280x720x2", "-2x64"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
  }
}

TEST_CASE("the keep is a time or a size or both") {
  wire::KeepPolicy keep;
  CHECK(parse_keep("20", keep));
  CHECK(keep.length == seconds(20));
  CHECK(keep.bytes == wire::KeepPolicy{}.bytes);
  CHECK(parse_keep("128MiB", keep));
  CHECK(keep.length == seconds(20));
  CHECK(parse_keep("1MiB,500ms", keep));
  CHECK(keep.length == milliseconds(500));
  CHECK(keep.bytes == 1024 * 1024);
  for (const char* text : {"", ",", "10s,", "2h", "1KiB", "65GiB", "ten"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_keep(text, keep));
  }
}

TEST_CASE("cameras are sources whose credentials stand apart") {
  auto parsed = parse({"rtsp://admin:secret@cam:8554/main", url, "--stall", "2s"});
  REQUIRE(parsed.options);
  CHECK(parsed.options->source == Options::Source::rtsp);
  CHECK(parsed.options->argument == "rtsp://cam:8554/main");
  CHECK(parsed.options->credentials == Credentials{"admin", "secret"});
  CHECK(parsed.options->stall == seconds(2));
  CHECK(parsed.options->is_watched());
  parsed = parse({"pipe:cat film.ts", url, "--loop"});
  REQUIRE(parsed.options);
  CHECK(parsed.options->source == Options::Source::pipe);
  CHECK(parsed.options->argument == "cat film.ts");
  CHECK(parsed.options->stall == seconds(5));
  parsed = parse({"v4l2:/dev/video0", url});
  REQUIRE(parsed.options);
  CHECK(parsed.options->source == Options::Source::v4l2);
  parsed = parse({"screen", url, "--fps", "15"});
  REQUIRE(parsed.options);
  CHECK(parsed.options->source == Options::Source::screen);
  CHECK_FALSE(parse({"test", url}).options->is_watched());
}

TEST_CASE("a refused command line shows no password") {
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"rtsp://admin:secret@", url},
           {"rtsp://admin:secret@cam:x/", url},
           {"http://admin:secret@cam/", url},
           {url, "rtsp://admin:secret@cam/"},
           {"test", url, "rtsp://admin:secret@cam/"},
           {"--encoder", "x", "--loop", "rtsp://admin:secret@cam/", url}}) {
    const std::string text = refusal(arguments);
    CAPTURE(text);
    CHECK(text.find("secret") == std::string::npos);
  }
}

TEST_CASE("what cameras cannot do is refused") {
  refusal({"pipe:", url});
  refusal({"v4l2:", url});
  refusal({"screen", url, "--loop"});
  refusal({"test", url, "--stall", "100ms"});
  refusal({"test", url, "--stall", "soon"});
}

TEST_CASE("a spill has a folder and a size") {
  auto parsed = parse({"test", url, "--spill", "/var/tmp"});
  REQUIRE(parsed.options);
  CHECK(parsed.options->spill_folder == "/var/tmp");
  CHECK(parsed.options->spill_bytes == 1024ULL * 1024 * 1024);
  parsed = parse({"test", url, "--spill", "/var/tmp", "--spill-bytes", "4GiB"});
  REQUIRE(parsed.options);
  CHECK(parsed.options->spill_bytes == 4096ULL * 1024 * 1024);
  refusal({"test", url, "--spill-bytes", "4GiB"});
  refusal({"test", url, "--spill", "/var/tmp", "--spill-bytes", "4"});
  refusal({"test", "http://relay/cam.ts", "--spill", "/var/tmp"});
}

}  // namespace client::camera
