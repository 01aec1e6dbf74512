#include "relay/base/credentials.hpp"

#include <doctest/doctest.h>

TEST_CASE("credentials in URLs are hidden") {
  using base::hide_credentials;
  CHECK(hide_credentials("rtsp://admin:secret@10.0.0.7:554/live?x=1") ==
        "rtsp://***@10.0.0.7:554/live?x=1");
  CHECK(hide_credentials("cannot open 'rtsp://a:b@h/1': no, http://c@i/ neither") ==
        "cannot open 'rtsp://***@h/1': no, http://***@i/ neither");
  CHECK(hide_credentials("rtsp://admin:p@ss/word@h/1") == "rtsp://***@h/1");
  CHECK(hide_credentials("a://b:c@d://e:f@g") == "a://***@d://***@g");
  // RFC 3986 allows commas and single quotes in a password.
  CHECK(hide_credentials("rtsp://admin:it's,me@h/1") == "rtsp://***@h/1");
  CHECK(hide_credentials("rtsp://admin:p://w@h/1") == "rtsp://***@h/1");
}

TEST_CASE("text without credentials stays as it is") {
  for (const char* text : {"", "plain", "rtsp://host/path", "mail@host", "a://", "://@"}) {
    CHECK(base::hide_credentials(text) == (std::string(text) == "://@" ? "://***@" : text));
  }
}
