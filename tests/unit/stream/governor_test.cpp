#include "relay/stream/governor.hpp"

#include <doctest/doctest.h>

namespace stream {
namespace {

using std::chrono::milliseconds;

}  // namespace

TEST_CASE("an idle worker flushes at once") {
  Governor governor;
  CHECK(governor.interval() == base::Duration::zero());
  for (const double busy : {0.0, 0.3, 0.49}) governor.on_measured(busy);
  CHECK(governor.interval() == base::Duration::zero());
}

TEST_CASE("between the marks the interval stays") {
  Governor governor;
  governor.on_measured(0.8);
  for (const double busy : {0.5, 0.6, 0.75}) governor.on_measured(busy);
  CHECK(governor.interval() == milliseconds(10));
}

TEST_CASE("near saturation the interval grows quickly to its bound and falls again") {
  Governor governor;
  governor.on_measured(0.8);
  CHECK(governor.interval() == milliseconds(10));
  governor.on_measured(1.0);
  CHECK(governor.interval() == milliseconds(50));
  governor.on_measured(1.0);
  governor.on_measured(1.0);
  CHECK(governor.interval() == Governor::interval_max);
  for (int step = 9; step >= 0; --step) {
    governor.on_measured(0.2);
    CHECK(governor.interval() == milliseconds(10 * step));
  }
}

}  // namespace stream
