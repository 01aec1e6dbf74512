#include "client/player/state_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace client {
namespace {

std::string fixed(double number, int digits, const char* unit) {
  std::array<char, 48> text{};
  const int length = std::snprintf(text.data(), text.size(), "%.*f %s", digits, number, unit);
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string to_ms(base::Duration duration) {
  return fixed(base::to_seconds(duration) * 1e3, 0, "ms");
}

std::string place_of(const Presenter::View& view) {
  if (!view.is_live) return "-" + fixed(base::to_seconds(view.behind), 0, "s");
  return "live" + (view.latency ? " " + fixed(base::to_seconds(*view.latency), 1, "s") : "");
}

std::string sync_of(const Presenter::View& view) {
  if (!view.sync) return "no sound is played";
  return "sound " + to_ms(std::chrono::abs(*view.sync)) +
         (*view.sync < base::Duration::zero() ? " before" : " after") + " its picture";
}

}  // namespace

std::string state_text(const Phase& phase, const Presenter::View& view, base::Time now) {
  switch (phase.kind) {
    case Phase::Kind::connecting:
      return "connecting";
    case Phase::Kind::reconnecting: {
      const double left = std::max(base::to_seconds(phase.retry_at - now), 0.0);
      if (left < 0.05) return "reconnecting";  // it is being tried
      return "reconnecting in " + fixed(left, left < 1 ? 1 : 0, "s");
    }
    case Phase::Kind::ended:
      return "ended";
    case Phase::Kind::waiting:
      if (!view.is_paused) return "waiting for camera";
      break;
    case Phase::Kind::playing:
      if (!view.has_picture && !view.is_sound_alone && !view.is_paused) return "waiting for camera";
      break;
  }
  if (!view.is_paused) return place_of(view);
  return "paused" + (view.is_live ? "" : " " + place_of(view));
}

std::vector<std::string> to_lines(const Statistics& statistics) {
  const Presenter::View& view = statistics.view;
  const Report& report = statistics.report;
  std::vector<std::string> lines;
  lines.push_back(statistics.url);
  const std::string size = std::to_string(view.width) + "x" + std::to_string(view.height) + "  ";
  lines.push_back((view.width > 0 ? size : "") + statistics.decoders);
  lines.push_back("latency     " + (view.latency ? to_ms(*view.latency) : "unknown") + " (asked " +
                  to_ms(statistics.asked_latency) + ")");
  lines.push_back("lag         " + to_ms(view.lag) + " wait to be shown");
  lines.push_back("sync        " + sync_of(view));
  lines.push_back("bitrate     " +
                  fixed(static_cast<double>(statistics.bits_per_second) / 1e6, 2, "Mbit/s"));
  lines.push_back("gaps        " + std::to_string(report.gaps));
  lines.push_back("reconnects  " + std::to_string(report.reconnects));
  lines.push_back("pictures    " + std::to_string(view.shown) + " shown, " +
                  std::to_string(view.passed_over) + " too late, " +
                  std::to_string(statistics.drops) + " drops to a sync frame");
  return lines;
}

}  // namespace client
