#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"
#include "relay/stream/stream.hpp"

namespace disk {

/// How far a past stream reads ahead of its viewers, and for whom it waits: those who are near each
/// other are to read from disk once. The fastest has `read_ahead` before it. What the slowest have
/// not read yet is kept up to the window; beyond it they are waited for, as long as one after the
/// other comes up, and then left behind: they go on from a past stream of their own.
class PastPace {
 public:
  static constexpr std::size_t read_ahead = 1 << 20;
  /// The window is a fair part of the memory for what is read back: a minute of 4 Mbit/s, or eight
  /// seconds where there is less.
  static constexpr std::size_t window_min = 4 << 20;
  static constexpr std::size_t window_max = 32 << 20;
  /// For whoever may begin there, too, the beginning is kept until nobody has come for so long, at
  /// most so long altogether.
  static constexpr base::Duration gather_time = std::chrono::milliseconds(100);
  static constexpr base::Duration gather_time_max = std::chrono::seconds(1);
  /// The slowest are waited for until none of them has come up for so long, and at most so long.
  static constexpr base::Duration patience = std::chrono::milliseconds(250);
  static constexpr base::Duration patience_max = std::chrono::seconds(2);
  /// A stream whose viewers have not moved for so long keeps nothing for them.
  static constexpr base::Duration idle_max = std::chrono::seconds(10);
  static constexpr base::Duration look_interval = std::chrono::milliseconds(10);

  explicit PastPace(base::Time now) noexcept : began_(now), joined_(now), moved_(now) {}

  void on_joined(base::Time now) noexcept { joined_ = now; }
  /// There is more for its viewers: what was waited for, perhaps for long, is not taken from them
  /// before they have had a turn.
  void on_read(base::Time now) noexcept { moved_ = now; }

  struct Decision {
    std::optional<std::uint64_t> drop_before;  ///< of the log, at once
    bool reads = false;                        ///< more, if there is memory for it
    std::optional<base::Time> look_again;      ///< else: at the latest then
  };
  struct Room {
    std::size_t window = window_min;  ///< bytes, `window_min` to `window_max`
    bool is_tight = false;            ///< little memory is left: nothing is kept that nobody needs
  };
  Decision decide(const stream::Stream& stream, Room room, base::Time now) noexcept;
  /// Nobody has moved since, and nothing was read.
  base::Time moved() const noexcept { return moved_; }

 private:
  struct Places {
    std::uint64_t front = 0;  // of the fastest: the chunk that it gets next
    std::uint64_t back = 0;   // of the slowest
    std::uint64_t sum = 0;
  };
  static Places find_places(const stream::Stream& stream) noexcept;
  static std::size_t count_behind(const stream::Stream& stream, std::uint64_t sequence) noexcept;
  bool waits(const stream::Stream& stream, std::uint64_t bound, base::Time now) noexcept;

  base::Time began_;
  base::Time joined_;
  base::Time moved_;
  std::uint64_t places_sum_ = 0;  // when it was looked at last
  // While somebody is waited for.
  std::optional<base::Time> waiting_since_;
  base::Time came_up_{};
  std::size_t behind_ = 0;
};

}  // namespace disk
