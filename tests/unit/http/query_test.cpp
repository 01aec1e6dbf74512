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

TEST_CASE("a time to begin at is absolute or before now") {
  const base::Utc utc(1795474560s);
  CHECK(read("at=2026-11-23T22:56:00Z").at == When(utc));
  CHECK(read("at=2026-11-23T23:56:00.25+01:00").at == When(utc + 250ms));
  CHECK(read("at=2026-11-23T23%3A56%3A00%2B01%3a00").at == When(utc));
  CHECK(read("at=-30s").at == When(base::Duration(-30s)));
  CHECK(read("at=-1.5m&slow=skip").at == When(base::Duration(-90s)));
  CHECK(read("at=-30").at == When(base::Duration(-30s)));
  CHECK(read("at=-0s").at == When(base::Duration(0s)));
  for (const std::string_view text :
       {"at", "at=", "at=30s", "at=+30s", "at=--30s", "at=now", "at=-", "at=-1x", "at=2026-11-23",
        "at=2026-11-23T22:56:00", "at=2026-11-23T22:56:00Z%00", "at=%zz",
        "at=2026-11-23T22:56:00%2", "at=-9223372037s"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == "at: a time like 2026-11-23T22:56:00Z, or one before now like -30s");
  }
  CHECK(refusal_of("at=-1s&at=-1s") == "at is given twice");
}

TEST_CASE("a part of a recording has two ends of the same kind") {
  const auto range = [](std::string_view text) {
    RangeQuery query;
    CHECK(!read_query(text, query));
    return query;
  };
  CHECK(range("from=-1h&to=-30m&at=x&wait=x").from == When(base::Duration(-1h)));
  CHECK(range("from=-1h&to=2026-11-23T22:56:00Z").to == When(base::Utc(1795474560s)));
  CHECK(!range("at=-1s").from);
  CHECK(!range("from=-1s").to);
  RangeQuery query;
  CHECK(read_query("to=x", query) ==
        "to: a time like 2026-11-23T22:56:00Z, or one before now like -30s");
  CHECK(read_query("from=-1s&from=-1s", query) == "from is given twice");
}

TEST_CASE("usage is asked for by time and stream and form") {
  const auto usage = [](std::string_view text) {
    UsageQuery query;
    CAPTURE(text);
    CHECK(!read_query(text, query));
    return query;
  };
  const base::Utc utc(1795474560s);
  const auto all = usage(
      "from=2026-11-23T22:56:00Z&to=2026-11-24T04:26:00+05:30&stream=live/cam&format=csv&wait=x");
  CHECK(all.from == When(utc));
  CHECK(all.to == When(utc));
  CHECK(all.stream == "live/cam");
  CHECK(all.form == UsageQuery::Form::csv);
  // Any offset, encoded or not.
  for (const char* time :
       {"2026-11-23T22:56:00z", "2026-11-23T22:56:00-00:00", "2026-11-24T12:56:00%2B14:00",
        "2026-11-23T10:56:00-12:00", "2026-11-24T22%3a55:00%2b23%3A59", "2026-11-22T22:57:00-23:59",
        "2026-11-24T04:41:00+05:45", "2026-11-23T19:26:00-03:30"}) {
    CHECK(usage(std::string("from=") + time).from == When(utc));
    CHECK(usage(std::string("to=") + time).to == When(utc));
  }
  CHECK(usage("from=-24h").from == When(base::Duration(-24h)));
  CHECK(usage("stream=live%2Fcam").stream == "live/cam");
  CHECK(usage("format=json").form == UsageQuery::Form::json);
  const auto none = usage("");
  CHECK(!none.from);
  CHECK(!none.to);
  CHECK(!none.stream);
  CHECK(!none.form);
}

TEST_CASE("usage that cannot be meant is refused") {
  const auto refusal = [](std::string_view text) {
    UsageQuery query;
    return read_query(text, query).value_or("");
  };
  const std::string time = ": a time like 2026-11-23T22:56:00Z, or one before now like -30s";
  CHECK(refusal("from=2026-11-23") == "from" + time);
  CHECK(refusal("from=2026-11-23T22:56:00") == "from" + time);
  CHECK(refusal("to=2026-11-23T22:56:00+24:00") == "to" + time);
  CHECK(refusal("to=2026-11-23T22:56:00+05:60") == "to" + time);
  CHECK(refusal("to=2026-11-23T22:56:00+0530") == "to" + time);
  CHECK(refusal("from=-1h&from=-1h") == "from is given twice");
  CHECK(refusal("stream=") == "stream: a path segment is empty");
  CHECK(refusal("stream=a,b").starts_with("stream: a path segment has a character other than"));
  CHECK(refusal("stream=%zz") == "stream: a path segment is empty");
  CHECK(refusal("stream=a&stream=b") == "stream is given twice");
  CHECK(refusal("format=xml") == "format: json or csv");
  CHECK(refusal("format=") == "format: json or csv");
  CHECK(refusal("format=csv&format=csv") == "format is given twice");
}

TEST_CASE("a time before now is reckoned from the clock") {
  const base::Utc now(1795474560s);
  CHECK(to_utc(When(base::Utc(5s)), now) == base::Utc(5s));
  CHECK(to_utc(When(base::Duration(-30s)), now) == now - 30s);
  CHECK(to_utc(When(base::Duration(-1ns)), now) == now - 1us);
  CHECK(to_utc(When(base::Duration(0)), now) == now);
  CHECK(to_utc(When(-base::Duration::max()), now) < base::Utc{});
}

TEST_CASE("what is not asked for is not set") {
  const auto query = read("");
  CHECK(!query.wait);
  CHECK(!query.slow);
  CHECK(!query.max_lag);
  CHECK(!query.flush);
  CHECK(!query.at);
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
