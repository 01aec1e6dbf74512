#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/disk/segment.hpp"
#include "relay/disk/store.hpp"

namespace disk {

/// A part of a recording, from `from` to before `to`.
struct ClipRequest {
  std::string stream;
  base::Utc from{};
  base::Utc to{};

  bool operator==(const ClipRequest&) const = default;
};

/// Segments that are not removed for as long as this is there.
class HeldSegments {
 public:
  explicit HeldSegments(Store& store) : store_(store) {}
  ~HeldSegments();
  HeldSegments(const HeldSegments&) = delete;
  HeldSegments& operator=(const HeldSegments&) = delete;

  void hold(std::int64_t id);

 private:
  Store& store_;
  std::vector<std::int64_t> ids_;
};

/// A file of which every byte is known, and that is nowhere: its head is made, its content is
/// payload of records that stays in their segments. Never changes; any thread.
struct ClipPlan {
  /// The whole payload of one record.
  struct Piece {
    std::uint64_t offset = 0;  ///< in its file
    std::uint32_t bytes = 0;
    std::uint32_t checksum = 0;
  };
  /// The pieces from one segment.
  struct File {
    base::Utc start{};            ///< of the segment, which names it
    std::uint64_t begin = 0;      ///< of its first piece in the content
    std::size_t first_piece = 0;  ///< index
  };
  struct Gap {
    base::Utc from{};
    base::Utc to{};
    GapReason reason = GapReason::none;
  };
  static constexpr std::size_t gaps_max = 16;  ///< that are told

  /// Counts what it takes in `memory`, which outlives it.
  ClipPlan(Store& store, std::atomic<std::uint64_t>& memory) : held(store), memory_(memory) {}
  ~ClipPlan() { memory_.fetch_sub(counted_bytes_, std::memory_order_relaxed); }
  ClipPlan(const ClipPlan&) = delete;
  ClipPlan& operator=(const ClipPlan&) = delete;

  std::uint64_t bytes() const noexcept { return head.size() + content_bytes; }
  /// When it is complete.
  void count_memory();
  std::uint64_t memory_bytes() const noexcept { return counted_bytes_; }

  std::string stream;
  std::vector<std::byte> head;  ///< ftyp, moov, and the head of mdat
  std::uint64_t content_bytes = 0;
  std::vector<File> files;    ///< in order
  std::vector<Piece> pieces;  ///< likewise
  std::string etag;           ///< with its quotes: another one for any other content
  base::Utc start{};          ///< of the first frame that is shown
  base::Utc end{};            ///< where the last one ends
  std::vector<Gap> gaps;      ///< in it and before it; at most `gaps_max`
  std::string missing;        ///< tracks that MP4 cannot hold, as X-Spancast-Missing names them
  HeldSegments held;

 private:
  std::atomic<std::uint64_t>& memory_;
  std::uint64_t counted_bytes_ = 0;
};

}  // namespace disk
