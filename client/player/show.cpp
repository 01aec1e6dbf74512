#include "client/player/show.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "client/player/report.hpp"

namespace client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds jump{10};
constexpr milliseconds update_every{100};
constexpr milliseconds rest_most{20};  // so soon a picture is seen that comes meanwhile

}  // namespace

Show::Show(const Options& options, base::Time began)
    : options_(options),
      began_(began),
      window_(options.wall.size()),
      selected_(0),
      next_report_(began + seconds(1)) {
  const bool is_wall = options.wall.size() > 1;
  for (const Options::Source& one : options.wall) {
    Options own = options;
    own.url = one.url;
    own.text = one.text;
    const std::string name = is_wall ? std::string(one.url.path()) : std::string();
    tiles_.push_back(std::make_unique<Tile>(std::move(own), name, began));
  }
  std::string why_not;
  SoundDevice::Source& source = *this;
  device_ = std::make_unique<SoundDevice>(source, why_not);
  if (!why_not.empty()) std::fprintf(stderr, "spancast-player: %s\n", why_not.c_str());
  select(0);
}

Show::~Show() { device_.reset(); }

ExitCode Show::run() {
  for (const auto& tile : tiles_) {
    if (const ExitCode code = tile->start(); code != ExitCode::done) return code;
  }
  while (!is_ended_) {
    handle_input();
    const base::Time now = base::monotonic_now();
    must_draw_ = take_pictures() || must_draw_;
    if (now >= next_update_) {
      next_update_ = now + update_every;
      update_title(now);
      for (const auto& tile : tiles_) must_draw_ = tile->update_texts(now) || must_draw_;
    }
    print_statistics(now);
    if (look_for_ends(now)) break;
    if (std::exchange(must_draw_, false)) draw();
    window_.wait(rest(base::monotonic_now()));
  }
  device_.reset();
  for (const auto& tile : tiles_) {
    tile->watch().end(ExitCode::done);
    tile->watch().finish();
  }
  if (options_.stats_json) std::printf("%s\n", to_json(tiles_.front()->watch().report()).c_str());
  return code_.value_or(ExitCode::done);
}

// Until the next picture is due, or so long that nobody notices.
base::Duration Show::rest(base::Time now) {
  base::Time until = now + rest_most;
  for (const auto& tile : tiles_) {
    if (const auto due = tile->presenter().next_due()) until = std::min(until, *due);
  }
  return until - now;
}

bool Show::take_pictures() {
  bool is_new = false;
  for (std::size_t at = 0; at < tiles_.size(); ++at) {
    if (const auto picture = tiles_[at]->presenter().take_due()) {
      window_.set_picture(at, *picture);
      is_new = true;
    }
  }
  return is_new;
}

void Show::print_statistics(base::Time now) {
  if (now < next_report_) return;
  next_report_ += seconds(1);
  if (!options_.stats_json) return;
  std::printf("%s\n", to_json(tiles_.front()->watch().report()).c_str());
  std::fflush(stdout);
}

// A stream of a wall that ends leaves its tile as it is; the last one takes the window with it.
bool Show::look_for_ends(base::Time now) {
  bool have_all_ended = true;
  for (const auto& tile : tiles_) {
    const auto code = tile->turn(now);
    if (!code) have_all_ended = false;
    if (code && (!code_ || static_cast<int>(*code) > static_cast<int>(*code_))) code_ = code;
  }
  if (options_.length && now >= began_ + *options_.length) {
    code_ = ExitCode::done;
    return true;
  }
  if (!have_all_ended) {
    code_.reset();
    return false;
  }
  if (!ends_at_) ends_at_ = now + options_.latency + milliseconds(300);
  return now >= *ends_at_;
}

void Show::handle_input() {
  while (const auto input = window_.poll()) {
    if (input->must_draw) must_draw_ = true;
    if (input->is_click) on_click(input->x, input->y);
    if (input->key) on_key(*input->key);
  }
}

// The selected stream, or all of them.
std::vector<Tile*> Show::chosen() {
  std::vector<Tile*> some;
  for (std::size_t at = 0; at < tiles_.size(); ++at) {
    if (selected_ == at || selected_ == tiles_.size()) some.push_back(tiles_[at].get());
  }
  return some;
}

void Show::on_key(Key key) {
  next_update_ = {};
  const std::size_t count = tiles_.size();
  switch (key) {
    case Key::quit:
      is_ended_ = true;
      return;
    case Key::full_screen:
      return window_.toggle_full_screen();
    case Key::mute:
      is_muted_ = !is_muted_;
      return;
    case Key::next_tile:
      return select((selected_ + 1) % (count + 1));
    case Key::previous_tile:
      return select((selected_ + count) % (count + 1));
    default:
      break;
  }
  for (Tile* const tile : chosen()) {
    if (key == Key::pause) tile->toggle_pause();
    if (key == Key::back) tile->seek(-jump);
    if (key == Key::forward) tile->seek(jump);
    if (key == Key::live) tile->go_live();
    if (key == Key::statistics) tile->toggle_statistics();
  }
}

void Show::on_click(int x, int y) {
  if (tiles_.size() < 2) return;
  const auto areas = grid(tiles_.size(), window_.width(), window_.height());
  for (std::size_t at = 0; at < areas.size(); ++at) {
    if (areas[at].contains(x, y)) return select(selected_ == at ? tiles_.size() : at);
  }
}

void Show::select(std::optional<std::size_t> tile) {
  selected_ = tile.value_or(tiles_.size());
  if (tiles_.size() == 1) selected_ = 0;  // there is no other
  for (std::size_t at = 0; at < tiles_.size(); ++at) {
    tiles_[at]->presenter().set_audible(selected_ == at && device_->is_open());
  }
  must_draw_ = true;
}

// What is muted is played all the same, so that it goes on where the pictures are.
void Show::take_sound(std::span<float> out, base::Time at) noexcept {
  const std::size_t number = selected_;
  if (number < tiles_.size()) {
    tiles_[number]->presenter().take_sound(out, at);
    if (!is_muted_) return;
  }
  std::ranges::fill(out, 0.0F);
}

void Show::update_title(base::Time now) {
  std::string title;
  if (selected_ < tiles_.size()) {
    Tile& tile = *tiles_[selected_];
    title = tile.stream() + ": " + tile.state(now);
  }
  if (tiles_.size() > 1) {
    title = std::to_string(tiles_.size()) + " streams" + (title.empty() ? "" : "; " + title);
  }
  if (is_muted_) title += ", muted";
  if (std::exchange(title_, title) != title) window_.set_title(title);
}

void Show::draw() {
  window_.begin();
  const auto areas = grid(tiles_.size(), window_.width(), window_.height());
  for (std::size_t at = 0; at < areas.size(); ++at) draw_tile(at, areas[at]);
  window_.end();
  const base::Time now = base::monotonic_now();
  for (const auto& tile : tiles_) tile->presenter().on_drawn(now);
}

void Show::draw_tile(std::size_t number, const Area& area) {
  const Tile& tile = *tiles_[number];
  window_.draw_picture(number, area);
  if (!tile.statistics().empty()) window_.draw_text(tile.statistics(), area, false);
  if (!tile.notice().empty()) window_.draw_text(tile.notice(), area, true);
  if (tiles_.size() > 1 && selected_ == number) window_.draw_frame(area);
}

}  // namespace client
