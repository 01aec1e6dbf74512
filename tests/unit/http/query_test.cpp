#include "relay/http/query.hpp"

#include <doctest/doctest.h>

namespace http {

using namespace std::chrono_literals;

namespace {

MediaQuery read(std::string_view text) {
  MediaQuery query;
  const auto refusal = read_query(text, query);
  CAPTURE(text);
  CHECK(!refusal);
  return query;
}

std::string refusal_of(std::string_view text) {
  MediaQuery query;
  return read_query(text, query).value_or("");
}

}  // namespace

TEST_CASE("the parameters of a media request are read") {
  const auto query = read("wait=10&slow=catch_up&max_lag=1500ms&flush=100ms");
  CHECK(query.wait == 10s);
  CHECK(query.slow == stream::SlowPolicy::catch_up);
  CHECK(query.max_lag == 1500ms);
  CHECK(query.flush == 100ms);
  CHECK(read("slow=skip").slow == stream::SlowPolicy::skip);
  CHECK(read("slow=disconnect").slow == stream::SlowPolicy::disconnect);
  CHECK(read("wait=2500ms").wait == 2500ms);
  CHECK(read("wait=0.5").wait == 500ms);
  CHECK(read("w%61it=1").wait == 1s);
  CHECK(read("wait=%31").wait == 1s);
}

TEST_CASE("what is not asked for is not set") {
  const auto query = read("");
  CHECK(!query.wait);
  CHECK(!query.slow);
  CHECK(!query.max_lag);
  CHECK(!query.flush);
}

TEST_CASE("unknown parameters are skipped whatever they hold") {
  CHECK(read("a=%zz&&=&b&wait=1&c=%00&Wait=x&wait2=x&?&=wait=9").wait == 1s);
}

TEST_CASE("parameters have bounds") {
  CHECK(read("wait=0&flush=0").wait == 0s);
  CHECK(read("wait=60&flush=1s").flush == 1s);
  for (const std::string_view text :
       {"wait=61", "wait=60001ms", "wait=-1", "wait=", "wait", "wait=x", "wait=1 s", "wait=%20",
        "wait=1+1", "wait=99999999999999999999", "wait=nan", "wait=%zz", "wait=1%"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "wait: seconds from 0 to 60");
  }
  for (const std::string_view text : {"flush=1001ms", "flush=2", "flush=auto", "flush=-1ms"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "flush: a duration from 0 to 1s, like 100ms");
  }
  for (const std::string_view text : {"max_lag=0", "max_lag=", "max_lag=-3s", "max_lag=3x"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "max_lag: a duration over 0, like 3s");
  }
  for (const std::string_view text : {"slow=", "slow", "slow=Skip", "slow=catch-up", "slow=x"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "slow: skip, catch_up or disconnect");
  }
}

TEST_CASE("a parameter that comes twice is refused") {
  CHECK(refusal_of("wait=1&wait=1") == "wait is given twice");
  CHECK(refusal_of("slow=skip&a=b&slow=skip") == "slow is given twice");
  CHECK(refusal_of("max_lag=1&max_lag=2") == "max_lag is given twice");
  CHECK(refusal_of("flush=0&flush=0") == "flush is given twice");
}

}  // namespace http
