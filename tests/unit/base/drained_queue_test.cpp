#include "relay/base/drained_queue.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <variant>

namespace base {

TEST_CASE("what was pushed comes out once and in order") {
  DrainedQueue<std::string> queue;
  CHECK(queue.empty());
  CHECK(!queue.pop());
  queue.push("a");
  queue.push() += "b";
  CHECK(queue.pop() == "a");
  queue.push("c");  // before it is drained
  CHECK(!queue.empty());
  CHECK(queue.pop() == "b");
  CHECK(queue.pop() == "c");
  CHECK(queue.empty());
  CHECK(!queue.pop());
  queue.push("d");
  CHECK(queue.pop() == "d");
}

TEST_CASE("what is cleared or let go does not come") {
  DrainedQueue<std::variant<int, std::unique_ptr<int>>> queue;
  queue.push(1);
  queue.push(std::make_unique<int>(2));
  queue.clear();
  CHECK(!queue.pop());
  queue.push(3);
  CHECK(std::get<int>(*queue.pop()) == 3);
  queue.release();
  CHECK(!queue.pop());
  queue.push(4);
  CHECK(std::get<int>(*queue.pop()) == 4);
}

}  // namespace base
