#include "relay/base/line_budget.hpp"

#include <doctest/doctest.h>

namespace base {
namespace {

constexpr auto at_once = static_cast<int>(LineBudget::lines_at_once);

// How many of so many lines may be written.
int taken(LineBudget& budget, int lines, Time now) {
  int count = 0;
  for (int line = 0; line < lines; ++line) count += budget.take(now) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a flood of events gets so many lines at once and then so many a second") {
  LineBudget budget;
  const Time begin = Time{} + std::chrono::hours(1);
  CHECK(taken(budget, 100'000, begin) == at_once);
  CHECK(taken(budget, 1000, begin + std::chrono::milliseconds(100)) == 0);
  CHECK(taken(budget, 1000, begin + std::chrono::seconds(10)) ==
        static_cast<int>(10 * LineBudget::lines_per_second));
  CHECK(taken(budget, 1000, begin + std::chrono::hours(1)) == at_once);
}

TEST_CASE("what was left out is reported once and not at once") {
  LineBudget budget;
  const Time begin = Time{} + std::chrono::hours(1);
  CHECK(budget.report_left_out(begin) == 0);
  taken(budget, at_once + 7, begin);
  CHECK(budget.report_left_out(begin + std::chrono::seconds(1)) == 0);
  CHECK(budget.report_left_out(begin + LineBudget::report_interval) == 7);
  CHECK(budget.report_left_out(begin + 2 * LineBudget::report_interval) == 0);
}

}  // namespace base
