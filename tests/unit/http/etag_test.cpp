#include "relay/http/etag.hpp"

#include <doctest/doctest.h>

#include <string>

namespace http {

TEST_CASE("an entity tag is found among others") {
  const std::string etag = "\"ab12\"";
  for (const char* field :
       {"\"ab12\"", "*", " * ", "W/\"ab12\"", "\"x\", \"ab12\"", "\"x\",W/\"y\" , W/\"ab12\"",
        "\"a,b\",\"ab12\"", "\"\",,\"ab12\"", "\"ab12\", garbage"}) {
    CAPTURE(field);
    CHECK(has_etag(field, etag));
    CHECK(has_etag(field, "W/" + etag));
  }
}

TEST_CASE("what is no tag or another one does not match") {
  for (const char* field :
       {"", "ab12", "\"ab12", "ab12\"", "\"AB12\"", "\"ab1\"", "\"ab123\"", "w/\"ab12\"",
        "W/ \"ab12\"", "\"x\" \"ab12\"", "x, \"ab12\"", "\"x,\"ab12\"", "*, \"x\"", "\"*\""}) {
    CAPTURE(field);
    CHECK(!has_etag(field, "\"ab12\""));
  }
}

}  // namespace http
