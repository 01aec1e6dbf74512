#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/memory/arena.hpp"

namespace stream {

/// What is done when the arena runs full, in this order (design, section 2); a metric's label.
enum class PressureStep {
  trim,    ///< the largest tail lost what is older than its newest keyframe group
  pinned,  ///< a viewer was closed whose unfinished write alone held blocks
  pause,   ///< a publisher beyond its share was stopped for a while
  drop,    ///< its input was dropped up to the next keyframe
  refuse,  ///< a new publisher or viewer was refused
};
constexpr std::size_t pressure_step_count = 5;
const char* name_of(PressureStep step) noexcept;

/// The last free blocks of an arena: for publishers within their share and for what is generated.
constexpr memory::BlockIndex reserved_blocks(memory::BlockIndex blocks) noexcept {
  return std::max<memory::BlockIndex>(blocks / 16, 2);
}

/// Blocks that each of so many streams may hold without having to give way. A quarter of the arena
/// is nobody's: the reserve, generated headers, conversions, and what workers keep ready.
constexpr memory::BlockIndex share_of(memory::BlockIndex blocks, std::size_t streams) noexcept {
  return static_cast<memory::BlockIndex>(std::size_t{blocks} * 3 / 4 /
                                         std::max<std::size_t>(streams, 1));
}

/// A block of which one worker holds nothing but unfinished writes.
struct PinnedBlock {
  memory::BlockIndex index;
  base::Time blocked_since;  ///< of the write that was blocked last
};

/// What one worker could let go: bytes of its largest tail that has something older than its newest
/// keyframe group (0: none has), whether it has streams that have ended but are still read, and
/// whether it holds what was read back from disk, which goes first: it can be read again.
struct TailSurvey {
  std::uint64_t largest_bytes = 0;
  bool has_ended = false;
  bool has_past = false;
};

/// Which worker has the largest tail to trim, if one has.
std::optional<unsigned> choose_tail(std::span<const TailSurvey> workers) noexcept;

/// Which blocks to free, at most `count`: those that no worker holds but for unfinished writes, the
/// ones blocked longest first, so that a viewer that is merely slow is among the last.
std::vector<memory::BlockIndex> choose_pinned(const memory::Arena& arena,
                                              std::span<const std::vector<PinnedBlock>> workers,
                                              std::size_t count);

}  // namespace stream
