#include "relay/memory/window_list.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

#include "relay/memory/block_writer.hpp"

namespace memory {
namespace {

using Twin = std::vector<std::byte>;

struct Fixture {
  Arena arena{64 * 4096, 4096};
  BlockPool pool{arena};
  BlockWriter writer{pool};
  unsigned next = 0;

  // The next `size` bytes, counting on.
  Window write(std::size_t size) {
    const auto space = writer.space(size).value().first(size);
    for (std::byte& byte : space) byte = static_cast<std::byte>(next++ % 251);
    writer.advance(size);
    return writer.window(space);
  }
};

Twin bytes_of(const WindowList& list) {
  Twin bytes;
  for (const Window& window : list) {
    CHECK(!window.empty());
    bytes.insert(bytes.end(), window.bytes().begin(), window.bytes().end());
  }
  CHECK(bytes.size() == list.bytes());
  CHECK(list.empty() == bytes.empty());
  return bytes;
}

void append(Twin& twin, const Window& window) {
  twin.insert(twin.end(), window.bytes().begin(), window.bytes().end());
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "bytes received one after the other stay one window") {
  WindowList list;
  for (int part = 0; part < 10; ++part) list.push_back(write(100));
  CHECK(list.count() == 1);
  CHECK(list.bytes() == 1000);
  CHECK(list[0].hold()->count == 2);  // the list's and the writer's
  write(1);                           // framing that stays behind
  list.push_back(write(10));
  CHECK(list.count() == 2);
}

TEST_CASE_FIXTURE(Fixture, "an empty window is left out") {
  WindowList list;
  list.push_back(Window());
  list.push_back(write(10).first(0));
  CHECK(list.empty());
  CHECK(list.count() == 0);
  CHECK(writer.window({}).hold()->count == 2);
}

TEST_CASE_FIXTURE(Fixture, "the front is taken at every place") {
  for (std::size_t cut = 0; cut <= 60; ++cut) {
    WindowList list;
    Twin twin;
    for (int part = 0; part < 6; ++part) {
      const Window window = write(10);
      append(twin, window);
      list.push_back(window);
      write(1);
    }
    WindowList dropped = list;
    const WindowList taken = list.take_front(cut);
    const auto middle = twin.begin() + static_cast<std::ptrdiff_t>(cut);
    CHECK(bytes_of(taken) == Twin(twin.begin(), middle));
    CHECK(bytes_of(list) == Twin(middle, twin.end()));
    CHECK(taken.count() == (cut + 9) / 10);
    dropped.drop_front(cut);
    CHECK(bytes_of(dropped) == bytes_of(list));
    CHECK(dropped.count() == list.count());
  }
}

TEST_CASE_FIXTURE(Fixture, "a list that was cut in two grows together again") {
  WindowList list;
  list.push_back(write(100));
  const WindowList back = list;
  WindowList front = list.take_front(40);
  front.append(list);
  CHECK(front.count() == 1);
  CHECK(bytes_of(front) == bytes_of(back));
}

TEST_CASE_FIXTURE(Fixture, "dropping bytes lets their blocks go") {
  WindowList list;
  list.push_back(write(4096));
  list.push_back(write(4096));
  writer.let_go();
  CHECK(pool.held_count() == 2);
  list.drop_front(4095);
  CHECK(pool.held_count() == 2);
  list.drop_front(1);
  CHECK(pool.held_count() == 1);
  list.clear();
  CHECK(pool.held_count() == 0);
  CHECK(list.empty());
}

TEST_CASE_FIXTURE(Fixture, "a moved list leaves an empty one behind") {
  WindowList list;
  for (int part = 0; part < 7; ++part) {
    list.push_back(write(10));
    write(1);
  }
  const Twin twin = bytes_of(list);
  WindowList moved = std::move(list);
  CHECK(bytes_of(moved) == twin);
  CHECK(bytes_of(list).empty());  // NOLINT(bugprone-use-after-move): what is left is specified
  list.push_back(write(5));
  CHECK(list.bytes() == 5);
  list = std::move(moved);
  CHECK(bytes_of(list) == twin);
  CHECK(bytes_of(moved).empty());
  WindowList& same = list;
  list = std::move(same);
  CHECK(bytes_of(list) == twin);
  list = same;
  CHECK(bytes_of(list) == twin);
}

TEST_CASE_FIXTURE(Fixture, "a header across windows is copied out from any place") {
  WindowList list;
  for (int part = 0; part < 5; ++part) {
    list.push_back(write(3));
    write(1);
  }
  const Twin twin = bytes_of(list);
  for (std::size_t from = 0; from <= twin.size() + 2; ++from) {
    for (std::size_t size = 0; size <= twin.size(); ++size) {
      Twin out(size, std::byte{0xee});
      const std::size_t copied = list.copy_out(from, out);
      CHECK(copied == std::min(size, twin.size() - std::min(from, twin.size())));
      for (std::size_t index = 0; index < copied; ++index) CHECK(out[index] == twin[from + index]);
    }
  }
}

TEST_CASE("static windows are kept apart and cost no block") {
  static constexpr std::array<std::byte, 2> separator = {std::byte{'\r'}, std::byte{'\n'}};
  WindowList list;
  list.push_back(Window::on_static(separator));
  list.push_back(Window::on_static(separator));
  CHECK(list.count() == 2);
  CHECK(list.bytes() == 4);
  CHECK(list.take_front(3).count() == 2);
}

TEST_CASE_FIXTURE(Fixture, "a list behaves as a plain vector of bytes") {
  std::mt19937 random(2026);
  const auto below = [&random](std::size_t bound) { return random() % (bound + 1); };
  WindowList list;
  Twin twin;
  for (int step = 0; step < 20000; ++step) {
    const std::size_t cut = below(twin.size());
    const auto middle = twin.begin() + static_cast<std::ptrdiff_t>(cut);
    switch (random() % 5) {
      case 0:
      case 1: {
        const Window window = write(below(300));
        append(twin, window);
        list.push_back(window);
        if (random() % 2 == 0) write(1);
        break;
      }
      case 2: {
        WindowList taken = list.take_front(cut);
        CHECK(bytes_of(taken) == Twin(twin.begin(), middle));
        if (random() % 2 == 0) {
          taken.append(list);
          list = std::move(taken);
        } else {
          twin.erase(twin.begin(), middle);
        }
        break;
      }
      case 3:
        list.drop_front(cut);
        twin.erase(twin.begin(), middle);
        break;
      default:
        if (twin.size() < 20000) {
          const WindowList copy = list;
          list.append(copy);
          const Twin again = twin;
          twin.insert(twin.end(), again.begin(), again.end());
        }
    }
    REQUIRE(bytes_of(list) == twin);
    if (list.bytes() > 50000 || pool.held_count() > 50) {
      list.clear();
      twin.clear();
    }
  }
  list.clear();
  writer.let_go();
  CHECK(pool.held_count() == 0);
}

}  // namespace memory
