#include "relay/state/delimited.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "relay/state/errc.hpp"
#include "relay/state/record.hpp"

namespace state {
namespace {

const Row row{{Kind::viewer, std::string("to\0ken", 6)}, "bytes", 77};

std::string written(std::size_t count) {
  std::ostringstream out;
  for (std::size_t number = 0; number < count; ++number) write_delimited(out, row, "damaged");
  return out.str();
}

}  // namespace

TEST_CASE("rows come back from a file as they were written") {
  std::istringstream in(written(3));
  DelimitedReader reader(in);
  for (int number = 0; number < 3; ++number) {
    const auto next = reader.next();
    REQUIRE((next && *next));
    CHECK((*next)->key == row.key);
    CHECK((*next)->record == row.record);
    CHECK((*next)->checksum == row.checksum);
  }
  const auto end = reader.next();
  REQUIRE(end.has_value());
  CHECK_FALSE(end->has_value());
}

TEST_CASE("a file that is cut inside a row is refused") {
  const std::string whole = written(2);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::istringstream in(whole.substr(0, length));
    DelimitedReader reader(in);
    std::size_t count = 0;
    auto next = reader.next();
    for (; next && *next; next = reader.next()) ++count;
    const bool is_between = length == 0 || length == whole.size() / 2;
    CHECK(count == (length >= whole.size() / 2 ? 1 : 0));
    CHECK(next.has_value() == is_between);
    if (!next) CHECK(next.error() == Errc::bad_export);
  }
}

TEST_CASE("a row without a kind or larger than a record may be is refused") {
  const auto error_of = [](const Row& wrong) {
    std::ostringstream out;
    write_delimited(out, wrong);
    std::istringstream in(out.str());
    return DelimitedReader(in).next().error();
  };
  CHECK(error_of({{}, "bytes", 1}) == Errc::bad_export);
  CHECK(error_of({{Kind::lease, std::string(key_bytes_max + 1, 'x')}, "", 1}) == Errc::too_large);
  CHECK(error_of({{Kind::lease, "x"}, std::string(record_bytes_max + 1, 'x'), 1}) ==
        Errc::too_large);
}

TEST_CASE("a length that no file has is refused") {
  std::istringstream in("\xff\xff\xff\xff\x07");
  CHECK(DelimitedReader(in).next().error() == Errc::bad_export);
}

}  // namespace state
