#include "relay/stream/place.hpp"

namespace stream {
namespace {

using wire::GapReason;
using wire::Position;

// Nobody goes back: a publisher that sends what it sent before may have number after number again.
Place sync_behind(const StreamLog& log, Position position, std::uint64_t sequence,
                  GapReason reason) noexcept {
  for (; sequence < log.end(); ++sequence) {
    const Chunk& chunk = log.at(sequence);
    const bool is_before =
        chunk.position.epoch == position.epoch && chunk.position.sequence <= position.sequence;
    if (chunk.sync && !is_before) return {sequence, reason};
  }
  return {};
}

// The newest sync chunk that is not after it: clocks of several publishers need not agree.
Place find_utc(const StreamLog& log, base::Utc utc) noexcept {
  for (std::uint64_t sequence = log.end(); sequence > log.first(); --sequence) {
    const Chunk& chunk = log.at(sequence - 1);
    if (chunk.sync && chunk.utc <= utc) return {sequence - 1, GapReason::unspecified};
  }
  return {log.oldest_sync(), GapReason::unspecified};
}

// Without a hole or another epoch in between it can be in one place only.
std::optional<std::uint64_t> find_quickly(const StreamLog& log, Position position) noexcept {
  const Position newest = log.newest().position;
  if (position.epoch != newest.epoch || position.sequence > newest.sequence) return std::nullopt;
  const std::uint64_t back = newest.sequence - position.sequence;
  if (back >= log.end() - log.first()) return std::nullopt;
  const std::uint64_t sequence = log.end() - 1 - back;
  if (log.at(sequence).position != position) return std::nullopt;
  return sequence;
}

// The last chunk of its epoch that is not after it says where it is, or would be.
Place find_position(const StreamLog& log, Position position) noexcept {
  if (const auto found = find_quickly(log, position); found && !log.at(*found).bytes.empty()) {
    return {found, GapReason::unspecified};
  }
  std::optional<std::uint64_t> oldest;  // of its epoch
  std::uint64_t sequence = log.end();
  for (; sequence > log.first(); --sequence) {
    const Chunk& chunk = log.at(sequence - 1);
    if (chunk.position.epoch != position.epoch) continue;
    oldest = sequence - 1;
    if (chunk.position.sequence <= position.sequence) break;
  }
  if (sequence == log.first()) {
    // Before everything of its epoch that is kept, or of one that this log never had.
    if (!oldest) return sync_behind(log, position, sequence, GapReason::publisher);
    const bool is_reserve = log.at(*oldest).gap == GapReason::restart;
    return sync_behind(log, position, *oldest, is_reserve ? GapReason::restart : GapReason::tail);
  }
  const Chunk& before = log.at(sequence - 1);
  const bool is_there = before.position == position;
  if (is_there && !before.bytes.empty()) return {sequence - 1, GapReason::unspecified};
  Place place = sync_behind(log, position, sequence, GapReason::lost);
  if (!place.sequence) return place;
  const Chunk& next = log.at(*place.sequence);
  if (next.gap != GapReason::unspecified) place.reason = next.gap;
  if (next.position.epoch != position.epoch) place.reason = GapReason::publisher;
  return place;
}

}  // namespace

std::optional<std::uint64_t> find_exactly(const StreamLog& log, Position position) noexcept {
  if (log.empty()) return std::nullopt;
  if (const auto found = find_quickly(log, position)) return found;
  for (std::uint64_t sequence = log.end(); sequence > log.first(); --sequence) {
    if (log.at(sequence - 1).position == position) return sequence - 1;
  }
  return std::nullopt;
}

Place find_place(const StreamLog& log, const wire::Start& start) noexcept {
  if (log.empty()) return {};
  if (const auto* position = std::get_if<Position>(&start)) return find_position(log, *position);
  if (const auto* utc = std::get_if<base::Utc>(&start)) return find_utc(log, *utc);
  return {log.newest_sync(), GapReason::unspecified};
}

}  // namespace stream
