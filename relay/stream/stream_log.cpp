#include "relay/stream/stream_log.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace stream {

StreamLog::StreamLog(const TailPolicy& policy, std::uint64_t first_sequence, bool is_past)
    : policy_(policy),
      is_past_(is_past),
      chunks_max_(
          std::clamp(static_cast<std::size_t>(policy.bytes / 4096), chunks_least, chunks_most)),
      first_(first_sequence) {}

StreamLog::StreamLog(const TailPolicy& policy, std::uint64_t first_sequence,
                     const StreamLog& source)
    : StreamLog(policy, first_sequence, source.is_past()) {
  source_ = &source;
}

std::optional<std::uint64_t> StreamLog::newest_sync() const noexcept {
  return syncs_.empty() ? std::nullopt : std::optional(syncs_.back());
}

std::optional<std::uint64_t> StreamLog::oldest_sync() const noexcept {
  return syncs_.empty() ? std::nullopt : std::optional(syncs_.front());
}

std::optional<wire::Position> StreamLog::position_of(std::uint64_t sequence) const noexcept {
  if (source_ != nullptr) return source_->position_of(sequence);
  if (sequence >= first_ && !chunks_.empty()) {
    return sequence < end() ? at(sequence).position : newest().position.next();
  }
  auto run = std::upper_bound(
      dropped_.begin(), dropped_.end(), sequence,
      [](std::uint64_t place, const Run& candidate) { return place < candidate.first; });
  if (run == dropped_.begin()) return std::nullopt;
  --run;
  return run->at(std::min(sequence, run->end));
}

MediaTime StreamLog::length() const noexcept {
  return chunks_.empty() ? 0 : chunks_.back().time - chunks_.front().time;
}

void StreamLog::append(Chunk&& chunk) {
  RELAY_ASSERT(chunk.sequence == end());
  bytes_ += chunk.payload_bytes();
  held_bytes_ += chunk.held_bytes();
  if (chunk.sync) syncs_.push_back(chunk.sequence);
  chunks_.push_back(std::move(chunk));
}

void StreamLog::trim() {
  const MediaTime length_max = to_media_time(policy_.length);
  while (chunks_.size() > 1) {
    const bool too_big = held_bytes_ > policy_.bytes || chunks_.size() > chunks_max_;
    const bool too_old =
        clock() - chunks_.front().time > length_max && (syncs_.empty() || first_ < syncs_.back());
    if (!too_big && !too_old) break;
    drop_oldest();
  }
}

void StreamLog::trim_to_newest_group() {
  while (!syncs_.empty() && first_ < syncs_.back()) drop_oldest();
}

void StreamLog::drop_before(std::uint64_t sequence) {
  while (first_ < sequence && !chunks_.empty()) drop_oldest();
}

void StreamLog::restart(std::uint64_t sequence) {
  while (!chunks_.empty()) drop_oldest();
  first_ = sequence;
}

void StreamLog::drop_oldest() {
  bytes_ -= chunks_.front().payload_bytes();
  held_bytes_ -= chunks_.front().held_bytes();
  if (!syncs_.empty() && syncs_.front() == first_) syncs_.pop_front();
  remember_oldest();
  chunks_.pop_front();
  ++first_;
}

void StreamLog::remember_oldest() {
  if (source_ != nullptr) return;
  const wire::Position position = chunks_.front().position;
  if (!dropped_.empty() && dropped_.back().end == first_ &&
      dropped_.back().at(first_) == position) {
    ++dropped_.back().end;
    return;
  }
  // A log that goes back, as one of another home would: what was before is something else.
  while (!dropped_.empty() && dropped_.back().end > first_) dropped_.pop_back();
  if (dropped_.size() == dropped_runs_max) dropped_.pop_front();
  dropped_.push_back({first_, first_ + 1, position});
}

}  // namespace stream
