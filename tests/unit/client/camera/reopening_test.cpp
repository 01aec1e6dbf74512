#include "client/camera/reopening.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Loss = Reopening::Loss;

const base::Time start{std::chrono::hours(1)};
constexpr std::uint64_t least = 0;  // the shortest wait of those that are possible

Reopening make(std::optional<unsigned> retries = {}) { return Reopening({seconds(3), retries}); }

}  // namespace

TEST_CASE("a source is lost when no frame comes for so long") {
  Reopening source = make();
  CHECK_FALSE(source.deadline());
  source.on_open(start);
  CHECK(source.deadline() == start + Reopening::opening_min);
  source.on_frame(start + seconds(1));
  CHECK(source.deadline() == start + seconds(4));
  CHECK_FALSE(source.has_stalled(start + seconds(4) - milliseconds(1)));
  CHECK(source.has_stalled(start + seconds(4)));
}

TEST_CASE("a source that never delivers is given the time to be opened") {
  Reopening source = make();
  source.on_open(start);
  CHECK_FALSE(source.has_stalled(start + seconds(9)));
  CHECK(source.has_stalled(start + Reopening::opening_min));
}

TEST_CASE("waits grow up to a bound and begin anew behind a source that was of use") {
  Reopening source = make();
  base::Time now = start;
  source.on_open(now);
  for (const int wait : {125, 250, 500, 1000, 2000, 2500, 2500}) {
    CHECK(source.on_loss(Loss::again, now, least) == milliseconds(wait));
    CHECK(source.is_waiting());
    CHECK(source.deadline() == now + milliseconds(wait));
    CHECK_FALSE(source.has_stalled(now + seconds(60)));
    CHECK_FALSE(source.is_due(now + milliseconds(wait - 1)));
    now += milliseconds(wait);
    CHECK(source.is_due(now));
    source.on_open(now);
    CHECK_FALSE(source.is_waiting());
    source.on_frame(now);  // one frame is of no use
  }
  source.on_frame(now + Reopening::steady);
  CHECK(source.on_loss(Loss::again, now, least) == milliseconds(125));
}

TEST_CASE("a source is given up when the retries are used up") {
  Reopening source = make(2);
  CHECK(source.on_loss(Loss::again, start, least));
  CHECK(source.on_loss(Loss::again, start, least));
  CHECK_FALSE(source.on_loss(Loss::again, start, least));
}

TEST_CASE("a wrong password is tried a few times only") {
  Reopening source = make();
  CHECK(source.on_loss(Loss::denied, start, least));
  CHECK(source.on_loss(Loss::denied, start, least));
  source.on_open(start);
  source.on_frame(start);  // it was let in
  CHECK(source.on_loss(Loss::denied, start, least));
  CHECK(source.on_loss(Loss::again, start, least));
  for (unsigned times = 1; times < Reopening::denied_max; ++times) {
    CHECK(source.on_loss(Loss::denied, start, least));
  }
  CHECK_FALSE(source.on_loss(Loss::denied, start, least));
}

}  // namespace client::camera
