#include "client/camera/options.hpp"

#include <charconv>
#include <cmath>

#include <CLI/CLI.hpp>

#include "relay/base/credentials.hpp"
#include "relay/base/units.hpp"

namespace client::camera {
namespace {

constexpr std::uint64_t bitrate_min = 1'000;
constexpr std::uint64_t bitrate_max = 1'000'000'000;
constexpr std::uint32_t fps_max = 240;
constexpr std::uint32_t gop_max = 10'000;
constexpr std::uint32_t side_min = 64;
constexpr std::uint32_t side_max = 8192;
constexpr std::uint64_t keep_bytes_min = 1024 * 1024;
constexpr std::uint64_t keep_bytes_max = 64ULL * 1024 * 1024 * 1024;
constexpr base::Duration keep_length_max = std::chrono::hours(1);
constexpr std::uint64_t spill_bytes_min = 1024 * 1024;
constexpr std::uint64_t spill_bytes_max = 16ULL * 1024 * 1024 * 1024 * 1024;
constexpr base::Duration stall_min = std::chrono::milliseconds(500);
constexpr base::Duration stall_max = std::chrono::minutes(10);

constexpr const char* footer = R"(Sources:
  test              a moving picture with a clock and a frame number, and a tone
  file:PATH         a media file as it is coded, in real time; with --loop for ever
  gst:DESCRIPTION   a GStreamer pipeline; each of its free ends is a track, raw or coded
  rtsp://[USER:PASSWORD@]HOST[:554]/PATH
                    an IP camera, by UDP or else TCP; or SPANCAST_CAMERA_USER and
                    SPANCAST_CAMERA_PASSWORD in the environment
  onvif://[USER:PASSWORD@]HOST[:80][/PROFILE]
                    the same, where its RTSP URL is asked for; --discover shows those there are
  pipe:COMMAND      what a command writes to stdout, MPEG-TS or fragmented MP4; ends with code 0
                    when the command does (with --loop it is started again), else starts it again
  v4l2:/dev/video0  a camera of this machine
  screen            the X display of DISPLAY

