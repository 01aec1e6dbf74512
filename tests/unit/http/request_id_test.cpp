#include "relay/http/request_id.hpp"

#include <doctest/doctest.h>

#include <string>

namespace http {
namespace {

std::string id_of(const std::string& value) {
  RequestHead head;
  head.fields = {{"Host", "h"}, {"x-request-id", value}};
  return std::string(find_request_id(head));
}

}  // namespace

TEST_CASE("a request id is taken when it may stand in a log") {
  for (const std::string& id : {std::string("7f0c"), std::string("b1946ac9-2492_d234.7c~6"),
                                std::string("Root=1-67891233-abcdef012345678912345678"),
                                std::string("a:b/c+d=@"), std::string(request_id_bytes_max, 'x')}) {
    CAPTURE(id);
    CHECK(id_of(id) == id);
  }
}

TEST_CASE("another request id is none") {
  for (const std::string& id :
       {std::string(), std::string("a b"), std::string("a\"b"), std::string("a\tb"),
        std::string("\xc3\xa4"), std::string("a,b"), std::string("a;b"), std::string("<a>"),
        std::string(request_id_bytes_max + 1, 'x')}) {
    CAPTURE(id);
    CHECK(id_of(id).empty());
  }
  RequestHead head;
  CHECK(find_request_id(head).empty());
  head.fields = {{"X-Request-Id", "a"}, {"X-Request-Id", "a"}};
  CHECK(find_request_id(head).empty());
  head.fields = {{"X-Request-Id", " "}, {"X-Request-Id", "a"}};
  CHECK(find_request_id(head).empty());
}

}  // namespace http
