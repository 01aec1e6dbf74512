#include "relay/memory/window.hpp"

#include <doctest/doctest.h>

#include <array>

#include "relay/memory/block_writer.hpp"

namespace memory {
namespace {

struct Fixture {
  Arena arena{0, 4096};
  BlockPool pool{arena};
  BlockWriter writer{pool};

  // A window on the next `size` bytes of the writer's block.
  Window cut(std::size_t size) {
    const auto space = writer.space(size).value().first(size);
    writer.advance(size);
    return writer.window(space);
  }
};

constexpr std::array<std::byte, 4> constant = {std::byte{1}, std::byte{2}, std::byte{3},
                                               std::byte{4}};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a window keeps its block alive") {
  Window window = cut(10);
  writer.let_go();
  CHECK(pool.held_count() == 1);
  {
    Window copy = window;
    window = Window();
    CHECK(pool.held_count() == 1);
    CHECK(copy.size() == 10);
  }
  CHECK(pool.held_count() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a moved window leaves an empty one behind") {
  Window window = cut(10);
  const std::byte* data = window.data();
  Window moved = std::move(window);
  CHECK(window.empty());  // NOLINT(bugprone-use-after-move): what is left is specified
  CHECK(window.data() == nullptr);
  CHECK(window.hold() == nullptr);
  CHECK(moved.data() == data);
  window = std::move(moved);
  CHECK(window.data() == data);
  CHECK(moved.empty());
}

TEST_CASE_FIXTURE(Fixture, "assigning a window to itself changes nothing") {
  Window window = cut(10);
  writer.let_go();
  const Window& same = window;
  window = same;
  CHECK(window.size() == 10);
  CHECK(window.hold()->count == 1);
  Window& again = window;
  window = std::move(again);
  CHECK(window.size() == 10);
  CHECK(window.hold()->count == 1);
}

TEST_CASE_FIXTURE(Fixture, "parts of a window hold the block by themselves") {
  Window window = cut(10);
  writer.let_go();
  const std::byte* data = window.data();
  Window head = window.first(4);
  Window tail = window.subwindow(4);
  Window middle = window.subwindow(2, 3);
  window = Window();
  CHECK(head.hold()->count == 3);
  CHECK(head.size() == 4);
  CHECK(tail.data() == data + 4);
  CHECK(tail.size() == 6);
  CHECK(middle.data() == data + 2);
  CHECK(middle.size() == 3);
}

TEST_CASE_FIXTURE(Fixture, "an empty part still holds the block and an empty window none") {
  Window window = cut(10);
  writer.let_go();
  Window none = window.subwindow(10);
  CHECK(none.empty());
  CHECK(none.hold()->count == 2);
  CHECK(Window().hold() == nullptr);
  CHECK(Window().bytes().empty());
  CHECK(Window().first(0).empty());
}

TEST_CASE_FIXTURE(Fixture, "the front of a window can be dropped") {
  Window window = cut(10);
  const std::byte* data = window.data();
  window.drop_front(0);
  window.drop_front(3);
  CHECK(window.data() == data + 3);
  CHECK(window.size() == 7);
  window.drop_front(7);
  CHECK(window.empty());
  CHECK(window.hold() != nullptr);
}

TEST_CASE_FIXTURE(Fixture, "a window is followed by what lies behind it in the same block") {
  Window first = cut(10);
  const Window second = cut(5);
  const Window third = cut(5);
  CHECK(first.is_followed_by(second));
  CHECK(!first.is_followed_by(third));
  CHECK(!second.is_followed_by(first));
  CHECK(!first.is_followed_by(first));
  CHECK(!first.is_followed_by(Window()));
  CHECK(!Window().is_followed_by(Window()));
  first.extend(second);
  CHECK(first.size() == 15);
  CHECK(first.is_followed_by(third));
}

TEST_CASE_FIXTURE(Fixture, "neighbours in two blocks do not follow each other") {
  const Window first = cut(4096);
  const Window second = cut(4096);
  // Blocks are handed out in rising order here: the bytes adjoin but the holds differ.
  CHECK(first.data() + first.size() == second.data());
  CHECK(!first.is_followed_by(second));
}

TEST_CASE("a window on static bytes holds nothing and follows nothing") {
  const Window window = Window::on_static(constant);
  CHECK(window.data() == constant.data());
  CHECK(window.hold() == nullptr);
  CHECK(!window.first(2).is_followed_by(window.subwindow(2)));
  const Window copy = window;
  CHECK(copy.size() == 4);
}

}  // namespace memory
