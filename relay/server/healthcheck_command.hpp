#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/control/config.hpp"

namespace CLI {
class App;
}

namespace server {

/// `spancast healthcheck`: asks a relay whether it is ready, as containers and supervisors want to
/// know it, without another program. Owned by `main`, like the application that it is a part of.
class HealthcheckCommand {
 public:
  explicit HealthcheckCommand(CLI::App& app);

  /// Nothing: another command was given. Else the exit code: 0 when it is ready, 1 when it is not
  /// or there was no answer in time; a sentence says so. Throws std::exception.
  std::optional<int> run(const std::optional<std::filesystem::path>& config,
                         control::Environment environment) const;

 private:
  std::string url_;
  std::string timeout_ = "3s";
  bool is_live_ = false;
  CLI::App* command_;  // of the application
};

}  // namespace server
