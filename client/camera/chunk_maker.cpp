#include "client/camera/chunk_maker.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "relay/base/assert.hpp"

namespace client::camera {

void ChunkMaker::set_tracks(std::span<const media::Track> tracks) {
  if (has_begun_) cut_audio();
  kinds_.clear();
  for (const media::Track& track : tracks) kinds_.push_back(track.kind);
  has_video_ = std::ranges::find(kinds_, media::Kind::video) != kinds_.end();
}

void ChunkMaker::add(Frame frame, base::Time now) {
  RELAY_ASSERT(frame.track < kinds_.size());
  if (kinds_[frame.track] == media::Kind::video) return add_video(std::move(frame));
  if (audio_.empty()) audio_since_ = now;
  audio_bytes_ += frame.payload.size();
  audio_.push_back(std::move(frame));
  const bool is_full = audio_.size() >= frames_max - 1 || audio_bytes_ >= audio_bytes_max;
  if (!has_video_ || (has_begun_ && is_full)) return cut_audio();
  if (is_full) {  // the first picture takes its time
    audio_bytes_ -= audio_.front().payload.size();
    audio_.erase(audio_.begin());
  }
}

void ChunkMaker::add_video(Frame frame) {
  if (!has_begun_ && !frame.sync) return;
  const bool sync = frame.sync;
  std::vector<Frame> frames;
  frames.reserve(audio_.size() + 1);
  frames.push_back(std::move(frame));
  std::ranges::move(audio_, std::back_inserter(frames));
  audio_.clear();
  audio_bytes_ = 0;
  cut(std::move(frames), sync);
}

void ChunkMaker::cut(std::vector<Frame> frames, bool sync) {
  has_begun_ = true;
  last_utc_ = std::max(last_utc_, frames.front().utc);
  ready_.push(Chunk{last_utc_, sync, std::move(frames)});
}

void ChunkMaker::cut_audio() {
  if (audio_.empty()) return;
  audio_bytes_ = 0;
  cut(std::exchange(audio_, {}), !has_video_);
}

std::optional<base::Time> ChunkMaker::deadline() const noexcept {
  if (audio_.empty() || !has_begun_) return std::nullopt;
  return audio_since_ + wait_max;
}

void ChunkMaker::on_time(base::Time now) {
  if (const auto when = deadline(); when && *when <= now) cut_audio();
}

void ChunkMaker::interrupt() {
  finish();
  audio_.clear();
  audio_bytes_ = 0;
  has_begun_ = false;
}

void ChunkMaker::finish() {
  if (has_begun_) cut_audio();
}

}  // namespace client::camera
