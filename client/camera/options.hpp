#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/camera/encoder.hpp"
#include "client/camera/source_url.hpp"
#include "client/command/exit_code.hpp"
#include "client/wire/url.hpp"
#include "relay/base/result.hpp"
#include "relay/protocol/wire/keep.hpp"

namespace client::camera {

/// What the command line asks for.
struct Options {
  enum class Source : std::uint8_t { test, file, gst, rtsp, pipe, v4l2, screen };
  enum class Stats : std::uint8_t { automatic, none, json };

  Source source = Source::test;
  /// The path of a file or device, GStreamer's description, a command, or the camera's URL without
  /// the credentials.
  std::string argument;
  Credentials credentials;  ///< of the camera
  Url url;
  bool loop = false;
  /// Of the test picture and for what is encoded. With `gst:` none is changed unless asked for.
  std::optional<Size> size;
  std::optional<Fraction> fps;
  std::optional<std::uint64_t> bitrate;  ///< bits per second
  std::optional<std::uint32_t> gop;      ///< frames
  std::string encoder;                   ///< empty: the best there is
  wire::KeepPolicy keep;
  std::string spill_folder;  ///< empty: none
  std::uint64_t spill_bytes = 1024ULL * 1024 * 1024;
  std::optional<unsigned> retries;                 ///< of relay and source, each; nothing: for ever
  base::Duration stall = std::chrono::seconds(5);  ///< a source without a frame for so long is lost
  Stats stats = Stats::automatic;
  bool discovers = false;  ///< `--discover` likewise
  bool lists = false;      ///< `--list` alone, without source and URL

  VideoSettings video() const noexcept;
  /// A source that fails, stalls or ends is opened anew.
  bool is_watched() const noexcept {
    return source == Source::rtsp || source == Source::pipe || source == Source::v4l2 ||
           source == Source::screen;
  }
};

/// Options, or why there are none.
struct Parsed {
  std::optional<Options> options;
  ExitCode code = ExitCode::done;  ///< without options: what to exit with
  std::string text;  ///< and what to print: to stdout if `code` is done, else to stderr
};

/// `arguments`: without the program's name.
Parsed parse_options(std::vector<std::string> arguments);

/// `2500k`, `2.5M`, or bits per second: 1 kbit/s to 1 Gbit/s.
std::optional<std::uint64_t> parse_bitrate(std::string_view text);
/// `30`, `29.97` is not exact, so `30000/1001`: up to 240.
std::optional<Fraction> parse_fps(std::string_view text);
/// `1280x720`: even, 64x64 to 8192x8192.
std::optional<Size> parse_size(std::string_view text);
/// `10s`, `64MiB` or both with a comma between; a number alone is seconds. Changes what is said.
bool parse_keep(std::string_view text, wire::KeepPolicy& keep);

}  // namespace client::camera
