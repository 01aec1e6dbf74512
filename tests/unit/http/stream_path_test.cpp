#include "relay/http/stream_path.hpp"

#include <doctest/doctest.h>

namespace http {

TEST_CASE("only unreserved characters may be percent-encoded") {
  CHECK(decode_path("/live/cam.ts") == "/live/cam.ts");
  CHECK(decode_path("/%6c%69ve/%63am%2Ets") == "/live/cam.ts");
  CHECK(decode_path("%2e%2E%7e%5F%2d%41") == "..~_-A");
  CHECK(decode_path("") == "");
  for (const std::string_view path : {"%2F", "%00", "%25", "%2", "%", "%zz", "%2g", "a%", "%c3%a9",
                                      "%20", "%0a", "%+1", "%5c", "%3f"}) {
    CAPTURE(path);
    CHECK(!decode_path(path));
  }
}

TEST_CASE("a stream has one to eight segments of 1 to 64 characters") {
  const std::string longest(64, 'a');
  for (const std::string& stream :
       {std::string("a"), std::string("live/cam"), std::string("a/b/c/d/e/f/g/h"), longest,
        longest + "/" + longest, std::string("A-Z_~.9/-/_/~"), std::string("a..b")}) {
    CAPTURE(stream);
    CHECK(!find_flaw(stream));
  }
  CHECK(find_flaw("") == "a path segment is empty");
  CHECK(find_flaw("a//b") == "a path segment is empty");
  CHECK(find_flaw("/a") == "a path segment is empty");
  CHECK(find_flaw("a/") == "a path segment is empty");
  CHECK(find_flaw("a/../b") == "a path segment begins with a dot");
  CHECK(find_flaw(".") == "a path segment begins with a dot");
  CHECK(find_flaw("a/.b") == "a path segment begins with a dot");
  CHECK(find_flaw(longest + "a") == "a path segment has more than 64 characters");
  CHECK(find_flaw("a/b/c/d/e/f/g/h/i") == "the path has more than eight segments");
  for (const std::string_view stream : {"a b", "a@b", "a+b", "a:b", "a;b", "a\\b", "a%b", "a*",
                                        "\xc3\xa9", "a,b", "a'b", "a!", "a=b", "a&b", "(a)"}) {
    CAPTURE(stream);
    CHECK(find_flaw(stream) == "a path segment has a character other than A-Z a-z 0-9 . _ ~ -");
  }
}

TEST_CASE("reserved names are named") {
  for (const std::string first : {"api", "admin", "healthz", "readyz", "metrics", "assets"}) {
    CHECK(find_reserved(first + "/cam") ==
          "a stream's path cannot begin with the reserved name " + first);
    CHECK(find_reserved(first).has_value());
    CHECK(!find_reserved("a/" + first));
    CHECK(!find_reserved(first + "2/cam"));
  }
  for (const std::string last :
       {"index", "clip", "init", "hls", "embed", "publish", "snapshot", "timeline"}) {
    CHECK(find_reserved("live/" + last) ==
          "a stream's path cannot end in the reserved name " + last);
    CHECK(find_reserved(last).has_value());
    CHECK(!find_reserved(last + "/cam"));
    CHECK(!find_reserved("live/" + last + ".x"));
  }
  CHECK(!find_reserved("live/cam"));
  CHECK(!find_reserved("API/Clip"));
}

}  // namespace http
