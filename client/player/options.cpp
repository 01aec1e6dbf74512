#include "client/player/options.hpp"

#include <map>
#include <sstream>

#include <CLI/CLI.hpp>

#include "client/command/exit_code.hpp"
#include "client/player/when.hpp"
#include "relay/base/units.hpp"

namespace client {
namespace {

constexpr char examples[] = R"(Examples:
  spancast-player --headless spancast://localhost:8080/live/cam
  spancast-player --headless --stats json --frames 300 spancast://relay/live/cam
  spancast-player --headless --seconds 60 --save film.mp4 http://localhost:8080/live/cam.ts

Statistics: a JSON object per second and a last one, each of all since the start. `frames_decoded`
counts pictures (of a stream without video: audio frames). `latency_ms` is from the capture of a
frame, as the publisher's clock says it, to its decoding, as this machine's does: on two machines
both must be set, or it is off by their difference. Frames that were captured before the relay
answered are history and do not count; those that a lost connection delayed do. `startup_ms` is from
the start of the process to the first decoded frame. `frame_numbers` is there once a picture had a
number, as those of `spancast-camera test` have. What is not known is null; over HTTP there are no
sequence numbers and no latency, and a lost connection is the end.

Exit codes:
  0  did what it was asked to, the stream has ended, or a signal told it to stop
  1  something of this machine is missing or failed, such as a GStreamer plugin
  2  the command line makes no sense
  3  no relay could be reached, and the retries are used up; of HTTP also: the connection was lost
  4  the relay refused, and trying again would not help
  5  the stream has nothing that can be decoded
  6  the file of --save cannot be written
)";

const std::map<std::string, wire::Slow> slow_names = {{"skip", wire::Slow::skip},
                                                      {"catch_up", wire::Slow::catch_up},
                                                      {"disconnect", wire::Slow::disconnect}};

struct Raw {
  std::string url;
  bool is_headless = false;
  std::string stats;
  std::uint64_t frames = 0;
  std::string seconds;
  std::string save;
  std::string at;
  std::string slow = "catch_up";
  unsigned retry = 0;
};

Printed fail(const std::string& what) {
  return {"spancast-player: " + what + "\nTry spancast-player --help.\n",
          static_cast<int>(ExitCode::usage)};
}

void describe(CLI::App& app, Raw& raw) {
  app.footer(examples);
  app.add_option("url", raw.url,
                 "spancast://HOST[:PORT]/STREAM, or http://HOST[:PORT]/STREAM.ts or .mp4")
      ->required();
  app.add_flag("--headless", raw.is_headless, "decode and show nothing; required in this version");
  app.add_option("--stats", raw.stats, "'json': print statistics to stdout, an object a second")
      ->check(CLI::IsMember({"json"}));
  app.add_option("--frames", raw.frames, "end after so many decoded frames")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", raw.seconds, "end after so much time: 10, 1.5, 2m");
  app.add_option("--save", raw.save, "also write the stream to this .mp4, without re-encoding it");
  app.add_option("--at", raw.at,
                 "begin there instead of live: 2026-11-26T10:00:00Z, or -30s (spancast:// only)");
  app.add_option("--slow", raw.slow,
                 "what the relay does when this player lags: catch_up (late but complete, the "
                 "default), skip, disconnect")
      ->check(CLI::IsMember({"skip", "catch_up", "disconnect"}));
  app.add_option("--retry", raw.retry,
                 "give up after so many failed connections in a row; default: never");
  app.set_version_flag("--version", "spancast-player " SPANCAST_VERSION);
}

std::variant<Options, Printed> check(const Raw& raw, bool has_retry, base::Utc now) {
  if (!raw.is_headless) {
    return fail("this version has no window yet: add --headless to decode without showing it");
  }
  const auto url = parse_url(raw.url);
  if (!url) return fail(raw.url + ": " + url.error().message());
  Options options;
  options.url = *url;
  if (!url->is_wire() && url->extension() != "ts" && url->extension() != "mp4") {
    return fail(raw.url + ": an http:// URL ends with .ts or .mp4, which says the container");
  }
  options.stats_json = !raw.stats.empty();
  if (raw.frames > 0) options.frames = raw.frames;
  if (!raw.seconds.empty()) {
    const auto length = base::parse_duration(raw.seconds);
    if (!length) return fail("--seconds " + raw.seconds + ": " + length.error().message());
    options.length = *length;
  }
  options.save = raw.save;
  if (!raw.at.empty()) {
    const auto utc = parse_when(raw.at, now);
    if (!utc)
      return fail("--at " + raw.at + ": neither a time (RFC 3339) nor, as -30s, a distance");
    if (!url->is_wire()) return fail("--at needs a spancast:// URL: HTTP begins live");
    options.start = *utc;
  }
  options.slow = slow_names.at(raw.slow);
  if (has_retry) options.retries = raw.retry;
  return options;
}

}  // namespace

std::variant<Options, Printed> parse_options(int argc, const char* const* argv, base::Utc now) {
  CLI::App app{"Watches a Spancast stream, and loses nothing when a connection or the relay dies.",
               "spancast-player"};
  Raw raw;
  describe(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out;
    std::ostringstream wrong;
    const int code = app.exit(error, out, wrong);
    if (code == 0) return Printed{out.str(), 0};
    return fail(error.what());
  }
  return check(raw, app.get_option("--retry")->count() > 0, now);
}

}  // namespace client
