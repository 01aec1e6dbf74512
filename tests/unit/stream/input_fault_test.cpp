#include "relay/stream/input_fault.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace stream {

TEST_CASE("every fault of input has a name of its own") {
  std::set<std::string> names;
  for (std::size_t index = 0; index < input_fault_count; ++index) {
    names.insert(name_of(static_cast<InputFault>(index)));
  }
  CHECK(names.size() == input_fault_count);
  CHECK_FALSE(names.contains("unknown"));
}

TEST_CASE("faults of several publishers add up") {
  InputFaults sum;
  sum[InputFault::cut] = 1;
  InputFaults more;
  more[InputFault::cut] = 2;
  more[InputFault::input_lost] = 3;
  sum.add(more);
  CHECK(sum[InputFault::cut] == 3);
  CHECK(sum[InputFault::input_lost] == 3);
  CHECK(sum[InputFault::sync_lost] == 0);
}

}  // namespace stream
