#include "relay/server/usage_meter.hpp"

#include <doctest/doctest.h>

#include <array>

#include "relay/base/logging.hpp"

using namespace std::chrono_literals;

namespace server {
namespace {

struct Rig {
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  UsageBook book{nullptr, log};
  UsageMeter meter{book};
  base::Time start{1000h};
  base::Utc midnight{std::chrono::sys_days(std::chrono::year(2026) / 11 / 27)};

  void deliver(base::Duration at) {
    meter.deliver(start + at, midnight + 12h + std::chrono::floor<std::chrono::microseconds>(at));
  }
  std::vector<usage::Entry> entries() const { return book.select({}, std::nullopt, 100).entries; }
  usage::Sums sums() const {
    usage::Sums sums;
    for (const usage::Entry& entry : entries()) sums += entry.sums;
    return sums;
  }
};

}  // namespace

TEST_CASE("a session is told by what came since the last time") {
  Rig rig;
  rig.meter.see_publisher(1, "a", 100);
  rig.meter.see_clip(2, "a", 30);
  rig.deliver(0s);
  CHECK(rig.sums() == usage::Sums{100, 30, 0});
  rig.meter.see_publisher(1, "a", 150);
  rig.meter.see_clip(2, "a", 30);
  rig.deliver(1s);
  rig.deliver(2s);
  CHECK(rig.sums() == usage::Sums{150, 30, 0});
}

TEST_CASE("a viewer that has ended may be seen again") {
  Rig rig;
  UsageMeter::Told viewer;
  rig.meter.see_viewer(viewer, "a", 500, rig.start, rig.start + 1s);
  rig.meter.see_viewer(viewer, "a", 500, rig.start, rig.start + 1s);
  rig.deliver(1s);
  CHECK(rig.sums() == usage::Sums{0, 500, 1000});
  UsageMeter::Told next;
  rig.meter.see_viewer(next, "a", 20, rig.start + 2s, rig.start + 3s);
  rig.deliver(3s);
  CHECK(rig.sums() == usage::Sums{0, 520, 2000});
}

TEST_CASE("a viewer counts from its start once it has got something") {
  Rig rig;
  UsageMeter::Told viewer;
  rig.meter.see_viewer(viewer, "a", 0, rig.start, rig.start + 1s);
  rig.deliver(1s);
  CHECK(rig.entries().empty());
  rig.meter.see_viewer(viewer, "a", 1, rig.start, rig.start + 2s);
  rig.deliver(2s);
  CHECK(rig.sums() == usage::Sums{0, 1, 2000});
}

TEST_CASE("the time of viewers is exact however it is cut") {
  Rig rig;
  std::array<UsageMeter::Told, 3> viewers;
  constexpr auto step = 333'333us;
  for (int index = 1; index <= 300; ++index) {
    for (UsageMeter::Told& viewer : viewers) {
      rig.meter.see_viewer(viewer, "a", 1, rig.start, rig.start + index * step);
    }
    rig.deliver(index * step);
  }
  CHECK(rig.sums().viewer_ms == 3 * 99'999);
}

TEST_CASE("viewers with other times are told apart") {
  Rig rig;
  std::array<UsageMeter::Told, 4> viewers;
  rig.meter.see_viewer(viewers[0], "a", 1, rig.start, rig.start + 2s);
  rig.meter.see_viewer(viewers[1], "a", 1, rig.start + 1s, rig.start + 2s);
  rig.meter.see_viewer(viewers[2], "a", 1, rig.start + 1500ms, rig.start + 2s);
  rig.meter.see_viewer(viewers[3], "a", 1, rig.start, rig.start + 2s);
  rig.deliver(2s);
  CHECK(rig.sums().viewer_ms == 2000 + 1000 + 500 + 2000);
}

TEST_CASE("a clock that is set changes the day and not the sums") {
  Rig rig;
  UsageMeter::Told viewer;
  rig.meter.see_viewer(viewer, "a", 10, rig.start, rig.start + 1s);
  rig.deliver(1s);
  rig.meter.see_viewer(viewer, "a", 30, rig.start, rig.start + 2s);
  rig.meter.deliver(rig.start + 2s, rig.midnight + 36h);
  const auto entries = rig.entries();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].day == rig.midnight);
  CHECK(entries[0].sums == usage::Sums{0, 10, 1000});
  CHECK(entries[1].day == rig.midnight + 24h);
  CHECK(entries[1].sums == usage::Sums{0, 20, 1000});
}

}  // namespace server
