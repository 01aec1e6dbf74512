#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/server/usage_book.hpp"

namespace server {

/// What the sessions of one worker have told the book already. Told the totals of a session now and
/// then, and once more when it ends, it passes on the differences. Belongs to the worker.
class UsageMeter {
 public:
  explicit UsageMeter(UsageBook& book) : book_(book) {}

  /// What it was told of one session.
  struct Told {
    std::uint64_t bytes = 0;
    base::Time until{};  ///< of a viewer's time; the epoch: nothing
  };

  // `bytes`: of the whole session, which is named by `id` until it is forgotten. Of viewers there
  // are many, so what was told of one is kept with it.

  void see_publisher(std::uint64_t id, const std::string& stream, std::uint64_t bytes);
  void see_clip(std::uint64_t id, const std::string& stream, std::uint64_t bytes);
  /// It counts, from its start on, when it has got something: who waits for a stream that nobody
  /// publishes leaves no row.
  void see_viewer(Told& told, const std::string& stream, std::uint64_t bytes, base::Time started,
                  base::Time now);
  void forget(std::uint64_t id) { told_.erase(id); }
  /// Gives the book what was seen. `now` and `utc` are the same moment.
  void deliver(base::Time now, base::Utc utc);

 private:
  struct Viewing {
    base::Time from{};
    base::Time to{};
    std::uint64_t viewers = 0;
  };
  struct Seen {
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::vector<Viewing> viewings;
  };
  Seen& seen_of(const std::string& stream);
  base::Utc to_utc(base::Time time) const noexcept;
  void follow_clock(base::Time now, base::Utc utc) noexcept;

  UsageBook& book_;
  std::unordered_map<std::uint64_t, Told> told_;
  std::unordered_map<std::string, Seen> seen_;
  std::pair<const std::string, Seen>* last_seen_ = nullptr;  // of those
  // The same moment. UTC goes on from there evenly, so that times which follow each other do so in
  // UTC too, until the clock of the machine is elsewhere.
  base::Time anchor_{};
  base::Utc anchor_utc_{};
};

}  // namespace server
