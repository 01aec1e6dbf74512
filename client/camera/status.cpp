#include "client/camera/status.hpp"

#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "relay/base/units.hpp"

namespace client::camera {
namespace {

template <class... Values>
std::string print(const char* format, Values... values) {
  char text[800];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

std::string to_json(const Report& report) {
  const Publisher::Stats& stats = report.stats;
  return print("{\"time\":\"%s\",\"seconds\":%.3f,\"connected\":%s,\"frames\":%" PRIu64
               ",\"fps\":%.2f,\"bits_per_second\":%.0f,\"chunks\":%" PRIu64 ",\"bytes\":%" PRIu64
               ",\"acknowledged\":%" PRIu64 ",\"durable\":%" PRIu64 ",\"unsent\":%" PRIu64
               ",\"kept_bytes\":%" PRIu64 ",\"spilled\":%" PRIu64 ",\"lost\":%" PRIu64
               ",\"repeated\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"reconnects\":%" PRIu64
               ",\"reopened\":%" PRIu64 "}",
               base::to_iso8601(report.utc).c_str(), base::to_seconds(report.running),
               stats.connected ? "true" : "false", report.frames, report.fps,
               report.bits_per_second, stats.chunks, stats.bytes, stats.acknowledged, stats.durable,
               stats.unsent, stats.kept_bytes, stats.spilled, stats.lost, stats.repeated,
               stats.refused, stats.reconnects, report.reopened);
}

std::string to_line(const Report& report) {
  const Publisher::Stats& stats = report.stats;
  const auto seconds =
      static_cast<long long>(std::chrono::floor<std::chrono::seconds>(report.running).count());
  std::string line = print("%s %02lld:%02lld:%02lld  %.1f fps  %.2f Mbit/s  %" PRIu64
                           " chunks, %" PRIu64 " at the relay",
                           !stats.connected     ? "no connection"
                           : !report.has_source ? "waiting for the source"
                                                : "live",
                           seconds / 3600, seconds / 60 % 60, seconds % 60, report.fps,
                           report.bits_per_second / 1e6, stats.chunks, stats.acknowledged);
  if (stats.lost != 0) line += print(", %" PRIu64 " lost", stats.lost);
  if (stats.reconnects != 0) line += print(", %" PRIu64 " reconnects", stats.reconnects);
  if (report.reopened != 0)
    line += print(", source opened anew %" PRIu64 " times", report.reopened);
  return line;
}

Status::Status(Options::Stats stats)
    : is_json_(stats == Options::Stats::json),
      is_line_(stats == Options::Stats::automatic && isatty(STDERR_FILENO) == 1) {}

void Status::report(const Report& report) {
  if (is_json_) {
    std::printf("%s\n", to_json(report).c_str());
    std::fflush(stdout);
  }
  if (!is_line_) return;
  std::fprintf(stderr, "\r%s\033[K", to_line(report).c_str());
  has_line_ = true;
}

void Status::notice(const std::string& text) {
  std::fprintf(stderr, "%sspancast-camera: %s\n", has_line_ ? "\r\033[K" : "", text.c_str());
  has_line_ = false;
}

void Status::finish() {
  if (has_line_) std::fputc('\n', stderr);
  has_line_ = false;
}

}  // namespace client::camera
