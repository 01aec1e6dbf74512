#include "client/player/options.hpp"

#include <algorithm>
#include <map>
#include <sstream>

#include <CLI/CLI.hpp>

#include "client/command/exit_code.hpp"
#include "client/player/when.hpp"
#include "relay/base/units.hpp"

namespace client {
namespace {

constexpr char examples[] = R"(Examples:
  spancast-player spancast://localhost:8080/live/cam
  spancast-player --wall spancast://relay/live/door spancast://relay/live/yard
  spancast-player --headless --stats json --frames 300 spancast://relay/live/cam
  spancast-player --headless --seconds 60 --save film.mp4 http://localhost:8080/live/cam.ts

Keys:
  space       pause; on the wire the relay stops sending, over HTTP nothing is read
  left right  10 s back or on, as far as the relay's log goes (spancast:// only)
  l           live
  s           statistics: latency, lag, bitrate, gaps, reconnects
  f  m  q     full screen, mute, quit
  tab, click  on a wall: selects the stream that is heard and that keys are for, or none and all

Latency: pictures and sound are shown --latency after their capture, as the clocks of publisher and
player say; over HTTP, after they came. Where that is too soon for a second the delay grows by what
is lacking; when there is time to spare again it shrinks by at most 2 % of the time that passes, and
sound is stretched accordingly, or at once where it is over half a second too long. When more than
--latency and 1 s wait to be decoded, they are dropped as soon as a newer sync frame comes. Behind
live (after a pause, or ten seconds back) all is shown.

Statistics: a JSON object per second and a last one, each of all since the start. `frames_decoded`
counts pictures (of a stream without video: audio frames). `latency_ms` is from the capture of a
frame, as the publisher's clock says it, to its decoding, as this machine's does: on two machines
both must be set, or it is off by their difference. Frames that were captured before the relay
answered are history and do not count; those that a lost connection delayed do. `startup_ms` is from
the start of the process to the first decoded frame. `frame_numbers` is there once a picture had a
number, as those of `spancast-camera test` have. What is not known is null; over HTTP there are no
sequence numbers and no latency, and a lost connection is the end. `shown` is there with a window:
`latency_ms` is that of the last picture until it was drawn; `sync_ms` is from a picture to the sound
of the same instant, as both are played now, and negative when the sound comes first.

Exit codes:
  0  did what it was asked to, the stream has ended, or a signal told it to stop
  1  something of this machine is missing or failed, such as a GStreamer plugin
  2  the command line makes no sense
  3  no relay could be reached, and the retries are used up; of HTTP also: the connection was lost
  4  the relay refused, and trying again would not help
  5  the stream has nothing that can be decoded
  6  the file of --save cannot be written
)";

constexpr std::chrono::seconds latency_max{10};

const std::map<std::string, wire::Slow> slow_names = {{"skip", wire::Slow::skip},
                                                      {"catch_up", wire::Slow::catch_up},
                                                      {"disconnect", wire::Slow::disconnect}};

struct Raw {
  std::vector<std::string> urls;
  bool is_headless = false;
  bool is_wall = false;
  std::string latency = "200ms";
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
  app.add_option("url", raw.urls,
                 "spancast://HOST[:PORT]/STREAM, or http://HOST[:PORT]/STREAM.ts or .mp4")
      ->required();
  app.add_flag("--headless", raw.is_headless, "decode and show nothing");
  app.add_flag("--wall", raw.is_wall, "up to 16 URLs, shown in a grid in one window");
  app.add_option("--latency", raw.latency,
                 "how long after its capture a picture is shown, 0 to 10 s; default: 200ms");
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

std::optional<Printed> read_sources(const Raw& raw, Options& options) {
  for (const std::string& text : raw.urls) {
    const auto url = parse_url(text);
    if (!url) return fail(text + ": " + url.error().message());
    if (!url->is_wire() && url->extension() != "ts" && url->extension() != "mp4") {
      return fail(text + ": an http:// URL ends with .ts or .mp4, which says the container");
    }
    options.wall.push_back({*url, text});
  }
  options.url = options.wall.front().url;
  options.text = options.wall.front().text;
  if (!raw.is_wall && raw.urls.size() > 1) return fail("for more than one URL add --wall");
  if (raw.urls.size() > Options::wall_max) return fail("--wall shows at most 16 streams");
  if (!raw.is_wall) return std::nullopt;
  if (raw.is_headless) return fail("--wall shows streams: it does not go with --headless");
  if (!raw.save.empty() || raw.frames > 0 || !raw.stats.empty()) {
    return fail("--save, --frames and --stats are of one stream: they do not go with --wall");
  }
  return std::nullopt;
}

std::optional<Printed> read_latency(const Raw& raw, Options& options) {
  const auto latency = base::parse_duration(raw.latency);
  if (!latency) return fail("--latency " + raw.latency + ": " + latency.error().message());
  if (*latency > latency_max) return fail("--latency " + raw.latency + ": at most 10 s");
  options.latency = *latency;
  return std::nullopt;
}

std::variant<Options, Printed> check(const Raw& raw, bool has_retry, base::Utc now) {
  Options options;
  options.is_headless = raw.is_headless;
  if (auto wrong = read_sources(raw, options)) return *wrong;
  if (auto wrong = read_latency(raw, options)) return *wrong;
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
    if (!std::ranges::all_of(options.wall, [](const auto& one) { return one.url.is_wire(); }))
      return fail("--at needs a spancast:// URL: HTTP begins live");
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
