#include "relay/disk/clip_movie.hpp"

#include <algorithm>
#include <limits>

#include "relay/media/container/fmp4/init.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/media/timescale.hpp"

namespace disk {
namespace {

using media::rescale;
using stream::media_ticks_per_second;

constexpr auto media_timescale = static_cast<std::uint32_t>(media_ticks_per_second);
// The log's clock and UTC may differ by so much where nothing is wrong: design.md, section 4.
constexpr stream::MediaTime clock_tolerance = 2 * media_ticks_per_second;
// Audio is kept from so long before `from`, for decoders that need a frame to begin with.
constexpr stream::MediaTime lead_min = media_ticks_per_second / 20;
constexpr stream::MediaTime lead_max = media_ticks_per_second;

// Of any two UTCs; nanoseconds between them might not fit.
stream::MediaTime ticks(std::chrono::microseconds duration) noexcept {
  return duration.count() * 9 / 100;
}

// No log has lasted longer, so that sums of times fit 64 bits in the finest timescale.
constexpr std::int64_t seconds_max = std::int64_t{1} << 30;
static_assert(fmp4::timescale_max <= std::uint32_t{1} << 30);

bool is_believable(std::int64_t time, std::uint32_t timescale) noexcept {
  return timescale <= fmp4::timescale_max && time > -seconds_max * timescale &&
         time < seconds_max * timescale;
}

// What was found for a time is near it: at most a group that lasts very long before it.
bool is_near(const ChunkBox& box, base::Utc from, base::Utc to) noexcept {
  constexpr auto group_max = std::chrono::days(30);
  return box.utc >= from - group_max && box.utc <= to + group_max;
}

}  // namespace

// Coarser where the whole clip might be one pause that 32 bits could not tell.
std::uint32_t ClipMovie::timescale_for(const media::Track& track) const noexcept {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(to_ - from_).count() + 60;
  std::uint32_t timescale = track.timescale;
  while (timescale > 1 && timescale > std::numeric_limits<std::uint32_t>::max() /
                                          static_cast<std::uint64_t>(seconds)) {
    timescale /= 2;
  }
  return timescale;
}

void ClipMovie::begin_segment(const Head& head, bool follows) {
  if (!follows) is_placed_ = false;
  routes_.clear();
  for (Track& track : tracks_) track.is_taken = false;
  for (const media::Track& track : head.tracks->tracks) {
    Route& route = routes_.emplace_back();
    const auto found = find_track(track);
    if (!found) continue;
    route = {true, *found, track.timescale};
    tracks_[*found].is_taken = true;
  }
}

std::optional<std::size_t> ClipMovie::find_track(const media::Track& track) {
  if (!fmp4::can_write(track)) {
    std::string name(media::name(track.kind));
    name += '/';
    name += media::name(track.codec);
    if (missing_.find(name) == std::string::npos) missing_ += (missing_.empty() ? "" : ", ") + name;
    return std::nullopt;
  }
  for (std::size_t index = 0; index < tracks_.size(); ++index) {
    if (tracks_[index].is_taken || writer_.track(index).codec != track.codec) continue;
    writer_.describe(index, track);
    return index;
  }
  if (tracks_.size() == tracks_max) return std::nullopt;
  media::Track added = track;
  added.timescale = timescale_for(track);
  tracks_.push_back({track.kind == media::Kind::video, false, false, std::nullopt});
  const std::size_t index = writer_.add_track(added);
  if (tracks_.back().is_video && !shown_track_) shown_track_ = index;
  return index;
}

// Finds the place of a chunk on the clip's line.
void ClipMovie::place(const ChunkBox& box) {
  if (!origin_) {
    origin_ = {box.time, box.utc};
    from_time_ =
        is_from_begin_ ? -seconds_max * media_timescale : box.time + ticks(from_ - box.utc);
    last_time_ = last_end_ = box.time;
  } else if (!is_placed_) {
    const MediaTime by_utc = origin_->time + ticks(box.utc - origin_->utc);
    const MediaTime by_log = box.time + shift_;
    const bool goes_on = by_log >= last_time_ && by_log - by_utc < clock_tolerance &&
                         by_utc - by_log < clock_tolerance;
    if (!goes_on) shift_ = std::max(by_utc, last_end_) - box.time;
  }
  is_placed_ = true;
  last_time_ = box.time + shift_;
  to_time_ = last_time_ + ticks(to_ - box.utc);
}

bool ClipMovie::add(const ChunkBox& box, std::uint64_t offset) {
  if (!is_believable(box.time, media_timescale) || !is_near(box, from_, to_)) return false;
  place(box);
  bool is_wanted = false;
  for (const ChunkBox::Sample& sample : box.samples) {
    if (add_sample(sample, offset)) is_wanted = true;
    offset += sample.bytes;
  }
  if (box.utc >= to_) {
    has_reached_to_ = true;
    const bool are_over = std::ranges::all_of(
        tracks_, [](const Track& track) { return track.is_over || !track.is_taken; });
    is_complete_ = are_over || box.utc - to_ >= late_max;
  }
  return is_wanted;
}

bool ClipMovie::add_sample(const ChunkBox::Sample& sample, std::uint64_t offset) {
  if (sample.track >= routes_.size() || !routes_[sample.track].is_held || sample.bytes == 0) {
    return false;
  }
  const Route& route = routes_[sample.track];
  if (!is_believable(sample.dts, route.timescale) || !is_believable(sample.pts, route.timescale)) {
    return false;
  }
  Track& track = tracks_[route.track];
  const std::uint32_t timescale = writer_.track(route.track).timescale;
  const auto to_clip = [&](std::int64_t time) { return rescale(time, timescale, route.timescale); };
  const std::int64_t shift = rescale(shift_, timescale, media_timescale);
  fmp4::ProgressiveWriter::Sample listed{offset,
                                         sample.bytes,
                                         to_clip(sample.dts) + shift,
                                         to_clip(sample.pts) + shift,
                                         static_cast<std::uint32_t>(to_clip(sample.duration)),
                                         sample.sync};
  if (listed.dts >= rescale(to_time_, timescale, media_timescale)) {
    track.is_over = true;
    return false;
  }
  if (!track.is_video && is_heard_before(listed, timescale)) return false;
  if (track.last_dts && listed.dts <= *track.last_dts) {
    if (!track.is_video) return false;
    listed.dts = *track.last_dts + 1;
    listed.pts = std::max(listed.pts, listed.dts);
  }
  track.last_dts = listed.dts;
  if (route.track == shown_track_) {
    first_pts_ = std::min(first_pts_.value_or(listed.pts), listed.pts);
    const bool is_before = listed.pts <= rescale(from_time_, timescale, media_timescale);
    if (is_before) seen_at_from_ = std::max(seen_at_from_.value_or(listed.pts), listed.pts);
    video_step_ = rescale(listed.duration, media_timescale, timescale);
  }
  const MediaTime begin = rescale(listed.pts, media_timescale, timescale);
  begin_ = std::min(begin_.value_or(begin), begin);
  last_end_ =
      std::max(last_end_, rescale(listed.pts + listed.duration, media_timescale, timescale));
  writer_.add(route.track, listed);
  return true;
}

bool ClipMovie::is_heard_before(const fmp4::ProgressiveWriter::Sample& sample,
                                std::uint32_t timescale) const noexcept {
  const MediaTime lead = std::clamp(video_step_, lead_min, lead_max);
  return rescale(sample.pts + sample.duration, media_timescale, timescale) + lead <= from_time_;
}

bool ClipMovie::begins_late() const noexcept {
  return first_pts_ && !seen_at_from_ && !is_from_begin_;
}

stream::MediaTime ClipMovie::shown_start() const noexcept {
  if (!shown_track_ || !first_pts_) return std::max(from_time_, begin_.value_or(0));
  return rescale(seen_at_from_.value_or(*first_pts_), media_timescale,
                 writer_.track(*shown_track_).timescale);
}

stream::MediaTime ClipMovie::shown_end() const noexcept {
  return has_reached_to_ ? to_time_ : last_end_;
}

base::Utc ClipMovie::utc_of(MediaTime time) const noexcept {
  if (!origin_) return from_;
  return origin_->utc + std::chrono::microseconds((time - origin_->time) * 100 / 9);
}

std::vector<std::byte> ClipMovie::write(std::uint64_t content_bytes) const {
  fmp4::ProgressiveWriter::Shown shown{shown_start(), shown_end(), media_timescale};
  if (shown_track_ && first_pts_) {
    // To the tick of the frame.
    shown.timescale = writer_.track(*shown_track_).timescale;
    shown.start = seen_at_from_.value_or(*first_pts_);
    shown.end = rescale(shown_end(), shown.timescale, media_timescale);
  }
  return writer_.write(
      shown, content_bytes,
      std::chrono::floor<std::chrono::seconds>(start()).time_since_epoch().count());
}

}  // namespace disk
