#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/disk/segment.hpp"
#include "relay/disk/store.hpp"

namespace disk {

/// What is recorded of a stream, in order of time.
struct Timeline {
  /// Of more, the first ones are told, and where the rest begins.
  static constexpr std::size_t gaps_max = 1000;

  /// Everything in it is recorded.
  struct Span {
    base::Utc from{};
    base::Utc to{};
    bool is_open = false;  ///< it is being recorded: as far as it can be read
  };
  struct Gap {
    base::Utc from{};
    base::Utc to{};
    GapReason reason = GapReason::none;
  };

  std::string stream;
  std::vector<Span> spans;
  std::vector<Gap> gaps;
  std::optional<base::Utc> next;  ///< there is more from here on
};

/// That of [from, to), by the catalog. Errc::nothing_recorded: nothing at all is, of that stream.
/// Blocks; how long does not depend on how much is recorded without a gap.
base::Result<Timeline> read_timeline(Store& store, const std::string& stream, base::Utc from,
                                     base::Utc to, std::size_t gaps_max = Timeline::gaps_max);

}  // namespace disk
