#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "relay/disk/record_writer.hpp"
#include "relay/disk/segment.hpp"
#include "relay/disk/segment_plan.hpp"

namespace disk {

/// A segment while it grows: what was taken for it, and how much of that is in its file. Owned by a
/// recorder.
class SegmentDraft {
 public:
  SegmentDraft(const std::string& stream, const RecordWriter::Record& first, base::Utc start,
               std::uint64_t head_bytes, const SegmentPlan::Decision& decision);

  /// The next chunk, behind which the recording ends there.
  void add(const RecordWriter::Record& record, const SegmentPlan::End& end);
  /// Nothing more comes: what this returns never changes.
  std::shared_ptr<const SegmentTable> finish() const { return table_; }
  /// Only the first `chunks` of it are.
  void cut(std::size_t chunks);

  /// All that was taken.
  const Segment& segment() const noexcept { return table_->segment; }
  /// The first `chunks` of it.
  SegmentTable first(std::size_t chunks) const;
  /// Those that lie in the first `file_bytes` of the file.
  std::size_t count_within(std::uint64_t file_bytes) const noexcept;
  wire::Position position_behind(std::size_t chunks) const noexcept {
    return {segment().first.epoch, segment().first.sequence + chunks};
  }
  /// Where the recording ends behind the first `chunks`.
  std::optional<SegmentPlan::End> end_behind(std::size_t chunks) const;

  std::int64_t id = 0;        ///< of the catalog, once there is something in the file
  std::size_t written = 0;    ///< chunks that are in the file
  std::size_t published = 0;  ///< and that others know of
  base::Duration gap_length;

 private:
  std::shared_ptr<SegmentTable>
      table_;  // shared with whoever writes its index, once it is finished
  std::optional<SegmentPlan::End> before_;
};

}  // namespace disk
