#include "relay/memory/parcel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "relay/memory/block_writer.hpp"

namespace memory {
namespace {

struct Fixture {
  Arena arena{0, 4096};
  BlockPool sender{arena};
  BlockPool receiver{arena};
  BlockWriter writer{sender};

  Window write(std::size_t size, unsigned char value) {
    const auto space = writer.space(size).value().first(size);
    std::fill(space.begin(), space.end(), std::byte{value});
    writer.advance(size);
    return writer.window(space);
  }
  std::size_t free_blocks() const {
    return arena.free_count() + sender.ready_count() + receiver.ready_count();
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a parcel brings a window to another worker") {
  Window window = write(10, 42);
  Parcel parcel(window);
  const std::byte* data = window.data();
  window = Window();
  writer.let_go();
  CHECK(sender.held_count() == 0);
  CHECK(free_blocks() == 3);  // the parcel holds it
  {
    const Window opened = parcel.open(receiver);
    CHECK(opened.data() == data);
    CHECK(opened.size() == 10);
    CHECK(opened.bytes()[9] == std::byte{42});
    CHECK(opened.hold()->pool == &receiver);
    CHECK(opened.hold()->count == 1);
    CHECK(receiver.held_count() == 1);
  }
  CHECK(receiver.held_count() == 0);
  CHECK(free_blocks() == 4);
}

TEST_CASE_FIXTURE(Fixture, "a parcel nobody opens gives its block back") {
  {
    const Parcel parcel(write(10, 1));
    writer.let_go();
    CHECK(arena.free_count() + sender.ready_count() == 3);
  }
  CHECK(free_blocks() == 4);
  {
    const Parcel parcel(write(10, 1));  // the sender goes on holding it
  }
  CHECK(free_blocks() == 3);
  writer.let_go();
  CHECK(free_blocks() == 4);
}

TEST_CASE_FIXTURE(Fixture, "a moved parcel is opened once") {
  Parcel first(write(10, 1));
  writer.let_go();
  {
    std::optional<Parcel> second(std::move(first));
    std::vector<Parcel> queue;
    queue.push_back(std::move(*second));
    second.reset();
    CHECK(free_blocks() == 3);
    const Window window = queue.back().open(receiver);
    queue.clear();
    CHECK(receiver.held_count() == 1);
    CHECK(free_blocks() == 3);
  }
  CHECK(free_blocks() == 4);
}

TEST_CASE_FIXTURE(Fixture, "parcels of one block join at the receiver") {
  Window window = write(10, 1);
  Parcel first(window.first(5));
  Parcel second(window.subwindow(5));
  Window head = first.open(receiver);
  const Window tail = second.open(receiver);
  CHECK(head.hold() == tail.hold());
  CHECK(head.is_followed_by(tail));
  head.extend(tail);
  CHECK(head.size() == 10);
  CHECK(receiver.held_count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "a parcel may come back to where it was packed") {
  const Window window = write(10, 1);
  Parcel parcel(window);
  const Window again = parcel.open(sender);
  CHECK(again.hold() == window.hold());
  CHECK(again.hold()->count == 3);  // two windows and the writer
}

TEST_CASE_FIXTURE(Fixture, "static and empty windows travel without a block") {
  static constexpr std::array<std::byte, 2> separator = {std::byte{'\r'}, std::byte{'\n'}};
  CHECK(Parcel(Window::on_static(separator)).open(receiver).data() == separator.data());
  CHECK(Parcel(Window()).open(receiver).empty());
  CHECK(receiver.held_count() == 0);
}

// Under ThreadSanitizer this fails when the count of workers orders too little: nothing else stands
// between the reading there and the writing here.
TEST_CASE_FIXTURE(Fixture, "a block is written again only after every worker has read it") {
  std::atomic<bool> released{false};
  Window window = write(100, 1);
  writer.let_go();
  Parcel parcel(window);
  std::byte last{};
  std::thread reader([&] {
    BlockPool pool(arena);
    Window opened = parcel.open(pool);
    last = opened.bytes().back();
    opened = Window();
    released.store(true, std::memory_order_relaxed);
  });
  while (!released.load(std::memory_order_relaxed)) std::this_thread::yield();
  const std::byte* data = window.data();
  window = Window();
  CHECK(write(100, 2).data() == data);
  reader.join();
  CHECK(last == std::byte{1});
}

namespace {

// A mailbox in miniature, for the test alone.
struct Mailbox {
  std::mutex lock;
  std::deque<Parcel> parcels;

  void put(Parcel parcel) {
    const std::lock_guard guard(lock);
    parcels.push_back(std::move(parcel));
  }
  std::optional<Parcel> get() {
    const std::lock_guard guard(lock);
    if (parcels.empty()) return std::nullopt;
    std::optional<Parcel> parcel(std::move(parcels.front()));
    parcels.pop_front();
    return parcel;
  }
};

constexpr int rounds = 20000;

// Sends windows filled with one value each to `out`, keeps some of them for a while, and checks
// and sometimes sends on what comes from `in`.
void exchange(Arena& arena, Mailbox& in, Mailbox& out, std::atomic<int>& finished,
              std::atomic<int>& damaged, unsigned seed) {
  std::mt19937 random(seed);
  BlockPool pool(arena);
  BlockWriter writer(pool);
  std::deque<Window> kept;
  const auto take_in = [&] {
    while (auto parcel = in.get()) {
      if (random() % 8 == 0) continue;  // nobody opens it
      Window window = parcel->open(pool);
      const auto bytes = window.bytes();
      if (std::adjacent_find(bytes.begin(), bytes.end(), std::not_equal_to<>()) != bytes.end()) {
        ++damaged;
      }
      if (random() % 4 == 0) kept.push_back(std::move(window));
    }
  };
  for (int round = 0; round < rounds; ++round) {
    const std::size_t size = 1 + random() % 1000;
    if (const auto space = writer.space(size); space.has_value()) {
      const auto bytes = space->first(size);
      std::fill(bytes.begin(), bytes.end(), static_cast<std::byte>(random() % 256));
      writer.advance(size);
      const Window window = writer.window(bytes);
      if (random() % 2 == 0) kept.push_back(window);
      out.put(Parcel(window));
      if (!kept.empty() && random() % 16 == 0) out.put(Parcel(kept.front()));
    } else {
      kept.clear();
      writer.let_go();
      pool.give_back_ready();
      std::this_thread::yield();
    }
    while (kept.size() > 20) kept.pop_front();
    take_in();
  }
  ++finished;
  while (finished < 2) {
    take_in();
    kept.clear();
    std::this_thread::yield();
  }
  take_in();
}

}  // namespace

TEST_CASE("two workers exchange windows until every block is free again") {
  Arena arena(64 * 4096, 4096);
  Mailbox to_one;
  Mailbox to_other;
  std::atomic<int> finished{0};
  std::atomic<int> damaged{0};
  std::thread other([&] { exchange(arena, to_other, to_one, finished, damaged, 1); });
  exchange(arena, to_one, to_other, finished, damaged, 2);
  other.join();
  to_one.parcels.clear();
  to_other.parcels.clear();
  CHECK(damaged == 0);
  CHECK(arena.free_count() == 64);
}

}  // namespace memory
