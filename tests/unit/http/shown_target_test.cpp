#include "relay/http/shown_target.hpp"

#include <doctest/doctest.h>

#include <string>

namespace http {

TEST_CASE("a target without a secret is shown as it is") {
  for (const char* target :
       {"/", "*", "/live/cam.ts", "/live/cam.ts?wait=5&slow=skip&max_lag=3s&flush=100ms",
        "/live/cam.mp4?at=-30s", "/cam/clip.mp4?from=2026-11-23T22:56:00%2B01:00&to=-1s",
        "/api/v1/usage?stream=live/cam&format=csv", "/api/v1/sessions?after=00ff", "/a?", "/a?&"}) {
    CAPTURE(target);
    CHECK(shown_target(target) == target);
  }
}

TEST_CASE("what may be a secret is not shown") {
  CHECK(shown_target("/live/cam.ts?token=abc") == "/live/cam.ts?***");
  CHECK(shown_target("/live/cam.ts?wait=5&key=abc&slow=skip") ==
        "/live/cam.ts?wait=5&***&slow=skip");
  CHECK(shown_target("/live/cam.ts?abc") == "/live/cam.ts?***");
  CHECK(shown_target("/live/cam.ts?YWJj==") == "/live/cam.ts?***");
  CHECK(shown_target("/a?WAIT=abc&wai%74=abc") == "/a?***&***");
  CHECK(shown_target("/a?token=a?wait=b") == "/a?***");
  CHECK(shown_target("/a?wait=5?token=abc&at=rtsp://user:secret@host/") == "/a?***&***");
  CHECK(shown_target("/rtsp://user:secret@host/a") == "/rtsp://***@host/a");
}

TEST_CASE("a long target is cut off") {
  const std::string longest(shown_bytes_max, 'a');
  CHECK(shown_target(longest) == longest);
  CHECK(shown_target(longest + "b") == longest + "...");
}

}  // namespace http
