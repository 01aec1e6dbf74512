#include "relay/server/child_environment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

TEST_CASE("a child inherits everything but what configures the relay") {
  setenv("SPANCAST_ADMIN_TOKEN", "secret", 1);
  setenv("CHILD_TEST", "kept", 1);
  const auto environment = server::child_environment({"SPANCAST_STREAM=live/cam"});
  CHECK(std::ranges::count(environment, "CHILD_TEST=kept") == 1);
  CHECK(std::ranges::count(environment, "SPANCAST_STREAM=live/cam") == 1);
  CHECK(std::ranges::count_if(environment, [](const std::string& entry) {
          return entry.starts_with("SPANCAST_");
        }) == 1);
  unsetenv("SPANCAST_ADMIN_TOKEN");
  unsetenv("CHILD_TEST");
}
