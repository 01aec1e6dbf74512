#include <algorithm>
#include <iterator>
#include <utility>

#include "relay/disk/store.hpp"

// Where in the segments of a stream somebody begins and goes on. Every loop over segments goes to
// later ones, so it ends.
namespace disk {
namespace {

// How many segments of one epoch are looked at that might hold a position. They overlap by a group
// at most, and seldom.
constexpr std::size_t overlapping_max = 8;

// The last sync chunk of those before `end`.
std::optional<std::size_t> sync_before(const SegmentTable& table, std::size_t end) {
  while (end > 0) {
    if (table.chunks[--end].sync) return end;
  }
  return std::nullopt;
}

std::optional<std::size_t> first_sync(const SegmentTable& table) {
  for (std::size_t index = 0; index < table.chunks.size(); ++index) {
    if (table.chunks[index].sync) return index;
  }
  return std::nullopt;
}

// How many of its chunks begin at `utc` or before.
std::size_t count_until(const SegmentTable& table, base::Utc utc) {
  const auto behind = std::upper_bound(
      table.chunks.begin(), table.chunks.end(), utc,
      [](base::Utc wanted, const ChunkEntry& entry) { return wanted < entry.utc; });
  return static_cast<std::size_t>(behind - table.chunks.begin());
}

wire::Position end_of(const SegmentTable& table) {
  return {table.segment.first.epoch, table.segment.first.sequence + table.chunks.size()};
}

bool follows(const Segment& segment, wire::Position wanted) {
  return segment.first.epoch == wanted.epoch && segment.first.sequence <= wanted.sequence;
}

// All of it is before the position.
bool is_passed(const Segment& segment, wire::Position wanted) {
  return follows(segment, wanted) && segment.next().sequence <= wanted.sequence;
}

}  // namespace

wire::Position Store::Place::position() const noexcept {
  return {table->segment.first.epoch, table->segment.first.sequence + index};
}

Store::Found Store::find(const std::string& stream, const wire::Start& start) {
  if (const auto* utc = std::get_if<base::Utc>(&start)) return find_utc(stream, *utc);
  if (const auto* position = std::get_if<wire::Position>(&start)) {
    return find_position(stream, *position);
  }
  return find_newest(stream);
}

Store::Found Store::find_newest(const std::string& stream) {
  auto segment = catalog_->newest(stream);
  while (segment && *segment) {
    if (auto table = this->table(**segment)) {
      if (const auto sync = sync_before(**table, (*table)->chunks.size())) {
        return Place{std::move(*table), *sync};
      }
    }
    segment = catalog_->before(**segment);
  }
  if (!segment) return segment.error();
  return std::optional<Place>();
}

// The first sync chunk from this segment on. Without a reason it is that of the segment.
Store::Found Store::first_from(base::Result<std::optional<Segment>> segment, GapReason reason) {
  while (segment && *segment) {
    auto table = this->table(**segment);
    if (!table) {
      reason = GapReason::damaged;
    } else if (const auto sync = first_sync(**table)) {
      if (reason == GapReason::none) reason = (*segment)->gap;
      return Place{std::move(*table), *sync, reason};
    }
    segment = catalog_->after(**segment);
  }
  if (!segment) return segment.error();
  return std::optional<Place>();
}

Store::Found Store::find_utc(const std::string& stream, base::Utc utc) {
  const auto segment = catalog_->at(stream, utc);
  if (!segment) return segment.error();
  if (!*segment) return first_from(catalog_->first(stream), GapReason::not_kept);
  auto table = this->table(**segment);
  if (!table) return first_from(catalog_->after(**segment), GapReason::damaged);
  const auto sync = sync_before(**table, count_until(**table, utc));
  const bool is_inside = utc < (*table)->segment.end;
  if (sync && is_inside) return Place{std::move(*table), *sync};
  auto next = catalog_->after(**segment);
  if (!next) return next.error();
  // Behind what was recorded last, or before the first chunk of a segment that is just begun.
  if (!*next) return std::optional<Place>();
  GapReason reason = gap_before(**next, end_of(**table));
  // Between the last chunk and the next, which follows it.
  if (sync && reason == GapReason::none) return Place{std::move(*table), *sync};
  const bool is_cut = !(*segment)->is_open && (*table)->chunks.size() < (*segment)->chunks;
  if (is_cut) reason = GapReason::damaged;
  return first_from(std::move(next), reason);
}

Store::Found Store::find_position(const std::string& stream, wire::Position position) {
  auto candidates = catalog_->beginning_before(stream, position, overlapping_max);
  if (!candidates) return candidates.error();
  if (candidates->empty()) {
    auto later = catalog_->beginning_after(stream, position);
    if (!later) return later.error();
    const bool is_first = *later && (*later)->gap == GapReason::none;
    return first_from(std::move(later), is_first ? GapReason::not_kept : GapReason::none);
  }
  std::sort(candidates->begin(), candidates->end(),
            [](const Segment& a, const Segment& b) { return a.start > b.start; });
  GapReason reason = GapReason::none;
  for (const Segment& candidate : *candidates) {
    if (!candidate.is_open && is_passed(candidate, position)) continue;
    auto table = this->table(candidate);
    const std::uint64_t index = position.sequence - candidate.first.sequence;
    if (table && index < (*table)->chunks.size()) return Place{std::move(*table), index};
    if (!table || index < candidate.chunks) reason = GapReason::damaged;
  }
  auto next = catalog_->after(candidates->front());
  if (!next) return next.error();
  if (reason == GapReason::none && *next) reason = gap_before(**next, position);
  return first_from(std::move(next), reason);
}

Store::Found Store::next(const Place& place) {
  if (place.index + 1 < place.table->chunks.size()) return Place{place.table, place.index + 1};
  // The end of what was known of the segment, which may have grown, or be closed by now.
  const Segment& segment = place.table->segment;
  const auto row = catalog_->get(segment.id);
  if (!row) return row.error();
  std::shared_ptr<const SegmentTable> table = place.table;
  if (segment.is_open && *row) {
    if (auto now = this->table(**row)) table = std::move(*now);
    if (place.index + 1 < table->chunks.size()) return Place{std::move(table), place.index + 1};
  }
  const bool is_cut = *row && !(*row)->is_open && table->chunks.size() < (*row)->chunks;
  return follow(*table, is_cut ? GapReason::damaged : GapReason::none);
}

// What comes behind the segment of this table, all of which was read.
Store::Found Store::follow(const SegmentTable& table, GapReason reason) {
  const wire::Position wanted = end_of(table);
  const bool is_growing = published(table.segment.id) != nullptr;
  auto segment = catalog_->after(table.segment);
  for (; segment && *segment; segment = catalog_->after(**segment)) {
    const Segment& next = **segment;
    const bool has_it = follows(next, wanted);
    // What would be skipped may still come.
    if (is_growing && !has_it) return std::optional<Place>();
    if (!next.is_open && is_passed(next, wanted)) continue;
    auto found = this->table(next);
    if (!found) {
      reason = GapReason::damaged;
      continue;
    }
    const std::uint64_t index = has_it ? wanted.sequence - next.first.sequence : 0;
    if (index < (*found)->chunks.size()) {
      if (has_it) return Place{std::move(*found), index};
      if (reason == GapReason::none) reason = gap_before(next, wanted);
      return Place{std::move(*found), index, reason};
    }
    if (published(next.id)) return std::optional<Place>();  // not there yet
  }
  if (!segment) return segment.error();
  return std::optional<Place>();
}

}  // namespace disk
