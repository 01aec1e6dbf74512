#include "relay/disk/past_pace.hpp"

#include <algorithm>
#include <utility>

namespace disk {
namespace {

// The first chunk of those that have so many bytes together, from the end of the log.
std::uint64_t before_end(const stream::StreamLog& log, std::size_t bytes) noexcept {
  std::uint64_t sequence = log.end();
  while (sequence > log.first() && bytes > 0) {
    bytes -= std::min(bytes, log.at(--sequence).held_bytes());
  }
  return sequence;
}

// Without the chunks before it the log has at most so many bytes.
std::uint64_t bound_of(const stream::StreamLog& log, std::size_t bytes_max) noexcept {
  std::size_t held = log.held_bytes();
  std::uint64_t sequence = log.first();
  while (sequence < log.end() && held > bytes_max) held -= log.at(sequence++).held_bytes();
  return sequence;
}

}  // namespace

PastPace::Places PastPace::find_places(const stream::Stream& stream) noexcept {
  const stream::StreamLog& log = stream.log();
  Places places{log.first(), log.end(), 0};
  stream.for_each_cursor([&](const stream::Cursor& cursor) {
    const std::uint64_t place = cursor.place().value_or(log.first());
    places.front = std::max(places.front, place);
    // One that was left behind is not waited for.
    if (place >= log.first()) places.back = std::min(places.back, place);
    places.sum += place;
  });
  return places;
}

std::size_t PastPace::count_behind(const stream::Stream& stream, std::uint64_t sequence) noexcept {
  std::size_t behind = 0;
  stream.for_each_cursor([&](const stream::Cursor& cursor) {
    const std::uint64_t place = cursor.place().value_or(stream.log().first());
    if (place >= stream.log().first() && place < sequence) ++behind;
  });
  return behind;
}

// For those who have not come up to the bound, as long as they come.
bool PastPace::waits(const stream::Stream& stream, std::uint64_t bound, base::Time now) noexcept {
  const std::size_t behind = count_behind(stream, bound);
  if (!waiting_since_) {
    waiting_since_ = came_up_ = now;
  } else if (behind < behind_) {
    came_up_ = now;
  }
  behind_ = behind;
  return now - came_up_ < patience && now - *waiting_since_ < patience_max;
}

PastPace::Decision PastPace::decide(const stream::Stream& stream, Room room,
                                    base::Time now) noexcept {
  const stream::StreamLog& log = stream.log();
  const Places places = find_places(stream);
  const bool has_moved = std::exchange(places_sum_, places.sum) != places.sum;
  if (has_moved) moved_ = now;
  Decision decision;
  // Who waits for what has not been read yet cannot move.
  if (now - moved_ >= idle_max && places.front < log.end()) {
    if (!log.empty()) decision.drop_before = log.end();
    decision.look_again = now + 10 * look_interval;
    return decision;
  }
  if (room.is_tight && places.back > log.first()) decision.drop_before = places.back;
  if (places.front < before_end(log, read_ahead / 2)) {
    decision.look_again = now + look_interval;
    return decision;
  }
  const std::uint64_t bound = bound_of(log, room.is_tight ? read_ahead : room.window - read_ahead);
  if (bound > log.first()) {
    const bool is_gathering =
        !room.is_tight && now - joined_ < gather_time && now - began_ < gather_time_max;
    if (is_gathering || (places.back < bound && waits(stream, bound, now))) {
      decision.look_again = now + look_interval;
      return decision;
    }
    decision.drop_before =
        std::max(decision.drop_before.value_or(0), std::min(bound, places.front));
  }
  waiting_since_.reset();
  decision.reads = true;
  return decision;
}

}  // namespace disk
