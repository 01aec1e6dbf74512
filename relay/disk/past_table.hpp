#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/disk/past_memory.hpp"
#include "relay/disk/past_stream.hpp"

namespace disk {

/// What viewers of one worker watch of recordings: finds the place that each wishes for, and reads
/// once for all who are near each other. Owned by the worker's server.
class PastTable final : public PastRead::Events {
 public:
  /// Look-ups under way; more wait, and may find that they need none.
  static constexpr std::size_t look_ups_max = 64;
  /// A stream whose viewers have not moved for so long gives way when there is no memory for
  /// others.
  static constexpr base::Duration idle_time = std::chrono::seconds(1);

  PastTable(loop::Worker& worker, Store& store, memory::BlockPool& pool, stream::Fanout& fanout,
            PastHost& host);
  ~PastTable() override;

  /// `PastHost::on_past_answer()` follows, in `run()` or later.
  void ask(PastWish wish) { wishes_.push_back(std::move(wish)); }

  /// At the end of a turn, behind the fan-out. True: there may be more to be served at once.
  bool run(base::Time now) noexcept;
  /// When it wants to run again at the latest.
  std::optional<base::Time> wake() const noexcept;
  /// Under memory pressure: lets everything go that was read; viewers come back for it. False:
  /// there was nothing.
  bool let_go() noexcept;
  bool holds_anything() const noexcept;

  PastCounters counters() const noexcept;

 private:
  class LookUp;

  void on_read(PastRead& read) noexcept override;
  void on_looked_up(LookUp& look_up) noexcept;
  bool join(const PastWish& wish, PastAnswer answer, base::Time now) noexcept;
  void begin(const PastWish& wish, const LookUp& found, base::Time now);
  bool look_up(PastWish& wish) noexcept;
  void grant_wishes(base::Time now) noexcept;
  void give_way(base::Time now) noexcept;

  loop::Worker& worker_;
  Store& store_;
  PastMemory memory_;
  PastCounters counters_;
  PastShared shared_;
  std::vector<std::unique_ptr<PastStream>> streams_;
  std::vector<PastWish> wishes_;
  std::vector<LookUp*> look_ups_;  // under way; the lane has them
  std::uint64_t last_id_ = 0;
  std::uint64_t writes_ = 0;  // of the fan-out, when it was looked at last
  base::Time now_{};          // likewise
};

}  // namespace disk
