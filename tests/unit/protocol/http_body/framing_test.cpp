#include "relay/protocol/http_body/framing.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "relay/memory/block_writer.hpp"

namespace {

/// One block that holds a text; payload windows are named by their places in it.
class Block {
 public:
  explicit Block(std::string_view text) {
    space_ = *writer_.space(text.size());
    std::memcpy(space_.data(), text.data(), text.size());
    writer_.advance(text.size());
    written_ = space_.first(text.size());
  }
  memory::Window window(std::size_t from, std::size_t count) const {
    return writer_.window(written_.subspan(from, count));
  }
  std::string framing_of(std::initializer_list<std::pair<std::size_t, std::size_t>> places) const {
    memory::WindowList payload;
    for (const auto& [from, count] : places) payload.push_back(window(from, count));
    const memory::Window found = http_body::find_framing(payload, written_);
    return {reinterpret_cast<const char*>(found.data()), found.size()};
  }
  std::span<const std::byte> written() const { return written_; }

 private:
  memory::Arena arena_{1 << 16, 4096};
  memory::BlockPool pool_{arena_};
  memory::BlockWriter writer_{pool_};
  std::span<std::byte> space_;
  std::span<const std::byte> written_;
};

}  // namespace

TEST_CASE("a payload that is one chunk of its sender is found with its framing") {
  const Block block("5\r\nhello\r\n");
  CHECK(block.framing_of({{3, 5}}) == "5\r\nhello\r\n");
}

TEST_CASE("framing is found wherever the chunk lies in the block") {
  const Block block("xx\r\nA\r\n0123456789\r\nB\r\n");
  CHECK(block.framing_of({{7, 10}}) == "A\r\n0123456789\r\n");
}

TEST_CASE("two chunks in a row are one sequence") {
  const Block block("2\r\nab\r\n03\r\ncde\r\n");
  CHECK(block.framing_of({{3, 2}, {11, 3}}).empty());  // the zero belongs to neither
  const Block tight("2\r\nab\r\n3\r\ncde\r\n");
  CHECK(tight.framing_of({{3, 2}, {10, 3}}) == "2\r\nab\r\n3\r\ncde\r\n");
}

TEST_CASE("a payload that is a part of a chunk has no framing") {
  const Block block("5\r\nhello\r\n");
  CHECK(block.framing_of({{3, 4}}).empty());
  CHECK(block.framing_of({{4, 4}}).empty());
}

TEST_CASE("a chunk extension is not passed on") {
  const Block block("5;x=y\r\nhello\r\n");
  CHECK(block.framing_of({{7, 5}}).empty());
}

TEST_CASE("without the line feed behind it a chunk has no framing yet") {
  CHECK(Block("5\r\nhello\r").framing_of({{3, 5}}).empty());
  CHECK(Block("5\r\nhello").framing_of({{3, 5}}).empty());
  CHECK(Block("5\r\nhelloXY").framing_of({{3, 5}}).empty());
}

TEST_CASE("a payload at the beginning of a block has no framing") {
  CHECK(Block("hello\r\n").framing_of({{0, 5}}).empty());
  CHECK(Block("\r\nhello\r\n").framing_of({{2, 5}}).empty());
}

TEST_CASE("something between two chunks breaks the sequence") {
  const Block block("2\r\nab\r\nxx3\r\ncde\r\n");
  CHECK(block.framing_of({{3, 2}, {12, 3}}).empty());
}

TEST_CASE("windows of two blocks have no common framing") {
  const Block one("2\r\nab\r\n");
  const Block two("3\r\ncde\r\n");
  memory::WindowList payload;
  payload.push_back(one.window(3, 2));
  payload.push_back(two.window(3, 3));
  CHECK(http_body::find_framing(payload, one.written()).empty());
  CHECK(http_body::find_framing(payload, two.written()).empty());
}
