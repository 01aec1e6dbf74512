#include "relay/protocol/wire/message.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace wire {

TEST_CASE("every reason has its own name") {
  std::vector<std::string> names;
  for (std::size_t reason = 0; reason < bye_reason_count; ++reason) {
    names.push_back(name_of(static_cast<ByeReason>(reason)));
  }
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  CHECK(std::string(name_of(ByeReason::too_many_tracks)) == "too_many_tracks");
  CHECK(std::string(name_of(static_cast<ByeReason>(200))) == "unspecified");

  names.clear();
  for (int reason = 0; reason <= static_cast<int>(GapReason::unexplained); ++reason) {
    names.push_back(name_of(static_cast<GapReason>(reason)));
  }
  std::sort(names.begin(), names.end());
  CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
}

TEST_CASE("a client tries again unless it would only hear the same") {
  CHECK(is_final(ByeReason::ended));
  CHECK(is_final(ByeReason::not_allowed));
  CHECK(!is_final(ByeReason::unspecified));  // a reason of the future
  CHECK(!is_final(ByeReason::drain));
  CHECK(!is_final(ByeReason::in_use));
  CHECK(!is_final(ByeReason::bad_checksum));
}

}  // namespace wire
