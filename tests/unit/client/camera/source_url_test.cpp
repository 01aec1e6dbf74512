#include "client/camera/source_url.hpp"

#include <doctest/doctest.h>

#include <array>

#include "relay/base/credentials.hpp"

namespace client::camera {

TEST_CASE("credentials are taken out of a URL") {
  auto url = parse_source_url("rtsp://admin:s%40cr%2Fet@cam.lan:8554/h264?channel=1");
  REQUIRE(url);
  CHECK(url->location == "rtsp://cam.lan:8554/h264?channel=1");
  CHECK(url->host == "cam.lan");
  CHECK(url->port == "8554");
  CHECK(url->credentials == Credentials{"admin", "s@cr/et"});
  url = parse_source_url("rtsp://admin@cam");
  REQUIRE(url);
  CHECK(url->location == "rtsp://cam");
  CHECK(url->credentials == Credentials{"admin", ""});
  url = parse_source_url("rtsp://a:b:c@[fe80::1]:554/x");
  REQUIRE(url);
  CHECK(url->location == "rtsp://[fe80::1]:554/x");
  CHECK(url->host == "fe80::1");
  CHECK(url->credentials.password == "b:c");
  CHECK(parse_source_url("rtsp://h/x@y")->credentials == Credentials{});
  CHECK(parse_source_url("rtsp://u:p@w@h/")->credentials.password == "p@w");
}

TEST_CASE("URLs that make no sense are none") {
  for (const char* text : {"",
                           "rtsp",
                           "://cam",
                           "rtsp://",
                           "rtsp:///x",
                           "rtsp://u:p@",
                           "rtsp://cam:",
                           "rtsp://cam:0",
                           "rtsp://cam:65536",
                           "rtsp://cam:8x",
                           "rtsp://[::1",
                           "rtsp://[::1]x",
                           "rtsp://[::1]:",
                           "rtsp://a%4:b@cam",
                           "rtsp://a%zz:b@cam",
                           "rtsp://a%00:b@cam",
                           "rtsp://u:p#w@cam",
                           "rtsp://a b/x",
                           "rtsp://a/\x1B[2J",
                           "rtsp://a/x\r\nHost: b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_source_url(text));
  }
}

TEST_CASE("passwords are not printed") {
  CHECK(base::hide_credentials("rtsp://u:p@h/x") == "rtsp://***@h/x");
  CHECK(base::hide_credentials("a rtsp://u:p/w@h/x and \"http://v:q@i\", rtsp://k/") ==
        "a rtsp://***@h/x and \"http://***@i\", rtsp://k/");
  CHECK(base::hide_credentials("mail me@home, http://h/") == "mail me@home, http://h/");
}

TEST_CASE("passwords are wiped from the arguments") {
  std::string program = "rtsp://left:alone@h";
  std::string camera = "rtsp://u:secret@h/x?pw=1";
  std::string pipe = "pipe:cat http://u:p@h/x";
  std::string plain = "http://relay/cam.ts?wait=3";
  std::array<char*, 4> arguments{program.data(), camera.data(), pipe.data(), plain.data()};
  hide_passwords(4, arguments.data());
  CHECK(program == "rtsp://left:alone@h");
  CHECK(camera == "rtsp://********@h/x?****");
  CHECK(pipe == "pipe:cat http://***@h/x");
  CHECK(plain == "http://relay/cam.ts?wait=3");
}

}  // namespace client::camera
