#include "client/player/presenter.hpp"

#include <gst/gst.h>

#include <algorithm>
#include <utility>

namespace client {
namespace {

using std::chrono::milliseconds;

// The timeline of what is decoded and what comes is the same.
constexpr std::chrono::seconds apart_max{60};

// A picture is not shown earlier than this for the time that drawing it takes.
constexpr milliseconds drawing_max{40};

}  // namespace

Presenter::Presenter(base::Duration latency) noexcept : latency_(latency), playout_(latency) {}

// Pictures and sound that are compared are of one place.
void Presenter::drop_sound() noexcept {
  sound_.clear();
  picture_latencies_ = {};
  sound_latencies_ = {};
}

void Presenter::interrupt(std::optional<base::Utc> going_to) {
  const std::lock_guard guard(lock_);
  is_open_ = false;
  if (going_to) shown_utc_ = going_to;
  ++turn_;
  pictures_.clear();
  drop_sound();
  room_.notify_all();
}

void Presenter::refuse(bool is_refused) {
  const std::lock_guard guard(lock_);
  is_open_ = !is_refused;
  ++turn_;
  room_.notify_all();
}

void Presenter::restart(bool is_live, std::optional<base::Utc> from) {
  const std::lock_guard guard(lock_);
  is_open_ = true;
  ++turn_;
  pictures_.clear();
  drop_sound();
  playout_.restart(is_live);
  if (is_paused_) playout_.pause(base::monotonic_now());
  from_ = from;
  decoded_pts_.reset();
  coming_pts_.reset();
  shown_pts_.reset();
  if (from) shown_utc_ = from;
  room_.notify_all();
}

void Presenter::pause(bool is_paused) {
  const std::lock_guard guard(lock_);
  if (std::exchange(is_paused_, is_paused) == is_paused) return;
  const base::Time now = base::monotonic_now();
  is_paused ? playout_.pause(now) : playout_.resume(now);
}

void Presenter::expect_pictures(bool has_pictures) {
  const std::lock_guard guard(lock_);
  expects_pictures_ = has_pictures;
}

void Presenter::set_audible(bool is_audible) {
  const std::lock_guard guard(lock_);
  is_audible_ = is_audible;
  if (!is_audible_) drop_sound();
  room_.notify_all();
}

void Presenter::add(const Decoder::Decoded& decoded) {
  if (decoded.sample == nullptr) return;
  const bool is_picture = decoded.kind == media::Kind::video;
  auto picture = is_picture ? Picture::of(decoded.sample) : nullptr;
  std::unique_lock guard(lock_);
  if (!is_open_) return;
  // Decoding begins at a sync frame; what was asked for may lie behind it.
  if (from_ && decoded.captured && *decoded.captured < *from_ - milliseconds(10)) return;
  if (picture) add_picture(guard, decoded, std::move(picture));
  if (decoded.kind != media::Kind::audio) return;
  has_sound_ = true;
  add_sound(guard, decoded);
}

void Presenter::add_picture(std::unique_lock<std::mutex>& guard, const Decoder::Decoded& decoded,
                            std::unique_ptr<Picture> picture) {
  const base::Time captured =
      playout_.add(decoded.pts, decoded.captured, base::monotonic_now(), base::utc_now());
  decoded_pts_ = decoded.pts;
  view_.width = picture->width();
  view_.height = picture->height();
  const std::uint64_t turn = turn_;
  room_.wait(guard, [&] { return turn != turn_ || pictures_.size() < pictures_max; });
  if (turn != turn_) return;
  pictures_.push_back({captured, decoded.pts, decoded.captured, std::move(picture)});
}

void Presenter::add_sound(std::unique_lock<std::mutex>& guard, const Decoder::Decoded& decoded) {
  if (!is_audible_) return;
  // A stream with pictures is judged by them alone: sound comes in larger pieces.
  const base::Time now = base::monotonic_now();
  const base::Utc utc_now = base::utc_now();
  const base::Time captured = decoded_pts_
                                  ? playout_.locate(decoded.pts, decoded.captured, now, utc_now)
                                  : playout_.add(decoded.pts, decoded.captured, now, utc_now);
  const std::uint64_t turn = turn_;
  room_.wait(guard, [&] { return turn != turn_ || !is_audible_ || !sound_.is_full(); });
  if (turn != turn_ || !is_audible_) return;
  GstBuffer* const buffer = gst_sample_get_buffer(decoded.sample);
  GstMapInfo map;
  if (buffer == nullptr || !gst_buffer_map(buffer, &map, GST_MAP_READ)) return;
  sound_.add(captured, {reinterpret_cast<const float*>(map.data), map.size / sizeof(float)});
  gst_buffer_unmap(buffer, &map);
}

void Presenter::on_coming(base::Duration pts) {
  const std::lock_guard guard(lock_);
  coming_pts_ = pts;
}

bool Presenter::is_left_behind() {
  const std::lock_guard guard(lock_);
  const bool is_live = is_open_ && !is_paused_ && playout_.is_live();
  if (!is_live || !decoded_pts_ || !coming_pts_) return false;
  const base::Duration waiting = *coming_pts_ - *decoded_pts_;
  return waiting > latency_ + Playout::live_limit && waiting < apart_max;
}

base::Time Presenter::due(const Waiting& picture) const noexcept {
  const base::Duration drawing = drawing_.median().value_or(base::Duration::zero());
  return playout_.due(picture.captured) - std::min<base::Duration>(drawing, drawing_max);
}

std::unique_ptr<Picture> Presenter::take_due() {
  const std::lock_guard guard(lock_);
  const base::Time now = base::monotonic_now();
  playout_.on_time(now);
  std::unique_ptr<Picture> picture;
  while (!is_paused_ && !pictures_.empty() && due(pictures_.front()) <= now) {
    if (picture) ++view_.passed_over;
    Waiting& next = pictures_.front();
    picture = std::move(next.picture);
    shown_pts_ = next.pts;
    shown_utc_ = next.utc;
    to_be_drawn_ = {next.captured, now};
    pictures_.pop_front();
  }
  if (!picture) return nullptr;
  view_.has_picture = true;
  ++view_.shown;
  room_.notify_all();
  return picture;
}

void Presenter::on_drawn(base::Time now) {
  const std::lock_guard guard(lock_);
  if (!to_be_drawn_) return;
  const Taken taken = *std::exchange(to_be_drawn_, std::nullopt);
  shown_latency_ = now - taken.captured;
  drawing_.add(now - taken.at);
  picture_latencies_.add(*shown_latency_);
}

std::optional<base::Time> Presenter::next_due() {
  const std::lock_guard guard(lock_);
  if (is_paused_ || pictures_.empty()) return std::nullopt;
  return due(pictures_.front());
}

std::optional<base::Utc> Presenter::position() {
  const std::lock_guard guard(lock_);
  return shown_utc_;
}

Presenter::View Presenter::view() {
  const std::lock_guard guard(lock_);
  View view = view_;
  view.is_paused = is_paused_;
  view.is_live = playout_.is_live();
  view.behind = playout_.behind();
  const auto pictures = picture_latencies_.median();
  const auto sound = sound_latencies_.median();
  view.is_sound_alone = has_sound_ && !expects_pictures_;
  view.latency = view.is_sound_alone ? sound : shown_latency_;
  if (pictures && sound) view.sync = *sound - *pictures;
  if (shown_pts_ && coming_pts_) {
    view.lag = std::clamp<base::Duration>(*coming_pts_ - *shown_pts_, {}, apart_max);
  }
  return view;
}

void Presenter::take_sound(std::span<float> out, base::Time at) noexcept {
  const std::lock_guard guard(lock_);
  if (is_paused_ || !is_audible_) {
    std::ranges::fill(out, 0.0F);
    return;
  }
  sound_.take(out, at, playout_.delay());
  if (const auto latency = sound_.latency()) sound_latencies_.add(*latency);
  room_.notify_all();
}

}  // namespace client
