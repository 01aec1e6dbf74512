#include "client/camera/status.hpp"

#include <doctest/doctest.h>

namespace client::camera {
namespace {

Report some_report() {
  Report report;
  report.utc = base::Utc(std::chrono::seconds(1'000'000'000));
  report.running = std::chrono::milliseconds(3'723'500);
  report.frames = 111'705;
  report.fps = 29.97;
  report.bits_per_second = 2'512'345;
  report.stats.chunks = 111'800;
  report.stats.bytes = 123'456'789;
  report.stats.acknowledged = 111'790;
  report.stats.unsent = 3;
  report.stats.kept_bytes = 3'000'000;
  report.stats.connected = true;
  return report;
}

}  // namespace

TEST_CASE("a report is one object of JSON") {
  CHECK(to_json(some_report()) ==
        "{\"time\":\"2001-09-09T01:46:40.000Z\",\"seconds\":3723.500,\"connected\":true,"
        "\"frames\":111705,\"fps\":29.97,\"bits_per_second\":2512345,\"chunks\":111800,"
        "\"bytes\":123456789,\"acknowledged\":111790,\"durable\":0,\"unsent\":3,"
        "\"kept_bytes\":3000000,\"spilled\":0,\"lost\":0,\"repeated\":0,\"refused\":0,"
        "\"reconnects\":0,"
        "\"reopened\":0}");
}

TEST_CASE("the largest report is a whole line") {
  Report report = some_report();
  report.frames = report.stats.chunks = report.stats.bytes = ~std::uint64_t{0};
  report.stats.acknowledged = report.stats.durable = report.stats.unsent = ~std::uint64_t{0};
  report.stats.kept_bytes = report.stats.lost = report.stats.repeated = ~std::uint64_t{0};
  report.stats.refused = report.stats.reconnects = report.reopened = ~std::uint64_t{0};
  CHECK(to_json(report).ends_with("}"));
}

TEST_CASE("the line for people says what is wrong only if something is") {
  Report report = some_report();
  CHECK(to_line(report) ==
        "live 01:02:03  30.0 fps  2.51 Mbit/s  111800 chunks, 111790 at the relay");
  report.stats.connected = false;
  report.stats.lost = 7;
  report.stats.reconnects = 2;
  CHECK(to_line(report) ==
        "no connection 01:02:03  30.0 fps  2.51 Mbit/s  111800 chunks, 111790 at the relay, "
        "7 lost, 2 reconnects");
  report.stats = {};
  report.stats.connected = true;
  report.has_source = false;
  report.reopened = 3;
  CHECK(to_line(report) ==
        "waiting for the source 01:02:03  30.0 fps  2.51 Mbit/s  0 chunks, 0 at the relay, source "
        "opened anew 3 times");
}

}  // namespace client::camera
