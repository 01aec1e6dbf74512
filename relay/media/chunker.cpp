#include "relay/media/chunker.hpp"

#include <algorithm>

#include "relay/base/assert.hpp"

namespace media {

void Chunker::set_tracks(std::span<const Track> tracks) {
  cut();
  kinds_.clear();
  for (const Track& track : tracks) kinds_.push_back(track.kind);
  has_video_ = std::ranges::find(kinds_, Kind::video) != kinds_.end();
}

void Chunker::add(Sample sample, base::Time now) {
  RELAY_ASSERT(sample.track < kinds_.size());
  const bool is_video = kinds_[sample.track] == Kind::video;
  if (open_.empty()) open_since_ = now;
  open_bytes_ += sample.payload.bytes();
  open_.push_back(std::move(sample));
  const bool is_full = open_.size() >= samples_max || open_bytes_ >= bytes_max;
  if (is_video || !has_video_ || is_full) cut();
}

std::optional<base::Time> Chunker::deadline() const noexcept {
  if (open_.empty()) return std::nullopt;
  return open_since_ + wait_max;
}

void Chunker::on_time(base::Time now) {
  if (const auto when = deadline(); when && *when <= now) cut();
}

void Chunker::cut() {
  if (open_.empty()) return;
  Group& group = ready_.push();
  group.samples = std::exchange(open_, {});
  open_bytes_ = 0;
  group.sync = std::ranges::any_of(group.samples, [this](const Sample& sample) {
    return sample.sync && (!has_video_ || kinds_[sample.track] == Kind::video);
  });
}

}  // namespace media
