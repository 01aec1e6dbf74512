#include "relay/server/child_environment.hpp"

#include <unistd.h>

#include <string_view>
#include <utility>

namespace server {

std::vector<std::string> child_environment(std::vector<std::string> more) {
  std::vector<std::string> environment = std::move(more);
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("SPANCAST_")) environment.emplace_back(*entry);
  }
  return environment;
}

}  // namespace server
