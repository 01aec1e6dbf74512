#include "client/camera/sender_clock.hpp"

#include <doctest/doctest.h>

#include "tests/unit/client/camera/coded_frames.hpp"

namespace client::camera {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::bytes;
using test::Bytes;

TEST_CASE("a sender report says the UTC in fractions of seconds since 1900") {
  const Bytes report = bytes({0x80, 200, 0, 6, 1, 2, 3, 4, 0xBF, 0x45, 0x48, 0x80, 0x80, 0,
                              0,    0,   9, 9, 9, 9, 0, 0, 0,    1,    0,    0,    0,    1});
  // 0xBF454880 seconds since 1900 are 1 000 000 000 since 1970.
  CHECK(utc_of_report(report) == base::Utc(milliseconds(1'000'000'000'500)));
  for (std::size_t length = 0; length < 16; ++length) {
    CHECK_FALSE(utc_of_report(std::span(report).first(length)));
  }
  Bytes other = report;
  other[1] = std::byte{201};
  CHECK_FALSE(utc_of_report(other));  // a receiver report
  other = report;
  other[0] = std::byte{0x40};
  CHECK_FALSE(utc_of_report(other));
  other = report;
  for (std::size_t index = 8; index < 16; ++index) other[index] = std::byte{0};
  CHECK_FALSE(utc_of_report(other));  // a sender without a clock
}

TEST_CASE("the running time of a report follows from its RTP time") {
  CHECK(running_time_of({1000, 5'000'000'000, 91'000, 90'000}) == seconds(6));
  CHECK(running_time_of({91'000, 5'000'000'000, 1000, 90'000}) == seconds(4));
  CHECK_FALSE(running_time_of({~0ULL, 1, 2, 90'000}));
  CHECK_FALSE(running_time_of({1, ~0ULL, 2, 90'000}));
  CHECK_FALSE(running_time_of({1, 1, ~0ULL, 90'000}));
  CHECK_FALSE(running_time_of({1, 1, 2, 0}));
}

TEST_CASE("a camera's clock is believed within the tolerance and never ahead of arrival") {
  const base::Utc arrival(seconds(1'000'000'000));
  CHECK(captured_at(arrival - milliseconds(120), arrival) == arrival - milliseconds(120));
  CHECK(captured_at(arrival + seconds(1), arrival) == arrival);
  CHECK(captured_at(arrival - sender_tolerance, arrival) == arrival - sender_tolerance);
  CHECK(captured_at(arrival - sender_tolerance - microseconds(1), arrival) == arrival);
  CHECK(captured_at(base::Utc{}, arrival) == arrival);
}

}  // namespace client::camera
