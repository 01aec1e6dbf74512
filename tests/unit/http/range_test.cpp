#include "relay/http/range.hpp"

#include <doctest/doctest.h>

#include <string>

namespace http {
namespace {

constexpr Part whole{Part::Kind::whole, 0, 1000};
constexpr Part none{Part::Kind::none, 0, 0};

Part some(std::uint64_t first, std::uint64_t bytes) { return {Part::Kind::some, first, bytes}; }

}  // namespace

TEST_CASE("one range of bytes is read in its three forms") {
  CHECK(read_range("bytes=0-0", 1000) == some(0, 1));
  CHECK(read_range("bytes=0-999", 1000) == some(0, 1000));
  CHECK(read_range("bytes=10-19", 1000) == some(10, 10));
  CHECK(read_range("bytes=10-", 1000) == some(10, 990));
  CHECK(read_range("bytes=0-", 1000) == some(0, 1000));
  CHECK(read_range("bytes=-1", 1000) == some(999, 1));
  CHECK(read_range("bytes=-1000", 1000) == some(0, 1000));
  CHECK(read_range("Bytes=010-019", 1000) == some(10, 10));
  CHECK(read_range("bytes= 10-19 ", 1000) == some(10, 10));
  CHECK(read_range("bytes=, 10-19,\t,", 1000) == some(10, 10));
}

TEST_CASE("what reaches over the end is cut there") {
  CHECK(read_range("bytes=990-1000", 1000) == some(990, 10));
  CHECK(read_range("bytes=999-18446744073709551615", 1000) == some(999, 1));
  CHECK(read_range("bytes=0-99999999999999999999999999", 1000) == some(0, 1000));
  CHECK(read_range("bytes=-1001", 1000) == some(0, 1000));
  CHECK(read_range("bytes=-99999999999999999999999999", 1000) == some(0, 1000));
  CHECK(read_range("bytes=0-", UINT64_MAX) == some(0, UINT64_MAX));
}

TEST_CASE("a range behind the end cannot be satisfied") {
  for (const char* field :
       {"bytes=1000-", "bytes=1000-1000", "bytes=1001-2000", "bytes=-0", "bytes=-000",
        "bytes=18446744073709551615-", "bytes=99999999999999999999999999-"}) {
    CAPTURE(field);
    CHECK(read_range(field, 1000) == none);
  }
  CHECK(read_range("bytes=0-", 0) == none);
  CHECK(read_range("bytes=-1", 0) == Part{Part::Kind::whole, 0, 0});
}

TEST_CASE("several ranges and what is malformed ask for the whole") {
  for (const char* field :
       {"",           "bytes",      "bytes=",        "bytes=,",        "bytes=-",     "bytes=1",
        "bytes=a-b",  "bytes=1-b",  "bytes=2-1",     "bytes=+1-2",     "bytes=1-+2",  "bytes=--1",
        "bytes=1--2", "bytes=1 -2", "bytes=1-2-3",   "bytes =1-2",     " bytes=1-2",  "bytes=0x1-2",
        "bytes=1-2;", "bytes:1-2",  "bytes=0-1,4-5", "bytes=0-1, 0-1", "bytes=0-1,x", "seconds=1-2",
        "byte=1-2"}) {
    CAPTURE(field);
    CHECK(read_range(field, 1000) == whole);
  }
}

}  // namespace http
