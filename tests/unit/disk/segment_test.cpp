#include "relay/disk/segment.hpp"

#include <doctest/doctest.h>

#include <string>

namespace disk {

TEST_CASE("every reason for a gap has a name of its own and a reason on the wire") {
  for (std::size_t one = 0; one < gap_reason_count; ++one) {
    for (std::size_t other = 0; other < one; ++other) {
      CHECK(std::string(name_of(static_cast<GapReason>(one))) !=
            name_of(static_cast<GapReason>(other)));
    }
    const bool is_gap = static_cast<GapReason>(one) != GapReason::none;
    CHECK((to_wire(static_cast<GapReason>(one)) != wire::GapReason::unspecified) == is_gap);
  }
}

}  // namespace disk
