#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/time.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/stream/chunk.hpp"

namespace session {

/// Where what a publisher sends comes to lie: blocks of the arena, filled front to back. Joins
/// small runs of payload, so that a sender cannot make windows without end; charges chunks for what
/// they pin besides their payload; and says how long a full arena is waited for.
class BlockIntake {
 public:
  /// A new block begins when fewer bytes are left: a small read costs as much as a large one.
  static constexpr std::size_t space_least = 4096;
  /// Payload runs of one block that may stay where they are; further ones are moved together.
  static constexpr unsigned runs_per_block_max = 64;
  /// What was received and is in no chunk is expected in the next ones, up to so much.
  static constexpr std::int64_t pending_bytes_usual = 64 * 1024;
  /// With a full arena, for how long one beyond its share is stopped before its input is given up.
  static constexpr base::Duration stop_max = std::chrono::milliseconds(500);
  /// The same for one within its share, and for one that still waits for an answer: the others give
  /// way first.
  static constexpr base::Duration wait_max = std::chrono::seconds(2);

  BlockIntake(memory::BlockPool& pool, memory::Account* account) noexcept
      : pool_(pool), writer_(pool, account) {}

  bool has_space() const noexcept { return writer_.has_space(space_least); }
  /// Where the next bytes go: at least `space_least` of them, or Errc::arena_full.
  base::Result<std::span<std::byte>> space() noexcept;
  /// So many came to lie at the start of the last `space()`.
  void on_received(std::size_t count) noexcept;

  /// Received payload, from which no window was cut yet; where it lies now. Framing between two
  /// runs stays behind in the block, unless there are many already. `is_first`: of something that
  /// has windows of its own anyway.
  std::span<std::byte> join_run(std::span<std::byte> run, bool is_first = false) noexcept;
  memory::Window window(std::span<const std::byte> bytes) const noexcept {
    return writer_.window(bytes);
  }
  std::span<const std::byte> written() const noexcept { return writer_.written(); }
  /// What is moved together later must not come to lie before this.
  void keep_until(const std::byte* end) noexcept;
  /// Once runs are moved together, what lies behind the last one is framing, which nobody needs: a
  /// block is filled with payload however little of it stands between two pieces of framing.
  void take_framing_back() noexcept;
  /// Lets the block go: what was received is given up.
  void let_go() noexcept;

  /// Charges a chunk that is about to be appended.
  void charge(stream::Chunk& chunk) noexcept;
  /// After some were: blocks are pinned whole, so whoever sends little payload between much else is
  /// charged for all of it in the next chunk.
  void count_overhead() noexcept;

  /// There was no space. True when that is so for too long.
  bool is_wait_over(base::Time now) noexcept;
  bool is_waiting() const noexcept { return waits_since_.has_value(); }
  /// It waits, and nothing can be freed. True if it is stopped from now on.
  bool stop_waiting_soon() noexcept;
  void end_wait() noexcept;

 private:
  memory::BlockPool& pool_;
  memory::BlockWriter writer_;
  std::byte* run_end_ = nullptr;  // where the last payload run of the current block ended
  const std::byte* block_end_ = nullptr;
  unsigned runs_in_block_ = 0;
  std::uint32_t overhead_bytes_ = 0;  // for the next chunk
  // Received and neither appended nor counted as overhead; below zero where that was too early.
  std::int64_t unaccounted_ = 0;
  std::optional<base::Time> waits_since_;    // for a block
  std::optional<base::Time> stopped_since_;  // since nothing could be freed
};

}  // namespace session
