#include "relay/disk/clip_planner.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

#include "relay/base/big_endian.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/disk/layout.hpp"
#include "relay/protocol/wire/checksum.hpp"

namespace disk {
namespace {

// Chunks between two looks at the clock.
constexpr unsigned chunks_per_look = 16;
// Of records that are so small it is cheaper to read all than to skip payloads.
constexpr std::uint32_t small_record_bytes = 8 << 10;

template <class Integer>
void add_integer(wire::Checksum& checksum, Integer value) noexcept {
  std::array<std::byte, sizeof value> bytes;
  base::store_big_endian<sizeof value>(bytes.data(), value);
  checksum.add(bytes);
}

// What is in the file, and where it came from.
std::string make_etag(const ClipPlan& plan, wire::Position first) {
  wire::Checksum head;
  head.add(plan.head);
  wire::Checksum content;
  for (const ClipPlan::Piece& piece : plan.pieces) {
    add_integer(content, piece.bytes);
    add_integer(content, piece.checksum);
  }
  char text[80];
  std::snprintf(text, sizeof text, "\"%016llx-%llx-%llx-%08x%08x\"",
                static_cast<unsigned long long>(first.epoch),
                static_cast<unsigned long long>(first.sequence),
                static_cast<unsigned long long>(plan.bytes()), head.value(), content.value());
  return text;
}

}  // namespace

ClipPlanner::ClipPlanner(Store& store, ClipRequest request, std::atomic<std::uint64_t>& memory,
                         std::uint64_t bytes_max)
    : store_(store),
      request_(std::move(request)),
      bytes_max_(bytes_max),
      plan_(std::make_shared<ClipPlan>(store, memory)),
      movie_(request_.from, request_.to) {
  plan_->stream = request_.stream;
}

base::Result<ClipPlanner::Progress> ClipPlanner::work(base::Time until) {
  if (!place_) {
    if (auto begun = begin(); !begun) return begun.error();
  }
  unsigned chunks = 0;
  while (true) {
    open_segment();
    take_chunk();
    if (is_first_ && !plan_->pieces.empty()) {
      is_first_ = false;
      if (movie_.begins_late() && plan_->gaps.empty()) {
        if (auto gone = go_back(); !gone) return gone.error();
        continue;
      }
    }
    if (movie_.bytes() + plan_->pieces.size() * sizeof(ClipPlan::Piece) > bytes_max_) {
      return Errc::clip_too_large;
    }
    auto goes_on = advance();
    if (!goes_on) return goes_on.error();
    if (*goes_on == Progress::done) break;
    if (++chunks % chunks_per_look == 0 && base::monotonic_now() >= until) {
      return Progress::more;
    }
  }
  if (auto finished = finish(); !finished) return finished.error();
  return Progress::done;
}

base::Result<void> ClipPlanner::begin() {
  auto found = store_.find(request_.stream, request_.from);
  if (!found) return found.error();
  if (!*found || (*found)->entry().utc >= request_.to) return Errc::nothing_recorded;
  return begin_at(std::move(**found));
}

base::Result<void> ClipPlanner::begin_at(Store::Place place) {
  place_ = std::move(place);
  last_end_ = request_.from;
  const Segment& segment = place_->table->segment;
  const auto before = store_.catalog().before(segment);
  if (!before) return before.error();
  // Times are told in milliseconds: whoever asks for the begin of a recording means all of it, also
  // frames that begin before their chunk.
  const auto distance = std::chrono::abs(place_->entry().utc - request_.from);
  const bool is_behind_gap = !*before || segment.gap != GapReason::none;
  if (place_->index == 0 && is_behind_gap && distance < std::chrono::milliseconds(1)) {
    movie_.show_from_begin();
    return {};
  }
  if (place_->gap == GapReason::none) return {};
  gap_ = place_->gap;
  if (*before) last_end_ = std::min(request_.from, (*before)->end);
  return {};
}

// To the sync chunk before the one that was found; if there is none, from there nevertheless.
base::Result<void> ClipPlanner::go_back() {
  const base::Utc here = place_->entry().utc;
  auto found = store_.find(request_.stream, here - std::chrono::microseconds(1));
  if (!found) return found.error();
  const bool is_before = *found && (*found)->gap == GapReason::none && (*found)->entry().utc < here;
  if (is_before) place_ = std::move(**found);
  movie_ = ClipMovie(request_.from, request_.to);
  plan_->pieces.clear();
  plan_->files.clear();
  plan_->content_bytes = 0;
  segment_ = 0;
  return {};
}

// What it says of its tracks. One that cannot be read is passed over, chunk by chunk.
void ClipPlanner::open_segment() {
  const SegmentTable& table = *place_->table;
  const ChunkEntry& entry = place_->entry();
  const bool is_open = segment_ == table.segment.id;
  if (is_open && (!file_ || entry.offset + entry.bytes <= file_->size())) return;
  if (!is_open) plan_->held.hold(table.segment.id);
  segment_ = table.segment.id;
  file_.reset();
  const base::Utc start = table.segment.start;
  auto file = FileSource::open(segment_path(store_.root(), request_.stream, start));
  if (!file) return;
  file_.emplace(std::move(*file));
  if (is_open) return;
  const auto head_bytes = table.chunks.front().offset;
  if (head_bytes > head_bytes_max) return file_.reset();
  header_.resize(static_cast<std::size_t>(head_bytes));
  if (!file_->read(0, header_)) return file_.reset();
  const auto head = read_head(header_);
  if (!head) return file_.reset();
  movie_.begin_segment(*head, !gap_);
  is_in_plan_ = false;
}

void ClipPlanner::take_chunk() {
  const ChunkEntry& entry = place_->entry();
  if (waits_for_sync_ && !entry.sync) return;
  if (!file_ || !read_box(entry)) return lose(GapReason::damaged);
  waits_for_sync_ = false;
  if (gap_) tell_gap(entry.utc);
  last_end_ =
      entry.utc + std::chrono::floor<std::chrono::microseconds>(stream::to_duration(box_.length));
  if (!movie_.add(box_, plan_->content_bytes)) return;
  if (plan_->pieces.empty()) first_ = box_.position;
  if (!std::exchange(is_in_plan_, true)) {
    plan_->files.push_back(
        {place_->table->segment.start, plan_->content_bytes, plan_->pieces.size()});
  }
  plan_->pieces.push_back(
      {entry.offset + box_.header_bytes(), box_.payload_bytes, box_.payload_checksum});
  plan_->content_bytes += box_.payload_bytes;
}

// The next chunk does not follow: it goes on with a sync chunk.
void ClipPlanner::lose(GapReason reason) {
  waits_for_sync_ = true;
  if (!gap_) gap_ = reason;
}

// Nothing but what was written for this chunk, up to its payload.
base::Result<void> ClipPlanner::read_box(const ChunkEntry& entry) {
  const auto header = read_header(entry);
  if (!header) return header.error();
  if (box_.position != place_->position() || box_.record_bytes != entry.bytes) {
    return Errc::other_record;
  }
  if (record_checksum(*header) != box_.header_checksum) return Errc::bad_checksum;
  header_guess_ = std::max<std::size_t>(header_guess_, header->size());
  return {};
}

base::Result<std::span<const std::byte>> ClipPlanner::read_header(const ChunkEntry& entry) {
  const bool is_small = entry.bytes <= small_record_bytes;
  std::size_t bytes = is_small ? entry.bytes : std::min<std::size_t>(header_guess_, entry.bytes);
  while (true) {
    const auto read_now = read(entry.offset, bytes, is_small);
    if (!read_now) return read_now.error();
    const auto size = find_chunk_box(*read_now);
    if (!size || size->box_bytes > entry.bytes) return Errc::bad_record;
    std::size_t wanted = size->box_bytes;
    if (wanted <= bytes) {
      if (auto parsed = read_chunk_box(*read_now, box_); !parsed) return parsed.error();
      wanted = box_.header_bytes();
      if (wanted <= bytes) return read_now->first(wanted);
    }
    if (wanted > entry.bytes || wanted > record_header_bytes_max) return Errc::bad_record;
    bytes = wanted;
  }
}

base::Result<std::span<const std::byte>> ClipPlanner::read(std::uint64_t offset, std::size_t bytes,
                                                           bool reads_ahead) {
  if (offset + bytes > file_->size()) return Errc::cut_record;
  if (reads_ahead) return file_->at(offset, bytes);
  header_.resize(bytes);
  if (auto done = file_->read(offset, header_); !done) return done.error();
  return std::span<const std::byte>(header_);
}

// Done: there is no more, or nothing of it is wanted.
base::Result<ClipPlanner::Progress> ClipPlanner::advance() {
  if (movie_.is_complete()) return Progress::done;
  auto next = store_.next(*place_);
  if (!next) return next.error();
  if (!*next) return Progress::done;
  place_ = std::move(**next);
  const ChunkEntry& entry = place_->entry();
  if (place_->gap == GapReason::none) return Progress::more;
  if (entry.utc >= request_.to) return Progress::done;
  lose(place_->gap);
  return Progress::more;
}

void ClipPlanner::tell_gap(base::Utc to) {
  const GapReason reason = *std::exchange(gap_, std::nullopt);
  if (plan_->gaps.size() == ClipPlan::gaps_max) return;
  plan_->gaps.push_back({std::min(last_end_, to), to, reason});
}

base::Result<void> ClipPlanner::finish() {
  if (plan_->pieces.empty())
    return movie_.missing().empty() ? Errc::nothing_recorded : Errc::nothing_fits;
  plan_->missing = movie_.missing();
  plan_->start = movie_.start();
  plan_->end = movie_.end();
  plan_->head = movie_.write(plan_->content_bytes);
  plan_->pieces.shrink_to_fit();
  plan_->etag = make_etag(*plan_, first_);
  plan_->count_memory();
  return {};
}

}  // namespace disk
