#include "relay/http/characters.hpp"

#include <doctest/doctest.h>

namespace http {

TEST_CASE("characters are told apart by their class in every of the 256 bytes") {
  int unreserved = 0;
  int token = 0;
  int hexadecimal = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    unreserved += is_unreserved(c) ? 1 : 0;
    token += is_token({&c, 1}) ? 1 : 0;
    hexadecimal += hex_digit(c) >= 0 ? 1 : 0;
    if (byte < 0x21 || byte > 0x7e) {
      CHECK(!is_unreserved(c));
      CHECK(!is_token({&c, 1}));
      CHECK(!is_name_character(c));
    }
  }
  CHECK(unreserved == 66);  // RFC 3986, 2.3
  CHECK(token == 77);       // RFC 9110, 5.6.2
  CHECK(hexadecimal == 22);
  CHECK(hex_digit('a') == 10);
  CHECK(hex_digit('F') == 15);
}

TEST_CASE("nothing is neither digits nor a token") {
  CHECK(!is_digits(""));
  CHECK(is_digits("0042"));
  CHECK(!is_digits("4 2"));
  CHECK(!is_token(""));
  CHECK(!is_token("a b"));
}

TEST_CASE("blanks are cut off at both ends only") {
  CHECK(trim(" \ta b\t ") == "a b");
  CHECK(trim(" \t ").empty());
  CHECK(trim("").empty());
}

}  // namespace http
