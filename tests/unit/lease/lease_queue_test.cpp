#include "relay/lease/lease_queue.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <random>

namespace lease {
namespace {

using namespace std::chrono_literals;
using Keys = std::vector<std::string>;

constexpr base::Time start{1'000h};
constexpr auto ttl = 60s;

Keys sorted(Keys keys) {
  std::sort(keys.begin(), keys.end());
  return keys;
}

// Of this thread: what others do on the machine is not of interest.
base::Duration processor_time() {
  timespec time{};
  REQUIRE(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

// All of one time, as a loop does it over several turns.
Keys expire_all(LeaseQueue& queue, base::Time now) {
  Keys all;
  while (queue.next() && *queue.next() <= now) {
    for (std::string& key : queue.expire(now, 8)) all.push_back(std::move(key));
  }
  return sorted(all);
}

}  // namespace

TEST_CASE("a lease ends when it is not renewed") {
  LeaseQueue queue(4);
  CHECK(!queue.next());
  REQUIRE(queue.renew("a", start + ttl));
  REQUIRE(queue.renew("b", start + ttl + 1s));
  CHECK(queue.next() == start + ttl);
  CHECK(queue.expire(start + ttl - 1ns, 10).empty());
  CHECK(queue.expire(start + ttl, 10) == Keys{"a"});
  CHECK(!queue.until("a"));
  CHECK(queue.until("b") == start + ttl + 1s);
  CHECK(queue.expire(start + ttl, 10).empty());
  CHECK(queue.expire(start + 10 * ttl, 10) == Keys{"b"});
  CHECK(queue.size() == 0);
  CHECK(queue.items() == 0);
}

TEST_CASE("a lease that is renewed lives on and is looked at again when its former time has come") {
  LeaseQueue queue(4);
  REQUIRE(queue.renew("a", start + ttl));
  for (int second = 10; second <= 600; second += 10) {
    REQUIRE(queue.renew("a", start + 1s * second + ttl));
    CHECK(queue.expire(start + 1s * second, 10).empty());
    CHECK(queue.items() == 1);
  }
  CHECK(queue.expire(start + 600s + ttl - 1ns, 10).empty());
  CHECK(queue.next() == start + 600s + ttl);
  CHECK(queue.expire(start + 600s + ttl, 10) == Keys{"a"});
}

TEST_CASE("a lease that is dropped is not reported") {
  LeaseQueue queue(4);
  REQUIRE(queue.renew("a", start + ttl));
  REQUIRE(queue.renew("b", start + ttl));
  queue.drop("a");
  queue.drop("a");
  queue.drop("never");
  CHECK(queue.size() == 1);
  CHECK(!queue.until("a"));
  CHECK(expire_all(queue, start + ttl) == Keys{"b"});
  CHECK(queue.items() == 0);
}

TEST_CASE("a lease that begins again after it was dropped has its own time") {
  LeaseQueue queue(4);
  REQUIRE(queue.renew("a", start + ttl));
  queue.drop("a");
  REQUIRE(queue.renew("a", start + 2 * ttl));
  CHECK(queue.items() == 1);
  CHECK(expire_all(queue, start + ttl).empty());
  CHECK(expire_all(queue, start + 2 * ttl) == Keys{"a"});
}

TEST_CASE("an end may be moved to an earlier time") {
  LeaseQueue queue(4);
  REQUIRE(queue.renew("a", start + 10 * ttl));
  REQUIRE(queue.renew("a", start + ttl));
  CHECK(queue.next() == start + ttl);
  CHECK(queue.expire(start + ttl, 10) == Keys{"a"});
  // So may that of one who takes the place of another.
  REQUIRE(queue.renew("b", start + 10 * ttl));
  queue.drop("b");
  REQUIRE(queue.renew("c", start + 2 * ttl));
  CHECK(queue.expire(start + 2 * ttl, 10) == Keys{"c"});
  CHECK(queue.expire(start + 20 * ttl, 10).empty());
  CHECK(queue.items() == 0);
}

TEST_CASE("leases that are moved to earlier times again and again fill nothing") {
  constexpr std::size_t leases = 10;
  LeaseQueue queue(leases);
  for (int round = 0; round < 100; ++round) {
    for (std::size_t number = 0; number < leases; ++number) {
      REQUIRE(queue.renew(std::to_string(number), start + 1h - 1s * round));
    }
    CHECK(queue.items() <= 2 * leases);
  }
  // Late, but not before their time and not after the first that was named.
  CHECK(expire_all(queue, start + 1h - 100s).empty());
  CHECK(expire_all(queue, start + 1h).size() == leases);
  CHECK(queue.items() == 0);
  // Then there is room again.
  REQUIRE(queue.renew("a", start + 2h));
  REQUIRE(queue.renew("a", start + 1h + 1s));
  CHECK(expire_all(queue, start + 1h + 1s) == Keys{"a"});
}

TEST_CASE("one lease too many is refused and those that are there can be renewed") {
  LeaseQueue queue(2);
  REQUIRE(queue.renew("a", start + ttl));
  REQUIRE(queue.renew("b", start + ttl));
  CHECK_FALSE(queue.renew("c", start + ttl));
  CHECK(queue.size() == 2);
  CHECK(queue.renew("a", start + 2 * ttl));
  queue.drop("b");
  CHECK(queue.renew("c", start + ttl));
  CHECK_FALSE(LeaseQueue(0).renew("a", start));
}

TEST_CASE("a call looks at no more items than it may") {
  LeaseQueue queue(100);
  for (int number = 0; number < 100; ++number) {
    REQUIRE(queue.renew(std::to_string(number), start + 1s));
  }
  for (int number = 0; number < 100; number += 2) queue.drop(std::to_string(number));
  CHECK(queue.expire(start + 1s, 0).empty());
  CHECK(queue.items() == 100);
  for (std::size_t left = 90;; left -= 10) {
    CHECK(queue.expire(start + 1s, 10).size() <= 10);
    CHECK(queue.items() == left);
    if (left == 0) break;
  }
  CHECK(queue.size() == 0);
}

TEST_CASE("the queue does what a plain map does") {
  std::mt19937 random(7);
  const auto below = [&](unsigned bound) { return static_cast<unsigned>(random() % bound); };
  LeaseQueue queue(40);
  std::map<std::string, base::Time> twin;
  base::Time now = start;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = std::to_string(below(60));
    const unsigned what = below(10);
    if (what < 7) {
      // Seldom earlier than before.
      const base::Time until = now + 1s * (what == 0 ? below(60) : 60);
      const bool is_possible = twin.contains(key) || twin.size() < 40;
      REQUIRE(queue.renew(key, until) == is_possible);
      if (is_possible) twin[key] = until;
    } else if (what < 9) {
      queue.drop(key);
      twin.erase(key);
    } else {
      now += 1s * below(30);
      Keys ended;
      for (const auto& [name, until] : twin) {
        if (until <= now) ended.push_back(name);
      }
      for (const std::string& name : ended) twin.erase(name);
      REQUIRE(expire_all(queue, now) == sorted(ended));
    }
    REQUIRE(queue.size() == twin.size());
    REQUIRE(queue.items() <= 80);
    for (const auto& [name, until] : twin) REQUIRE(queue.until(name) == until);
  }
}

TEST_CASE("a hundred thousand leases take a bounded number of steps in every call") {
  constexpr std::size_t leases = 100'000;
  constexpr std::size_t items_per_call = 64;
  // Up and down a heap of 2^18 items, and what renewed ones take to be put back.
  constexpr std::size_t per_item = 3 * 18;
  LeaseQueue queue(leases);
  std::size_t most = 0;
  base::Duration longest{};
  const auto measured = [&](auto&& call) {
    const base::Duration before = processor_time();
    call();
    longest = std::max(longest, processor_time() - before);
    most = std::max(most, queue.comparisons());
  };
  const auto key_of = [](std::size_t number) { return "session-" + std::to_string(number); };

  // They come within a minute, in no order.
  for (std::size_t number = 0; number < leases; ++number) {
    const base::Time now = start + 1us * (number * 7919 % leases * 600);
    measured([&] { REQUIRE(queue.renew(key_of(number), now + ttl)); });
  }
  CHECK(most <= per_item);
  // Every second is renewed, and every fourth goes.
  for (std::size_t number = 0; number < leases; number += 2) {
    measured([&] { REQUIRE(queue.renew(key_of(number), start + 3 * ttl)); });
  }
  for (std::size_t number = 1; number < leases; number += 4) {
    measured([&] { queue.drop(key_of(number)); });
  }
  CHECK(most <= per_item);
  CHECK(queue.size() == leases * 3 / 4);
  // All that is due, at once.
  std::size_t ended = 0;
  std::size_t calls = 0;
  while (queue.next() && *queue.next() <= start + 2 * ttl) {
    measured([&] { ended += queue.expire(start + 2 * ttl, items_per_call).size(); });
    ++calls;
  }
  CHECK(ended == leases / 4);
  CHECK(calls == (leases + items_per_call - 1) / items_per_call);
  CHECK(most <= items_per_call * per_item);
  CHECK(queue.size() == leases / 2);
  CHECK(queue.items() == leases / 2);
  MESSAGE("most comparisons in a call: " << most << ", processor time of the longest call: "
                                         << longest.count() / 1000 << " us");
}

}  // namespace lease
