#include "relay/protocol/websocket/errc.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace websocket {

TEST_CASE("every error has its own sentence that fits a close frame") {
  std::vector<std::string> sentences;
  for (int errc = 1; errc <= static_cast<int>(Errc::not_closed); ++errc) {
    sentences.push_back(make_error_code(static_cast<Errc>(errc)).message());
    CHECK(sentences.back() != "unknown error");
    CHECK(sentences.back().size() <= 123);
  }
  std::sort(sentences.begin(), sentences.end());
  CHECK(std::adjacent_find(sentences.begin(), sentences.end()) == sentences.end());
}

}  // namespace websocket
