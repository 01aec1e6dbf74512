#include "relay/stream/directory.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace stream {

TEST_CASE("the first worker that claims a stream is its home until it is released") {
  Directory directory(10);
  const auto first = directory.claim("live/cam", 2);
  REQUIRE(first);
  CHECK(first->created);
  CHECK(first->home == 2);
  const auto second = directory.claim("live/cam", 1);
  REQUIRE(second);
  CHECK_FALSE(second->created);
  CHECK(second->home == 2);
  CHECK(directory.home("live/cam") == 2);
  CHECK_FALSE(directory.home("live/other"));
  CHECK(directory.size() == 1);
  directory.release("live/cam");
  CHECK_FALSE(directory.home("live/cam"));
  CHECK(directory.claim("live/cam", 1)->home == 1);
}

TEST_CASE("there are as many streams as may be") {
  Directory directory(2);
  CHECK(directory.claim("a", 0));
  CHECK(directory.claim("b", 0));
  CHECK_FALSE(directory.claim("c", 0));
  CHECK(directory.claim("b", 1));  // one that is there already
  directory.release("a");
  CHECK(directory.claim("c", 0));
}

TEST_CASE("whoever waits for a stream is told once by the claim that creates it") {
  Directory directory(10);
  CHECK_FALSE(directory.home_or_watch("live/cam", 1));
  CHECK_FALSE(directory.home_or_watch("live/cam", 1));
  CHECK_FALSE(directory.home_or_watch("live/cam", 2));
  CHECK_FALSE(directory.home_or_watch("live/cam", 3));
  directory.unwatch("live/cam", 3);
  directory.unwatch("live/nobody", 3);
  const auto claim = directory.claim("live/cam", 0);
  REQUIRE(claim);
  CHECK(claim->watchers == std::vector<unsigned>{1, 2});
  CHECK(directory.home_or_watch("live/cam", 1) == 0);
  directory.release("live/cam");
  CHECK(directory.claim("live/cam", 0)->watchers.empty());
}

TEST_CASE("of many workers that claim at once one becomes the home") {
  constexpr unsigned workers = 4;
  for (int round = 0; round < 50; ++round) {
    Directory directory(10);
    std::atomic<unsigned> created{0};
    std::atomic<unsigned> homes{0};  // a bit for each that was named
    std::vector<std::thread> threads;
    for (unsigned worker = 0; worker < workers; ++worker) {
      threads.emplace_back([&, worker] {
        static_cast<void>(directory.home_or_watch("live/cam", worker));
        const auto claim = directory.claim("live/cam", worker);
        if (claim->created) ++created;
        homes |= 1u << claim->home;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(created == 1);
    CHECK(homes == 1u << *directory.home("live/cam"));
  }
}

}  // namespace stream
