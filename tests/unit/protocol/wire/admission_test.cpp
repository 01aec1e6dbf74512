#include "relay/protocol/wire/admission.hpp"

#include <doctest/doctest.h>

namespace wire {
namespace {

constexpr base::Time start{std::chrono::hours(1)};
constexpr std::chrono::seconds idle{5};

}  // namespace

TEST_CASE("a stream that nobody publishes is free") {
  CHECK(admit("", {}, idle, start).admission == Admission::accept);
  CHECK(admit("any", {}, idle, start).admission == Admission::accept);
}

TEST_CASE("the session that publishes takes its own place at once") {
  const Incumbent there{"mine", start, true};
  CHECK(admit("mine", there, idle, start).admission == Admission::replace);
  const Incumbent gone{"mine", start, false};
  CHECK(admit("mine", gone, idle, start).admission == Admission::accept);
}

TEST_CASE("another session waits until the first is idle even while that reconnects") {
  for (const bool connected : {true, false}) {
    for (const char* token : {"", "other", "min", "mine2"}) {
      const Incumbent first{"mine", start, connected};
      const Decision early = admit(token, first, idle, start + std::chrono::milliseconds(1500));
      CHECK(early.admission == Admission::in_use);
      CHECK(early.retry_after == Milliseconds(3500));
      const Decision later = admit(token, first, idle, start + idle);
      CHECK(later.admission == (connected ? Admission::replace : Admission::accept));
    }
  }
}

TEST_CASE("time to wait is rounded up so that it suffices") {
  const Incumbent first{"mine", start, true};
  CHECK(admit("", first, idle, start + idle - base::Duration(1)).retry_after == Milliseconds(1));
}

TEST_CASE("no token is not the session of a publisher without one") {
  const Incumbent http{"", start, true};
  CHECK(admit("", http, idle, start).admission == Admission::in_use);
}

}  // namespace wire
