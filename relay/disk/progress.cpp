#include "relay/disk/progress.hpp"

#include <algorithm>
#include <cstdio>

namespace disk {
namespace {

constexpr base::Duration redraw_interval = std::chrono::milliseconds(100);
constexpr std::size_t bar_width = 30;

template <class... Values>
std::string print(const char* format, Values... values) {
  char text[96];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

}  // namespace

std::string to_size(std::uint64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  auto size = static_cast<double>(bytes);
  for (; size >= 1024 && unit + 1 < std::size(units); ++unit) size /= 1024;
  return print(unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

std::string to_length(base::Duration duration) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(duration).count();
  if (seconds < 60) return print("%.1fs", base::to_seconds(duration));
  const auto hours = static_cast<long long>(seconds / 3600);
  const auto minutes = static_cast<int>(seconds / 60 % 60);
  if (hours == 0) return print("%dm %02ds", minutes, static_cast<int>(seconds % 60));
  return print("%lldh %02dm %02ds", hours, minutes, static_cast<int>(seconds % 60));
}

Progress::Progress(std::ostream& out, std::ostream* bar, std::uint64_t total)
    : out_(out), bar_(bar), total_(total), began_(base::monotonic_now()) {}

Progress::~Progress() { hide(); }

void Progress::line(const std::string& text) {
  hide();
  out_ << text << std::endl;  // also to a pipe, while it goes on
}

void Progress::add(std::uint64_t bytes) {
  bytes_ += bytes;
  const base::Time now = base::monotonic_now();
  if (bar_ == nullptr) return;
  const bool is_all = bytes_ >= total_;
  if (is_shown_ && !is_all && now - shown_at_ < redraw_interval) return;
  shown_at_ = now;
  show();
}

void Progress::show() {
  // Files may grow while they are looked at.
  const double part =
      total_ == 0 ? 1 : std::min(1.0, static_cast<double>(bytes_) / static_cast<double>(total_));
  const auto filled = static_cast<std::size_t>(part * bar_width);
  const double seconds = std::max(base::to_seconds(base::monotonic_now() - began_), 0.001);
  const auto rate = static_cast<std::uint64_t>(static_cast<double>(bytes_) / seconds);
  *bar_ << "\r[" << std::string(filled, '#') << std::string(bar_width - filled, ' ') << "] "
        << print("%3.0f %%  ", part * 100) << to_size(bytes_) << " of " << to_size(total_) << "  "
        << to_size(rate) << "/s\033[K" << std::flush;
  is_shown_ = true;
}

void Progress::hide() {
  if (is_shown_) *bar_ << "\r\033[K" << std::flush;
  is_shown_ = false;
}

}  // namespace disk
