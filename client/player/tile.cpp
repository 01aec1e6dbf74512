#include "client/player/tile.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "client/player/state_text.hpp"

namespace client {
namespace {

constexpr std::chrono::seconds hint_for{3};
constexpr std::chrono::seconds measured_for{1};
constexpr std::size_t notice_columns = 60;

// Sentences are longer than tiles are wide.
std::vector<std::string> wrap(const std::string& sentence) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < sentence.size()) {
    std::size_t length = std::min(notice_columns, sentence.size() - at);
    if (at + length < sentence.size()) {
      const std::size_t space = sentence.rfind(' ', at + length);
      if (space != std::string::npos && space > at) length = space - at;
    }
    lines.push_back(sentence.substr(at, length));
    at = sentence.find_first_not_of(' ', at + length);
  }
  return lines;
}

}  // namespace

Tile::Tile(Options options, std::string name, base::Time began)
    : options_(std::move(options)),
      console_(!options_.stats_json && name.empty() && isatty(STDERR_FILENO) == 1, name),
      presenter_(options_.latency),
      watch_(options_, began, console_, &presenter_) {}

std::optional<ExitCode> Tile::turn(base::Time now) {
  if (!code_) code_ = watch_.wait_until(now);
  measure(now, watch_.view().bytes);
  return code_;
}

void Tile::measure(base::Time now, std::uint64_t bytes) {
  const base::Duration passed = now - measured_at_;
  if (passed < measured_for) return;
  const double bits = static_cast<double>(bytes - measured_bytes_) * 8;
  bits_per_second_ = static_cast<std::uint64_t>(bits / base::to_seconds(passed));
  measured_at_ = now;
  measured_bytes_ = bytes;
}

void Tile::toggle_pause() { watch_.pause(!presenter_.view().is_paused); }

void Tile::seek(base::Duration by) {
  if (watch_.seek(by)) return;
  const std::size_t dot = options_.url.path().rfind('.');
  hint_ = "over HTTP there is no way back: watch spancast://" + options_.url.authority() + "/" +
          std::string(options_.url.path().substr(0, dot));
  hint_until_ = base::monotonic_now() + hint_for;
}

std::string Tile::state(base::Time now) {
  return state_text(watch_.view().phase, presenter_.view(), now);
}

bool Tile::update_texts(base::Time now) {
  const auto old_statistics = std::exchange(statistics_, make_statistics());
  const auto old_notice = std::exchange(notice_, make_notice(now));
  return statistics_ != old_statistics || notice_ != old_notice;
}

std::vector<std::string> Tile::make_statistics() {
  if (!has_statistics_) return {};
  const Watch::View view = watch_.view();
  Statistics statistics;
  statistics.url = options_.text;
  statistics.view = presenter_.view();
  statistics.report = watch_.report();
  statistics.decoders = view.decoders;
  statistics.drops = view.drops;
  statistics.bits_per_second = bits_per_second_;
  statistics.asked_latency = options_.latency;
  return to_lines(statistics);
}

std::vector<std::string> Tile::make_notice(base::Time now) {
  if (now < hint_until_) return wrap(hint_);
  const Watch::View view = watch_.view();
  const Presenter::View shown = presenter_.view();
  if (view.phase.kind == Phase::Kind::playing && shown.has_picture) {
    return shown.is_paused ? std::vector<std::string>{"paused"} : std::vector<std::string>{};
  }
  std::vector<std::string> lines{stream() + ": " + state_text(view.phase, shown, now)};
  for (std::string& line : wrap(view.phase.sentence)) lines.push_back(std::move(line));
  for (const std::string& sentence : view.left_out) {
    for (std::string& line : wrap(sentence)) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace client
