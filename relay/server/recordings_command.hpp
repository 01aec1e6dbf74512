#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/control/config.hpp"

namespace CLI {
class App;
}

namespace server {

/// `spancast recordings list | verify | reindex`: what there is in a folder of recordings, without
/// a relay or beside one. Owned by `main`, like the application that it is a part of.
class RecordingsCommand {
 public:
  explicit RecordingsCommand(CLI::App& app);

  /// Nothing: another command was given. Else the exit code. Throws std::exception.
  std::optional<int> run(const std::optional<std::filesystem::path>& config,
                         control::Environment environment) const;

 private:
  std::filesystem::path find_root(const std::optional<std::filesystem::path>& config,
                                  control::Environment environment) const;

  std::string root_;
  bool as_json_ = false;
  CLI::App* list_;  // of the application
  CLI::App* verify_;
  CLI::App* reindex_;
};

}  // namespace server
