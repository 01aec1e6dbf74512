#include "relay/server/backoff.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using server::Backoff;

TEST_CASE("each restart waits twice as long up to a bound") {
  Backoff backoff;
  for (const base::Duration expected :
       {base::Duration(500ms), base::Duration(1s), base::Duration(2s), base::Duration(4s),
        base::Duration(8s), base::Duration(16s), base::Duration(30s), base::Duration(30s)}) {
    CHECK(backoff.next(9999ms, 0) == expected);
  }
}

TEST_CASE("a good run begins anew") {
  Backoff backoff;
  CHECK(backoff.next(0s, 0) == 500ms);
  CHECK(backoff.next(0s, 0) == 1s);
  CHECK(backoff.next(10s, 0) == 500ms);
  CHECK(backoff.next(0s, 0) == 1s);
}

TEST_CASE("jitter takes up to a quarter off") {
  Backoff backoff;
  CHECK(backoff.next(0s, 1) == 375ms);
  CHECK(backoff.next(0s, 0.5) == 875ms);
  CHECK(backoff.next(0s, 0) == 2s);
}
