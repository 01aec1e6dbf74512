#include "relay/control/usable_cpus.hpp"

#include <doctest/doctest.h>

namespace control {

TEST_CASE("a part of a core is a core and a quota is never more than the cores there are") {
  CHECK(usable_cpus(8, std::nullopt) == 8);
  CHECK(usable_cpus(8, 1'500) == 2);
  CHECK(usable_cpus(8, 2'000) == 2);
  CHECK(usable_cpus(8, 1) == 1);
  CHECK(usable_cpus(8, 0) == 1);
  CHECK(usable_cpus(2, 64'000) == 2);
  CHECK(usable_cpus(2, 1'000'000'000'000'000) == 2);
  CHECK(usable_cpus(0, std::nullopt) == 1);
}

TEST_CASE("this process may use at least one core") { CHECK(usable_cpus() >= 1); }

}  // namespace control
