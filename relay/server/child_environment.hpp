#pragma once

#include <string>
#include <vector>

namespace server {

/// The environment of a child process: ours without every variable that configures the relay, which
/// may be a secret, and with `more` (NAME=VALUE). Nothing changes ours while the loops run.
std::vector<std::string> child_environment(std::vector<std::string> more);

}  // namespace server