  Of the last five one that fails, ends, or delivers no frame for --stall is opened again and again;
  the stream goes on with a gap.

URLs:
  spancast://HOST[:8080]/live/cam    the Spancast wire: acknowledged, nothing is lost
  http://HOST:8080/live/cam.ts       MPEG-TS in a PUT; what is sent while it breaks is lost
  http://HOST:8080/live/cam.mp4      likewise fragmented MP4

Exit codes:
  0  the source ended and the relay has all of it, or a signal said stop
  1  something of this machine is missing or failed: memory, a GStreamer plugin, a pipeline
  2  the command line makes no sense
  3  no relay could be reached, and --retry is used up
  4  the relay refused, and trying again would not help
  5  the source cannot be opened, or failed, --retry is used up, or its password is wrong)";

std::optional<std::uint32_t> parse_number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

struct Texts {
  std::string source;
  std::string url;
  std::string bitrate;
  std::string fps;
  std::string size;
  std::string keep;
  std::string spill_bytes;
  std::string stall;
  std::string stats;
};

std::string read_camera(const std::string& text, Options& options) {
  const bool is_onvif = text.starts_with("onvif://");
  if (text.starts_with("rtsp://") || text.starts_with("rtsps://") || is_onvif) {
    options.source = Options::Source::rtsp;
    auto url = parse_source_url(text);
    if (!url) {
      return "the camera's URL makes no sense: it is rtsp://USER:PASSWORD@HOST/PATH, with %40 for "
             "an "
             "@ in the password";
    }
    options.argument = std::move(url->location);
    options.credentials = std::move(url->credentials);
  } else if (text.starts_with("pipe:")) {
    options.source = Options::Source::pipe;
    options.argument = text.substr(5);
    if (options.argument.empty()) return "pipe: needs a command behind it";
  } else if (text.starts_with("v4l2:")) {
    options.source = Options::Source::v4l2;
    options.argument = text.substr(5);
    if (options.argument.empty()) return "v4l2: needs a device behind it, such as /dev/video0";
  } else if (text == "screen") {
    options.source = Options::Source::screen;
  } else {
    return "there is no source \"" + text +
           "\": it is test, file:PATH, gst:DESCRIPTION, rtsp://…, pipe:COMMAND, v4l2:DEVICE or "
           "screen";
  }
  return {};
}

// An empty text: all is well.
std::string read_source(const std::string& text, Options& options) {
  if (text == "test") {
    options.source = Options::Source::test;
  } else if (text.starts_with("file:")) {
    options.source = Options::Source::file;
    options.argument = text.substr(5);
    if (options.argument.empty()) return "file: needs a path behind it";
  } else if (text.starts_with("gst:")) {
    options.source = Options::Source::gst;
    options.argument = text.substr(4);
    if (options.argument.empty()) return "gst: needs the description of a pipeline behind it";
  } else {
    return read_camera(text, options);
  }
  return {};
}

std::string read_url(const std::string& text, Options& options) {
  const auto url = parse_url(text);
  if (!url) return "the URL \"" + text + "\": " + url.error().message();
  options.url = *url;
  const bool has_container = url->extension() == "ts" || url->extension() == "mp4";
  if (url->is_wire() && has_container) {
    return "the URL \"" + text + "\": over the wire a stream has no extension; http:// has one";
  }
  if (!url->is_wire() && !has_container) {
    return "the URL \"" + text + "\": over HTTP the path ends in .ts or .mp4";
  }
  return {};
}

std::string read_numbers(const Texts& texts, Options& options) {
  if (!texts.bitrate.empty()) {
    options.bitrate = parse_bitrate(texts.bitrate);
    if (!options.bitrate) {
      return "--bitrate " + texts.bitrate + ": is 1k to 1000M bits per second, such as 2500k";
    }
  }
  if (!texts.fps.empty()) {
    options.fps = parse_fps(texts.fps);
    if (!options.fps) return "--fps " + texts.fps + ": is a number up to 240, or 30000/1001";
  }
  if (!texts.size.empty()) {
    options.size = parse_size(texts.size);
    if (!options.size) {
      return "--size " + texts.size + ": is two even numbers from 64 to 8192, such as 1280x720";
    }
  }
  if (!texts.keep.empty() && !parse_keep(texts.keep, options.keep)) {
    return "--keep " + texts.keep +
           ": is a time up to 1h, a size from 1MiB to 64GiB, or both, such as 10s,64MiB";
  }
  if (!texts.spill_bytes.empty()) {
    const auto bytes = base::parse_size(texts.spill_bytes);
    if (!bytes || *bytes < spill_bytes_min || *bytes > spill_bytes_max) {
      return "--spill-bytes " + texts.spill_bytes +
             ": is a size from 1MiB to 16384GiB, such as 4GiB";
    }
    if (options.spill_folder.empty()) return "--spill-bytes is for --spill DIR";
    options.spill_bytes = *bytes;
  }
  if (!texts.stall.empty()) {
    const auto stall = base::parse_duration(texts.stall);
    if (!stall || *stall < stall_min || *stall > stall_max) {
      return "--stall " + texts.stall + ": is a time from 500ms to 10m";
    }
    options.stall = *stall;
  }
  if (!texts.stats.empty()) {
    if (texts.stats != "json" && texts.stats != "none") {
      return "--stats " + texts.stats + ": is json or none";
    }
    options.stats = texts.stats == "json" ? Options::Stats::json : Options::Stats::none;
  }
  return {};
}

// What says something about a thing that does not happen.
std::string check(const Options& options) {
  const bool may_loop =
      options.source == Options::Source::file || options.source == Options::Source::pipe;
  if (options.loop && !may_loop) return "--loop is for file: and pipe: sources";
  const bool encodes =
      options.bitrate || options.gop || options.fps || options.size || !options.encoder.empty();
  if (encodes && options.source == Options::Source::file) {
    return "a file is sent as it is coded: --bitrate, --fps, --gop, --size and --encoder have no "
           "use with it";
  }
  if (!options.spill_folder.empty() && !options.url.is_wire()) {
    return "--spill is for spancast:// URLs: over HTTP nothing is sent again";
  }
  if (options.gop && (*options.gop == 0 || *options.gop > gop_max)) {
    return "--gop is 1 to 10000 frames";
  }
  return {};
}

Parsed refuse(const std::string& text) {
  return {std::nullopt, ExitCode::usage,
          "spancast-camera: " + base::hide_credentials(text) + "\nTry spancast-camera --help.\n"};
}

}  // namespace

VideoSettings Options::video() const noexcept {
  VideoSettings settings;
  if (bitrate) settings.bitrate = *bitrate;
  const Fraction rate = fps.value_or(Fraction{});
  // A second: who joins waits for half of it on average.
  settings.gop = gop.value_or((rate.numerator + rate.denominator - 1) / rate.denominator);
  return settings;
}

