#include "relay/control/path_pattern.hpp"

#include <doctest/doctest.h>

#include <string>

using control::PathPattern;

namespace {

bool matches(std::string_view pattern, std::string_view path) {
  CAPTURE(pattern);
  const auto parsed = PathPattern::parse(pattern);
  REQUIRE(parsed);
  return parsed->matches(path);
}

}  // namespace

TEST_CASE("a pattern without stars matches itself alone") {
  CHECK(matches("live/cam", "live/cam"));
  CHECK(matches("/live/cam", "live/cam"));
  CHECK(matches("live/cam", "/live/cam"));
  CHECK_FALSE(matches("live/cam", "live/cam2"));
  CHECK_FALSE(matches("live/cam", "live"));
  CHECK_FALSE(matches("live/cam", "live/cam/low"));
  CHECK_FALSE(matches("live/cam", "Live/cam"));
  CHECK(PathPattern::parse("/live/cam")->text() == "live/cam");
}

TEST_CASE("one star stays within its segment") {
  CHECK(matches("live/*", "live/cam"));
  CHECK_FALSE(matches("live/*", "live/cam/low"));
  CHECK_FALSE(matches("live/*", "live"));
  CHECK(matches("*", "cam"));
  CHECK(matches("cam-*", "cam-"));
  CHECK(matches("cam-*-hd", "cam-1-2-hd"));
  CHECK(matches("*a*b", "xaxbxab"));
  CHECK_FALSE(matches("*a*b", "xaxbxa"));
  CHECK_FALSE(matches("cam-*-hd", "cam-hd"));
  CHECK(matches("*/*", "a/b"));
  CHECK_FALSE(matches("*/*", "a"));
}

TEST_CASE("two stars are any number of segments") {
  CHECK(matches("**", "a"));
  CHECK(matches("**", "a/b/c"));
  CHECK(matches("cams/**", "cams"));
  CHECK(matches("cams/**", "cams/a/b"));
  CHECK_FALSE(matches("cams/**", "camsx/a"));
  CHECK(matches("**/raw", "raw"));
  CHECK(matches("**/raw", "a/b/raw"));
  CHECK(matches("**/raw", "raw/raw"));
  CHECK_FALSE(matches("**/raw", "a/raw/b"));
  CHECK(matches("a/**/b/**/c", "a/b/c"));
  CHECK(matches("a/**/b/**/c", "a/x/b/b/y/c"));
  CHECK_FALSE(matches("a/**/b/**/c", "a/x/c"));
  CHECK(matches("**/cam-*", "x/y/cam-7"));
}

TEST_CASE("a pattern that no stream path can match is refused") {
  for (const char* text : {"", "/", "a//b", "a/", "//a", "a b", "a?", "ä", ".a", "a/.b", "a**",
                           "**a", "***", "a/***", "live/[ab]", "a\nb"}) {
    CAPTURE(text);
    CHECK_FALSE(PathPattern::parse(text));
  }
  CHECK(PathPattern::parse(std::string(64, 'a')));
  CHECK_FALSE(PathPattern::parse(std::string(65, 'a')));
  std::string deep = "a";
  for (int i = 1; i < 16; ++i) deep += "/a";
  CHECK(PathPattern::parse(deep));
  CHECK_FALSE(PathPattern::parse(deep + "/a"));
}

TEST_CASE("many stars do not take long") {
  std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
  for (int i = 0; i < 7; ++i) pattern += "/**/*a*a*a*a*a*a*b";
  const std::string segment(64, 'a');
  std::string path = segment;
  for (int i = 0; i < 7; ++i) path += "/" + segment;
  CHECK_FALSE(matches(pattern, path));
}
