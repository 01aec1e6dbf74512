#include "relay/memory/block_writer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "relay/memory/errc.hpp"

namespace memory {
namespace {

struct Fixture {
  Arena arena{0, 4096};
  BlockPool pool{arena};
  BlockWriter writer{pool};
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "space goes on where the last bytes ended") {
  CHECK(pool.held_count() == 0);
  const auto first = writer.space(1).value();
  CHECK(first.size() == 4096);
  CHECK(writer.space(4096).value().data() == first.data());  // nothing was advanced
  writer.advance(100);
  const auto second = writer.space(1).value();
  CHECK(second.data() == first.data() + 100);
  CHECK(second.size() == 3996);
  CHECK(pool.held_count() == 1);
}

TEST_CASE_FIXTURE(Fixture, "what is taken back is written again") {
  const auto first = writer.space(1).value();
  writer.advance(100);
  writer.rewind(30);
  CHECK(writer.written().size() == 70);
  CHECK(writer.space(1).value().data() == first.data() + 70);
}

TEST_CASE_FIXTURE(Fixture, "a new block begins when too little is left") {
  const auto first = writer.space(1).value();
  writer.advance(4095);
  CHECK(writer.space(1).value().size() == 1);
  CHECK(writer.space(1).value().data() == first.data() + 4095);
  const auto second = writer.space(2).value();
  CHECK(second.size() == 4096);
  CHECK(pool.held_count() == 1);  // nobody had a window on the first
  writer.advance(4096);
  CHECK(writer.space(0).value().empty());
  CHECK(writer.space(1).value().size() == 4096);
}

TEST_CASE_FIXTURE(Fixture, "windows keep a block that the writer has left") {
  const auto bytes = writer.space(1).value().first(3);
  std::fill(bytes.begin(), bytes.end(), std::byte{7});
  writer.advance(3);
  const Window window = writer.window(bytes);
  writer.let_go();
  writer.let_go();
  CHECK(pool.held_count() == 1);
  CHECK(writer.space(1).value().data() != window.data());
  CHECK(pool.held_count() == 2);
  CHECK(window.bytes()[2] == std::byte{7});
}

TEST_CASE_FIXTURE(Fixture, "a full arena is an error that leaves the block as it was") {
  std::vector<Window> kept;
  for (int block = 0; block < 4; ++block) {
    kept.push_back(writer.window(writer.space(4096).value()));
    writer.advance(block < 3 ? 4096 : 4000);
  }
  CHECK(writer.space(97).error() == make_error_code(Errc::arena_full));
  CHECK(writer.copy_header(std::vector<std::byte>(97)).error() ==
        make_error_code(Errc::arena_full));
  CHECK(writer.space(96).value().size() == 96);
  kept.erase(kept.begin());
  CHECK(writer.space(97).value().size() == 4096);
}

TEST_CASE_FIXTURE(Fixture, "headers are copied one behind the other") {
  const std::vector<std::byte> header = {std::byte{1}, std::byte{2}, std::byte{3}};
  const Window first = writer.copy_header(header).value();
  const Window second = writer.copy_header(header).value();
  CHECK(std::equal(header.begin(), header.end(), first.bytes().begin(), first.bytes().end()));
  CHECK(first.is_followed_by(second));
  CHECK(writer.copy_header({}).value().empty());
}

TEST_CASE_FIXTURE(Fixture, "a header that ends with the block fits and the next begins anew") {
  REQUIRE(writer.space(1).has_value());
  writer.advance(4094);
  const std::vector<std::byte> header(2, std::byte{9});
  const Window last = writer.copy_header(header).value();
  CHECK(pool.held_count() == 1);
  const Window next = writer.copy_header(header).value();
  CHECK(pool.held_count() == 2);
  CHECK(!last.is_followed_by(next));
  CHECK(writer.copy_header(std::vector<std::byte>(4096)).value().size() == 4096);
}

}  // namespace memory
