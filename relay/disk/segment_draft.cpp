#include "relay/disk/segment_draft.hpp"

#include <algorithm>

namespace disk {
namespace {

// Of a segment of 4 s with audio and video.
constexpr std::size_t chunks_expected = 512;

}  // namespace

SegmentDraft::SegmentDraft(const std::string& stream, const RecordWriter::Record& first,
                           base::Utc start, std::uint64_t head_bytes,
                           const SegmentPlan::Decision& decision)
    : gap_length(decision.gap_length),
      table_(std::make_shared<SegmentTable>()),
      before_(decision.before) {
  table_->chunks.reserve(chunks_expected);
  Segment& segment = table_->segment;
  segment.stream = stream;
  segment.first = first.position;
  segment.start = start;
  segment.start_time = first.entry.time;
  segment.last_sync = first.position.sequence;
  segment.last_sync_time = first.entry.time;
  segment.bytes = head_bytes;
  segment.gap = decision.gap;
}

void SegmentDraft::add(const RecordWriter::Record& record, const SegmentPlan::End& end) {
  Segment& segment = table_->segment;
  table_->chunks.push_back(record.entry);
  table_->chunks.back().offset = segment.bytes;
  ++segment.chunks;
  segment.bytes += record.entry.bytes;
  segment.end = end.utc;
  segment.end_time = end.time;
  segment.number = record.number;
  segment.discontinuity = record.discontinuity;
  if (record.entry.sync) {
    segment.last_sync = record.position.sequence;
    segment.last_sync_time = record.entry.time;
  }
}

SegmentTable SegmentDraft::first(std::size_t chunks) const {
  SegmentTable part{table_->segment, {}};
  const auto begin = table_->chunks.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(chunks);
  part.chunks.assign(begin, end);
  Segment& segment = part.segment;
  segment.id = id;
  if (end == table_->chunks.end()) return part;
  // It ends where the next one begins.
  segment.chunks = chunks;
  segment.bytes = end->offset;
  segment.end = end->utc;
  segment.end_time = end->time;
  std::size_t sync = std::max<std::size_t>(chunks, 1) - 1;
  while (sync > 0 && !part.chunks[sync].sync) --sync;
  segment.last_sync = segment.first.sequence + sync;
  segment.last_sync_time = table_->chunks[sync].time;
  return part;
}

void SegmentDraft::cut(std::size_t chunks) {
  table_ = std::make_shared<SegmentTable>(first(chunks));
  written = chunks;
}

std::size_t SegmentDraft::count_within(std::uint64_t file_bytes) const noexcept {
  const auto behind = std::ranges::find_if(table_->chunks, [=](const ChunkEntry& entry) {
    return entry.offset + entry.bytes > file_bytes;
  });
  return static_cast<std::size_t>(behind - table_->chunks.begin());
}

std::optional<SegmentPlan::End> SegmentDraft::end_behind(std::size_t chunks) const {
  if (chunks == 0) return before_;
  const Segment segment = first(chunks).segment;
  return SegmentPlan::End{segment.next(), segment.end, segment.end_time};
}

}  // namespace disk
