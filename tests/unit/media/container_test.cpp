#include "relay/media/container.hpp"

#include <doctest/doctest.h>

#include <string>

using media::Container;
using media::detect_container;

TEST_CASE("the first bytes tell what a stream is") {
  CHECK(detect_container("G").container == Container::mpegts);
  CHECK(detect_container(std::string("\0\0\0\x1c"
                                     "ftyp",
                                     8))
            .container == Container::fmp4);
  CHECK(detect_container(std::string("\0\0\0\x1c"
                                     "moof",
                                     8))
            .container == Container::fmp4);
  for (const std::string text : {"ftypftyq", "<!DOCTYP", "yyyyyyyy"}) {
    CHECK_FALSE(detect_container(text).container);
    CHECK(detect_container(text).is_decided);
  }
}

TEST_CASE("too few bytes tell nothing yet") {
  const std::string head(
      "\0\0\0\x1c"
      "ftyp",
      8);
  for (std::size_t size = 0; size < head.size(); ++size) {
    CHECK_FALSE(detect_container(head.substr(0, size)).is_decided);
  }
}
