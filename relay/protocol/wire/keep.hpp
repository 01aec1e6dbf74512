#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/protocol/wire/spill.hpp"

namespace wire {

/// Bounds of what a camera keeps besides what is not acknowledged.
struct KeepPolicy {
  base::Duration length = std::chrono::seconds(10);  ///< since a chunk was made
  std::uint64_t bytes = 64 * 1024 * 1024;            ///< of payload, acknowledged or not
};

/// The newest chunks of a camera, numbered without a hole; one without samples stands for a number
/// that was left out. What is not acknowledged and the newest
/// sync chunk with what follows it stay while the bytes allow; the rest by its age.
class Keep {
 public:
  /// What is known of each chunk lies outside of the arena, so chunks are bounded in number too.
  static constexpr std::size_t chunks_max = 64 * 1024;

  struct Entry {
    Chunk chunk;
    std::shared_ptr<const Tracks> tracks;  // shared by the chunks that mean them; never changes
    base::Time made{};
    std::vector<std::uint32_t> spilled{};  ///< bytes of the samples whose payload is in the spill
  };

  /// `spill`: for what is not acknowledged and has no room; may be null, outlives this.
  explicit Keep(KeepPolicy policy, Spill* spill = nullptr) : policy_(policy), spill_(spill) {}

  std::uint64_t first() const noexcept { return first_; }
  std::uint64_t end() const noexcept { return first_ + entries_.size(); }
  /// `first() <= sequence < end()`.
  const Entry& at(std::uint64_t sequence) const noexcept {
    return entries_[static_cast<std::size_t>(sequence - first_)];
  }
  /// The payload of the chunk is in the spill.
  bool is_spilled(std::uint64_t sequence) const noexcept { return sequence - first_ < spilled_; }
  std::uint64_t spilled() const noexcept { return spilled_; }
  /// A chunk as it was, with payload that was read again. Errors: those of Spill::read().
  base::Result<Chunk> load(std::uint64_t sequence) const;
  /// The spill cannot be read: drops what is in it. Returns as trim() does.
  std::uint64_t lose_spilled(std::uint64_t acknowledged);
  /// The first sync chunk from `sequence` on.
  std::optional<std::uint64_t> sync_from(std::uint64_t sequence) const noexcept;
  /// Of payload in memory.
  std::uint64_t bytes() const noexcept { return bytes_; }

  /// `entry` is number `end()`.
  void push(Entry entry);
  /// Drops what the bounds do not allow; `acknowledged`: the first that is not. Returns how many
  /// were dropped that were not acknowledged.
  std::uint64_t trim(std::uint64_t acknowledged, base::Time now);

 private:
  bool spill_one();
  void drop_oldest();

  KeepPolicy policy_;
  Spill* spill_;
  std::uint64_t spilled_ = 0;  // the oldest so many
  std::uint64_t first_ = 0;
  std::deque<Entry> entries_;
  std::deque<std::uint64_t> syncs_;
  std::uint64_t bytes_ = 0;
};

}  // namespace wire
