#include "relay/stream/end_reason.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

#include "relay/stream/cursor.hpp"

namespace stream {
namespace {

template <class Reason>
std::set<std::string> names(std::size_t count) {
  std::set<std::string> found;
  for (std::size_t index = 0; index < count; ++index) {
    found.insert(name_of(static_cast<Reason>(index)));
  }
  return found;
}

}  // namespace

TEST_CASE("every reason has a name of its own") {
  CHECK(names<ViewerEnd>(viewer_end_count).size() == viewer_end_count);
  CHECK(names<PublisherEnd>(publisher_end_count).size() == publisher_end_count);
  CHECK(names<SkipReason>(skip_reason_count).size() == skip_reason_count);
  CHECK_FALSE(names<ViewerEnd>(viewer_end_count).contains("unknown"));
  CHECK_FALSE(names<PublisherEnd>(publisher_end_count).contains("unknown"));
  CHECK_FALSE(names<SkipReason>(skip_reason_count).contains("unknown"));
}

}  // namespace stream
