#include "relay/http/request_head.hpp"

#include <doctest/doctest.h>

namespace http {

TEST_CASE("a field is found whatever its case and the first of several") {
  RequestHead head;
  head.fields = {{"X-One", "1"}, {"x-one", "2"}, {"Empty", ""}};
  REQUIRE(head.find("x-ONE") != nullptr);
  CHECK(*head.find("x-ONE") == "1");
  REQUIRE(head.find("empty") != nullptr);
  CHECK(head.find("empty")->empty());
  CHECK(head.find("X-On") == nullptr);
  CHECK(head.find("") == nullptr);
}

TEST_CASE("only letters of ASCII have a case") {
  CHECK(equal_ignoring_case("Chunked", "cHUNKED"));
  CHECK(!equal_ignoring_case("[", "{"));
  CHECK(!equal_ignoring_case("\xc0", "\xe0"));
  CHECK(!equal_ignoring_case("chunked", "chunke"));
}

}  // namespace http
