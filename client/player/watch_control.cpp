// What keys do to a stream, and what must be made anew for that.

#include <memory>
#include <utility>

#include "client/player/watch.hpp"

namespace client {
namespace {

// Whoever seeks nearer to live than this wants to be live.
constexpr std::chrono::milliseconds live_from{500};

}  // namespace

void Watch::pause(bool is_paused) {
  presenter_->pause(is_paused);
  {
    const std::lock_guard guard(lock_);
    is_paused_ = is_paused;
    if (player_) is_paused ? player_->pause() : player_->resume();
  }
  hold();
}

bool Watch::seek(base::Duration by) {
  if (!options_.url.is_wire()) return false;
  const auto position = presenter_->position();
  if (!position) return true;  // nothing to count from yet
  const base::Utc to = *position + std::chrono::floor<std::chrono::microseconds>(by);
  if (to > base::utc_now() - std::chrono::floor<std::chrono::microseconds>(options_.latency) -
               live_from) {
    go_live();
    return true;
  }
  pause(false);
  presenter_->interrupt(to);
  const std::lock_guard guard(lock_);
  going_to_ = to;
  if (player_) player_->seek(to);
  return true;
}

void Watch::go_live() {
  pause(false);
  presenter_->interrupt(base::utc_now());
  {
    const std::lock_guard guard(lock_);
    going_to_.reset();
    if (player_) player_->seek(wire::Live{});
    if (http_) http_again_at_ = base::monotonic_now();
  }
  open_http_again();
}

Watch::View Watch::view() {
  const std::lock_guard guard(lock_);
  return view_;
}

void Watch::hold() {
  const std::lock_guard guard(lock_);
  if (player_) player_->hold(is_behind_);
  if (http_) http_->hold(is_behind_ || is_paused_);
}

// What waits is of another place: a new decoder costs less time than emptying the old one.
void Watch::begin_anew(bool is_live, std::optional<base::Utc> from) {
  if (presenter_ == nullptr) return;
  presenter_->interrupt();
  const std::lock_guard guard(decoder_lock_);
  const bool had_decoder = decoder_ != nullptr;
  decoder_.reset();
  presenter_->restart(is_live, from);
  if (had_decoder) rebuild();
}

void Watch::open_http() {
  HttpGet::Settings settings;
  settings.url = options_.url;
  settings.backoff.retries = options_.retries;
  HttpSource::Events& events = *this;
  http_ = std::make_unique<HttpSource>(std::move(settings), events);
}

// Its thread may be waiting for us, so the old one ends without a lock.
void Watch::open_http_again() {
  std::unique_ptr<HttpSource> old;
  {
    const std::lock_guard guard(lock_);
    if (!http_again_at_ || base::monotonic_now() < *http_again_at_ || is_closed_ || code_) return;
    http_again_at_.reset();
    old = std::move(http_);
    view_.phase = {Phase::Kind::connecting, {}, {}};
  }
  old.reset();
  begin_anew(true, {});
  const std::lock_guard guard(lock_);
  ++http_reconnects_;
  open_http();
}

}  // namespace client
