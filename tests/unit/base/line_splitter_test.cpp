#include "relay/base/line_splitter.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace {

std::vector<std::string> split(std::initializer_list<std::string_view> pieces) {
  std::vector<std::string> lines;
  base::LineSplitter splitter;
  const auto keep = [&lines](std::string_view line) { lines.emplace_back(line); };
  for (const std::string_view piece : pieces) splitter.feed(std::as_bytes(std::span(piece)), keep);
  splitter.finish(keep);
  return lines;
}

}  // namespace

TEST_CASE("lines are the same wherever the text is cut") {
  const std::string text = "one\ntwo\r\n\nthree\rfour";
  const std::vector<std::string> expected{"one", "two", "three", "four"};
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    CHECK(split({std::string_view(text).substr(0, cut), std::string_view(text).substr(cut)}) ==
          expected);
  }
}

TEST_CASE("of a line that is too long the rest is left out") {
  const std::string most(base::LineSplitter::line_bytes_max, 'x');
  CHECK(split({most, "\nnext\n"}) == std::vector<std::string>{most, "next"});
  CHECK(split({most + "y\nnext"}) == std::vector<std::string>{most, "next"});
  CHECK(split({most, "y", "y\nnext\n"}) == std::vector<std::string>{most, "next"});
}
