#include "relay/http/response.hpp"

#include <doctest/doctest.h>

namespace http {

TEST_CASE("a response tells the length of its body") {
  CHECK(write_response({404, {{"Content-Type", "text/plain"}}}, "no such stream\n", true, false) ==
        "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 15\r\n\r\n"
        "no such stream\n");
  CHECK(write_response({.fields = {}}, "", true, false) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("the answer to HEAD tells the length and leaves the body out") {
  CHECK(write_response({.fields = {}}, "12345", true, true) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
}

TEST_CASE("Connection is written where it is not the default of the version") {
  CHECK(write_response({.fields = {}}, "", false, false) ==
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  CHECK(write_response({200, {}, false}, "", true, false) ==
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n");
  CHECK(write_response({200, {}, false}, "", false, false) ==
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
}

TEST_CASE("responses without a body tell no length") {
  CHECK(write_response({204, {{"Allow", "GET"}}}, "x", true, false) ==
        "HTTP/1.1 204 No Content\r\nAllow: GET\r\n\r\n");
  CHECK(write_response({.status = 304, .fields = {}}, "x", true, false) ==
        "HTTP/1.1 304 Not Modified\r\n\r\n");
}

}  // namespace http
