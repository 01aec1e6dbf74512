#include "client/player/report.hpp"

#include <doctest/doctest.h>

namespace client {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST_CASE("a report of nothing has every promised field") {
  CHECK(to_json(Report{}) ==
        R"({"frames_decoded":0,"chunks":0,"first_sequence":null,"last_sequence":null,"gaps":0,)"
        R"("repeats":0,"checksum_errors":0,"reconnects":0,)"
        R"("latency_ms":{"p50":null,"p99":null,"max":null},"startup_ms":null})");
}

TEST_CASE("a report shows what was counted") {
  Report report;
  report.frames_decoded = 300;
  report.chunks = 301;
  report.first_sequence = 0;
  report.last_sequence = (std::uint64_t{1} << 62) - 2;
  report.gaps = 1;
  report.repeats = 2;
  report.checksum_errors = 3;
  report.reconnects = 4;
  report.latency = Report::Latency{microseconds(4'250), milliseconds(99), std::chrono::seconds(2)};
  report.startup = microseconds(103'449);
  report.frame_numbers = FrameNumbers::Counts{5, 304, 6, 7, 8};
  CHECK(to_json(report) ==
        R"({"frames_decoded":300,"chunks":301,"first_sequence":0,)"
        R"("last_sequence":4611686018427387902,"gaps":1,"repeats":2,"checksum_errors":3,)"
        R"("reconnects":4,"latency_ms":{"p50":4.2,"p99":99.0,"max":2000.0},"startup_ms":103.4,)"
        R"("frame_numbers":{"first":5,"last":304,"missing":6,"repeated":7,"out_of_order":8}})");
  report.frame_numbers.reset();
  report.shown = Report::Shown{9, 8, 7, milliseconds(210), microseconds(-4'500)};
  CHECK(to_json(report).ends_with(
      R"("startup_ms":103.4,"shown":{"pictures":9,"too_late":8,"drops":7,"latency_ms":210.0,)"
      R"("sync_ms":-4.5}})"));
  report.shown = Report::Shown{};
  CHECK(to_json(report).ends_with(R"("drops":0,"latency_ms":null,"sync_ms":null}})"));
}

TEST_CASE("a report is a line for people") {
  Report report;
  report.frames_decoded = 300;
  report.gaps = 1;
  report.reconnects = 4;
  report.checksum_errors = 3;
  report.latency = Report::Latency{microseconds(4'250), milliseconds(99), std::chrono::seconds(2)};
  report.startup = microseconds(103'449);
  report.frame_numbers = FrameNumbers::Counts{5, 304, 6, 7, 8};
  CHECK(to_text(report) ==
        "300 frames, latency 4.2 ms (p99 99.0, max 2000.0), began after 103.4 ms, gaps 1, "
        "reconnects 4, checksum errors 3, frame numbers 5 to 304 (missing 6, repeated 7)");
}

}  // namespace client
