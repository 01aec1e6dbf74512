#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "relay/control/config.hpp"

namespace CLI {
class App;
}

namespace server {

/// `spancast state dump | check | export | import`: what a relay has kept for its next start. Owned
/// by `main`, like the application that it is a part of.
class StateCommand {
 public:
  explicit StateCommand(CLI::App& app);

  /// Nothing: another command was given. Else the exit code. Throws std::exception.
  std::optional<int> run(const std::optional<std::filesystem::path>& config,
                         control::Environment environment) const;

 private:
  std::filesystem::path find_folder(const std::optional<std::filesystem::path>& config,
                                    control::Environment environment) const;
  void export_to_file(const std::filesystem::path& folder) const;
  void import_from_file(const std::filesystem::path& folder) const;

  std::string path_;
  std::string file_ = "-";
  bool show_secrets_ = false;
  CLI::App* dump_;  // of the application
  CLI::App* check_;
  CLI::App* export_;
  CLI::App* import_;
};

}  // namespace server
