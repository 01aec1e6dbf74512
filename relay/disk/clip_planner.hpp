#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/disk/byte_source.hpp"
#include "relay/disk/clip_movie.hpp"
#include "relay/disk/clip_plan.hpp"

namespace disk {

/// Makes the plan of a clip. Reads the boxes of its chunks and not their payload; a chunk whose box
/// is damaged is left out, with what needs it, and is a gap. Blocks, for the threads of the pool; a
/// long clip is planned in slices, so that others get their turn.
class ClipPlanner {
 public:
  /// A plan of an hour with 60 frames a second and audio takes half of it.
  static constexpr std::uint64_t plan_bytes_max = 32 << 20;

  /// Plans count their memory in `memory`.
  ClipPlanner(Store& store, ClipRequest request, std::atomic<std::uint64_t>& memory,
              std::uint64_t bytes_max = plan_bytes_max);

  enum class Progress : std::uint8_t { more, done };
  /// Works until then, at least a little. `done`: `take()` has the plan. Errc::nothing_recorded,
  /// Errc::clip_too_large, Errc::nothing_fits, or what the disk or the catalog says.
  base::Result<Progress> work(base::Time until);
  std::shared_ptr<const ClipPlan> take() noexcept { return std::move(plan_); }

 private:
  base::Result<void> begin();
  base::Result<void> begin_at(Store::Place place);
  base::Result<void> go_back();
  void open_segment();
  void take_chunk();
  base::Result<std::span<const std::byte>> read_header(const ChunkEntry& entry);
  base::Result<std::span<const std::byte>> read(std::uint64_t offset, std::size_t bytes,
                                                bool reads_ahead);
  base::Result<void> read_box(const ChunkEntry& entry);
  void lose(GapReason reason);
  base::Result<Progress> advance();
  void tell_gap(base::Utc to);
  base::Result<void> finish();

  Store& store_;
  const ClipRequest request_;
  const std::uint64_t bytes_max_;
  std::shared_ptr<ClipPlan> plan_;
  ClipMovie movie_;

  std::optional<Store::Place> place_;  // the next chunk
  std::int64_t segment_ = 0;           // that is open
  std::optional<FileSource> file_;     // nothing: it cannot be read
  bool is_in_plan_ = false;            // a piece of it is
  std::optional<GapReason> gap_;       // why the next chunk does not follow the last one
  bool waits_for_sync_ = false;
  bool is_first_ = true;  // no chunk was taken yet
  wire::Position first_;  // of what is in the plan
  base::Utc last_end_{};  // of the last chunk
  ChunkBox box_;
  std::vector<std::byte> header_;
  std::size_t header_guess_ = 1024;
};

}  // namespace disk
