#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "relay/base/logging.hpp"
#include "relay/base/time.hpp"
#include "relay/control/access.hpp"
#include "relay/control/path_pattern.hpp"
#include "relay/disk/policy.hpp"
#include "relay/media/container.hpp"
#include "relay/sqlite/database.hpp"
#include "relay/stream/policy.hpp"

namespace control {

enum class ProxyProtocol { off, required };

struct HttpConfig {
  std::string address;
  std::uint16_t port = 0;  ///< 0: any free one
  base::Duration header_timeout{};
  std::uint32_t connections = 0;  ///< resolved, at least 1
  ProxyProtocol proxy_protocol = ProxyProtocol::off;
  AddressRanges trusted_proxies;  ///< not empty where the protocol is required
};

struct AdminConfig {
  std::string address;
  std::uint16_t port = 0;
  std::string token;  ///< never empty unless the address is a loopback one
};

/// After the signal: `delay`, then `spread`; both fit into three quarters of `deadline`.
struct DrainConfig {
  base::Duration delay{};
  base::Duration spread{};
  base::Duration deadline{};
};

/// A stream that comes from a child process.
struct SourceConfig {
  std::string url;                ///< empty: `exec` writes it
  std::vector<std::string> exec;  ///< the program first
  bool on_demand = false;
  base::Duration start_timeout{};
  base::Duration close_after{};
  base::Duration kill_after{};
  base::Duration stall{};                     ///< 0: it may be silent
  std::optional<media::Container> container;  ///< nothing: the first bytes tell
  /// Which source of the configuration it is. It runs on that worker, counted around: the same at
  /// every start, and no worker has two more than another.
  unsigned number = 0;
};

/// Programs and arguments; empty: none.
struct HooksConfig {
  std::vector<std::string> on_publish;
  std::vector<std::string> on_unpublish;
  std::vector<std::string> on_first_viewer;
  std::vector<std::string> on_last_viewer;
  std::vector<std::string> on_slow_viewer;
  base::Duration timeout{};
};

/// What holds for one stream path.
struct PathConfig {
  stream::PathPolicy policy;
  AddressRanges publisher_allow;
  std::optional<SourceConfig> source;
  HooksConfig hooks;
  disk::RecordingPolicy recording;
};

/// What holds for all recordings together.
struct RecordingConfig {
  std::filesystem::path root;       ///< empty: there are none, and no stream is recorded
  std::uint64_t backlog_bytes = 0;  ///< resolved
};

/// What outlives the process.
struct StateConfig {
  std::filesystem::path path;  ///< empty: nothing does
  base::Duration commit_interval{};
  sqlite::Database::Synchronous synchronous = sqlite::Database::Synchronous::normal;
};

struct ClusterConfig {
  std::string secret;           ///< empty: the relay has its own
  std::string secret_previous;  ///< empty: there is no rotation
};

/// Everything that was configured, checked and resolved: zeros that stand for "choose" are
/// replaced.
struct Config {
  HttpConfig http;
  AdminConfig admin;
  std::uint32_t workers = 0;
  std::uint32_t blocking_threads = 0;
  std::uint64_t arena_bytes = 0;
  std::uint64_t block_bytes = 0;
  std::uint64_t memory_limit = 0;  ///< bytes that the container may use; 0: no limit
  std::uint32_t streams_max = 0;
  std::uint32_t hooks_concurrent = 0;
  RecordingConfig recording;
  StateConfig state;
  base::Duration clip_max{};
  base::Duration session_ttl{};
  base::Duration token_lifetime{};
  ClusterConfig cluster;
  DrainConfig drain;
  base::LogLevel log_level{};
  base::LogFormat log_format{};
  base::LogOutput log_output{};
  bool log_access = false;
  PathConfig defaults;
  std::vector<std::pair<PathPattern, PathConfig>> paths;  ///< each complete, in the file's order

  /// The arena leaves less than half of the container's memory for everything else: sockets'
  /// buffers, sessions, and files that are written count, too.
  bool is_arena_too_large() const noexcept {
    return memory_limit != 0 && arena_bytes > memory_limit / 2;
  }
  /// Of the first pattern that matches, else the defaults.
  const PathConfig& for_path(std::string_view path) const;
};

struct LoadedConfig {
  Config config;
  std::vector<std::string> warnings;  ///< one line each
};

/// Why the relay cannot start, in one line that names file, line and key, or the variable. Thrown
/// during start-up only.
class ConfigError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The variables of an environment, names and values; only those named SPANCAST_… are looked at.
using Environment = std::span<const std::pair<std::string, std::string>>;

/// What a zero in the configuration is resolved from.
struct Machine {
  std::uint32_t cpus = 1;             ///< that this process may use
  std::uint64_t descriptors_max = 0;  ///< hard limit of open descriptors
  std::uint64_t memory_limit = 0;     ///< bytes that the container may use; 0: no limit
};
Machine this_machine();

/// The defaults, under the file's values, under the environment's. Throws ConfigError.
LoadedConfig load_config(const std::optional<std::filesystem::path>& file, Environment environment,
                         const Machine& machine = this_machine());
/// The same for the text of a file, which is called `name` in messages.
LoadedConfig load_config_text(std::string_view name, std::string_view text, Environment environment,
                              const Machine& machine);

enum class Secrets { hidden, shown };

/// A complete YAML file: every key with its documentation and the value that holds now. Read back
/// it gives the same configuration, but for secrets when they are hidden. Throws as load_config
/// does.
std::string print_config(const std::optional<std::filesystem::path>& file, Environment environment,
                         Secrets secrets, const Machine& machine = this_machine());
std::string print_config_text(std::string_view name, std::string_view text, Environment environment,
                              Secrets secrets, const Machine& machine);

/// The configuration reference in the root README, between `<!-- config -->` and `<!-- /config
/// -->`.
std::string config_reference_markdown();

}  // namespace control
