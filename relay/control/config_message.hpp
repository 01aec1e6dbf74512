#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/control/config.hpp"
#include "schemas/config.pb.h"

/// Internal to the configuration: file and environment as one message of schemas/config.proto.
namespace control {

struct ConfigMessage {
  spancast::config::Config message;  ///< every scalar is set
  std::vector<std::string> warnings;
};

/// Each value by itself is checked here, what they mean together in load_config(). Throws
/// ConfigError.
ConfigMessage read_config(std::string_view name, std::string_view text, Environment environment);

/// A file's name as messages show it, and its text; both empty without a file. Throws ConfigError.
std::pair<std::string, std::string> read_config_file(
    const std::optional<std::filesystem::path>& file);

}  // namespace control