Parsed parse_options(std::vector<std::string> arguments) {
  CLI::App app{"Publishes a camera, a file or a test picture to a Spancast relay",
               "spancast-camera"};
  Texts texts;
  Options options;
  unsigned retries = 0;
  app.add_option("SOURCE", texts.source,
                 "test, file:PATH, gst:DESCRIPTION, rtsp://HOST/PATH, pipe:COMMAND, v4l2:DEVICE or "
                 "screen");
  app.add_option("URL", texts.url, "spancast://HOST/PATH or http://HOST/PATH.ts|.mp4");
  app.add_flag("--discover", options.discovers,
               "print the ONVIF cameras of the network and their streams, and exit");
  app.add_flag("--list", options.lists, "print the devices and encoders of this machine, and exit");
  app.add_option("--size", texts.size, "picture size (test: 1280x720)");
  app.add_option("--fps", texts.fps, "frames per second (test: 30)");
  app.add_option("--bitrate", texts.bitrate, "of the video, in bits per second (2500k)");
  app.add_option("--gop", options.gop, "frames from one keyframe to the next (a second)");
  app.add_option("--encoder", options.encoder,
                 "GStreamer's element that encodes the video: the best of " +
                     video_encoder_names() + ", of the hardware ones those that work");
  app.add_flag(
      "--loop", options.loop,
      "play the file over and over, its times go on; start the command again when it ends");
  app.add_option("--stall", texts.stall,
                 "a source without a frame for so long is opened anew (5s)");
  app.add_option("--keep", texts.keep,
                 "how much to keep for a relay that is restarted, in time and size (10s,64MiB)");
  app.add_option("--spill", options.spill_folder,
                 "a folder for a file of what --keep has no room for while there is no relay");
  app.add_option("--spill-bytes", texts.spill_bytes, "bytes of that file, at most (1GiB)");
  auto* retry =
      app.add_option("--retry", retries,
                     "give up after so many failed tries in a row to reach the relay, or likewise "
                     "to open the source (never)");
  app.add_option("--stats", texts.stats,
                 "json: a line of JSON on stdout every second; none: no status line");
  app.set_version_flag("--version", "spancast-camera " SPANCAST_VERSION);
  app.footer(footer);
  try {
    std::ranges::reverse(arguments);  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::Success& wanted) {
    const bool is_version = dynamic_cast<const CLI::CallForVersion*>(&wanted) != nullptr;
    return {std::nullopt, ExitCode::done,
            is_version ? std::string(wanted.what()) + "\n" : app.help()};
  } catch (const CLI::ParseError& error) {
    return refuse(error.what());
  }
  if (!retry->empty()) options.retries = retries;
  if (options.lists || options.discovers) return {options, ExitCode::done, {}};
  if (texts.source.empty()) return refuse("SOURCE is required");
  if (texts.url.empty()) return refuse("URL is required");
  for (const std::string& problem : {read_source(texts.source, options),
                                     read_url(texts.url, options), read_numbers(texts, options)}) {
    if (!problem.empty()) return refuse(problem);
  }
  if (const std::string problem = check(options); !problem.empty()) return refuse(problem);
  return {options, ExitCode::done, {}};
}

std::optional<std::uint64_t> parse_bitrate(std::string_view text) {
  double factor = 1;
  if (text.ends_with('k')) factor = 1e3;
  if (text.ends_with('M')) factor = 1e6;
  if (factor > 1) text.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  value = std::round(value * factor);
  if (!(value >= static_cast<double>(bitrate_min) && value <= static_cast<double>(bitrate_max))) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(value);
}

std::optional<Fraction> parse_fps(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto numerator = parse_number(text.substr(0, slash));
  const auto denominator = slash == std::string_view::npos ? std::optional<std::uint32_t>(1)
                                                           : parse_number(text.substr(slash + 1));
  if (!numerator || !denominator || *numerator == 0 || *denominator == 0) return std::nullopt;
  if (*numerator > 1'000'000 || *denominator > 1'000'000) return std::nullopt;
  if (*numerator / *denominator > fps_max) return std::nullopt;
  return Fraction{*numerator, *denominator};
}

std::optional<Size> parse_size(std::string_view text) {
  const std::size_t cross = text.find('x');
  if (cross == std::string_view::npos) return std::nullopt;
  const auto width = parse_number(text.substr(0, cross));
  const auto height = parse_number(text.substr(cross + 1));
  const auto fits = [](const std::optional<std::uint32_t>& side) {
    return side && *side % 2 == 0 && *side >= side_min && *side <= side_max;
  };
  if (!fits(width) || !fits(height)) return std::nullopt;
  return Size{*width, *height};
}

bool parse_keep(std::string_view text, wire::KeepPolicy& keep) {
  while (true) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    if (const auto length = base::parse_duration(part)) {
      if (*length > keep_length_max) return false;
      keep.length = *length;
    } else if (const auto bytes = base::parse_size(part)) {
      if (*bytes < keep_bytes_min || *bytes > keep_bytes_max) return false;
      keep.bytes = *bytes;
    } else {
      return false;
    }
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace client::camera
