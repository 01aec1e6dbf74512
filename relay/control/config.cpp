#include "relay/control/config.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "relay/base/assert.hpp"
#include "relay/base/units.hpp"
#include "relay/control/cgroup.hpp"
#include "relay/control/config_message.hpp"
#include "relay/control/usable_cpus.hpp"
#include "relay/http/stream_path.hpp"

namespace control {
namespace {

namespace proto = spancast::config;

// Descriptors that are no connections: the loops' own, listeners, files, and room to refuse a
// client.
constexpr std::uint64_t descriptors_reserved = 256;
constexpr std::uint64_t connections_limit = 10'000'000;
constexpr std::uint64_t arena_blocks_min = 64;
// What is guessed signs everything.
constexpr std::size_t secret_bytes_min = 16;

stream::SlowPolicy to_slow(proto::Viewer::Slow slow) {
  switch (slow) {
    case proto::Viewer::catch_up:
      return stream::SlowPolicy::catch_up;
    case proto::Viewer::disconnect:
      return stream::SlowPolicy::disconnect;
    default:
      return stream::SlowPolicy::skip;
  }
}

base::LogLevel to_level(proto::Log::Level level) {
  switch (level) {
    case proto::Log::trace:
      return base::LogLevel::trace;
    case proto::Log::debug:
      return base::LogLevel::debug;
    case proto::Log::warning:
      return base::LogLevel::warning;
    case proto::Log::error:
      return base::LogLevel::error;
    default:
      return base::LogLevel::info;
  }
}

stream::ViewerPolicy to_viewer(const proto::Viewer& viewer) {
  stream::ViewerPolicy policy;
  policy.slow = to_slow(viewer.slow());
  policy.max_lag = base::Duration(viewer.max_lag());
  policy.stall_timeout = base::Duration(viewer.stall_timeout());
  policy.unsent_bytes = viewer.unsent();
  // -1 is the word `auto`.
  if (viewer.flush_interval() >= 0) policy.flush_interval = base::Duration(viewer.flush_interval());
  return policy;
}

disk::Fsync to_fsync(proto::Fsync::When when) {
  switch (when) {
    case proto::Fsync::never:
      return disk::Fsync::never;
    case proto::Fsync::segment:
      return disk::Fsync::segment;
    default:
      return disk::Fsync::interval;
  }
}

/// `root` is that of all recordings.
disk::RecordingPolicy to_recording(const std::string& where, const proto::Recording& recording,
                                   const std::string& root) {
  if (recording.enabled() && root.empty()) {
    throw ConfigError(where + "recording.enabled is true: recording.root must be set");
  }
  disk::RecordingPolicy policy;
  policy.enabled = recording.enabled();
  policy.segment = base::Duration(recording.segment());
  policy.fsync = to_fsync(recording.fsync());
  policy.fsync_interval = base::Duration(recording.fsync_interval());
  policy.keep.age = base::Duration(recording.keep().age());
  policy.keep.bytes = recording.keep().bytes();
  policy.keep.free_bytes = recording.keep().free_bytes();
  return policy;
}

RecordingConfig to_recording(const proto::Recording& recording, std::uint64_t arena_bytes) {
  if (recording.backlog() > arena_bytes) {
    throw ConfigError("recording.backlog (" + base::format_size(recording.backlog()) +
                      ") is more than memory.arena (" + base::format_size(arena_bytes) + ")");
  }
  return {recording.root(), recording.backlog() != 0 ? recording.backlog() : arena_bytes / 4};
}

StateConfig to_state(const proto::State& state) {
  using Synchronous = sqlite::Database::Synchronous;
  const auto synchronous = state.synchronous() == proto::State::off    ? Synchronous::off
                           : state.synchronous() == proto::State::full ? Synchronous::full
                                                                       : Synchronous::normal;
  return {state.path(), base::Duration(state.commit_interval()), synchronous};
}

void check_secret(const char* key, const std::string& secret) {
  if (secret.empty() || secret.size() >= secret_bytes_min) return;
  throw ConfigError(std::string(key) + " is shorter than " + std::to_string(secret_bytes_min) +
                    " characters");
}

ClusterConfig to_cluster(const proto::Cluster& cluster) {
  check_secret("cluster.secret", cluster.secret());
  check_secret("cluster.secret_previous", cluster.secret_previous());
  if (!cluster.secret().empty() && cluster.secret() == cluster.secret_previous()) {
    throw ConfigError("cluster.secret and cluster.secret_previous are the same");
  }
  return {cluster.secret(), cluster.secret_previous()};
}

using Words = google::protobuf::RepeatedPtrField<std::string>;
AddressRanges to_ranges(const Words& words) {
  AddressRanges ranges;
  for (const std::string& range : words) RELAY_ASSERT(ranges.add(range).has_value());
  return ranges;
}

/// `where` is the prefix of the keys in messages: empty, or the rule under `paths`.
PathConfig to_path_config(const std::string& where, const proto::Stream& stream,
                          const proto::Publisher& publisher, const proto::Viewer& viewer,
                          std::uint64_t arena_bytes) {
  PathConfig config;
  config.policy.tail.length = base::Duration(stream.tail());
  config.policy.tail.bytes = stream.tail_bytes() != 0 ? stream.tail_bytes() : arena_bytes / 4;
  if (config.policy.tail.bytes > arena_bytes) {
    throw ConfigError(where + "stream.tail_bytes (" + base::format_size(stream.tail_bytes()) +
                      ") is more than memory.arena (" + base::format_size(arena_bytes) + ")");
  }
  config.policy.viewer = to_viewer(viewer);
  config.policy.publisher.grace = base::Duration(publisher.grace());
  config.policy.publisher.idle = base::Duration(publisher.idle());
  config.policy.publisher.ahead = base::Duration(publisher.ahead());
  config.publisher_allow = to_ranges(publisher.allow());
  return config;
}

std::vector<std::string> to_command(const Words& words) { return {words.begin(), words.end()}; }
/// A list of a rule replaces the general one.
std::vector<std::string> to_command(const Words& of_rule, const Words& in_general) {
  return to_command(of_rule.empty() ? in_general : of_rule);
}

HooksConfig to_hooks(const proto::Hooks& rule, const proto::Hooks& general) {
  HooksConfig hooks;
  hooks.on_publish = to_command(rule.on_publish(), general.on_publish());
  hooks.on_unpublish = to_command(rule.on_unpublish(), general.on_unpublish());
  hooks.on_first_viewer = to_command(rule.on_first_viewer(), general.on_first_viewer());
  hooks.on_last_viewer = to_command(rule.on_last_viewer(), general.on_last_viewer());
  hooks.on_slow_viewer = to_command(rule.on_slow_viewer(), general.on_slow_viewer());
  hooks.timeout = base::Duration(rule.has_timeout() ? rule.timeout() : general.timeout());
  return hooks;
}

std::optional<media::Container> to_container(proto::Source::Container container) {
  switch (container) {
    case proto::Source::ts:
      return media::Container::mpegts;
    case proto::Source::mp4:
      return media::Container::fmp4;
    default:
      return std::nullopt;
  }
}

/// Each source is one process and one stream.
void check_source_pattern(const std::string& where, const std::string& pattern) {
  if (pattern.find('*') != std::string::npos) {
    throw ConfigError(where +
                      " is one process and writes one stream: its pattern is the path of "
                      "that stream, without *");
  }
  auto flaw = http::find_flaw(pattern);
  if (!flaw) flaw = http::find_reserved(pattern);
  if (flaw) throw ConfigError(where + ": no stream can have this path: " + *flaw);
}

std::optional<SourceConfig> to_source(const proto::PathRule& rule, const proto::Config& config,
                                      unsigned number) {
  const bool has_url = !rule.source().url().empty();
  if (!has_url && rule.exec().empty()) return std::nullopt;
  const std::string where = "paths.\"" + rule.pattern() + "\".";
  if (has_url && !rule.exec().empty()) {
    throw ConfigError(where + "source and " + where + "exec: a stream has one source");
  }
  const std::string pattern = PathPattern::parse(rule.pattern())->text();
  check_source_pattern(where + (has_url ? "source" : "exec"), pattern);
  proto::Source merged = config.source();
  merged.MergeFrom(rule.source());
  SourceConfig source;
  source.url = merged.url();
  source.exec = to_command(rule.exec());
  source.on_demand = merged.on_demand();
  source.start_timeout = base::Duration(merged.start_timeout());
  source.close_after = base::Duration(merged.close_after());
  source.kill_after = base::Duration(merged.kill_after());
  source.stall = base::Duration(merged.stall());
  source.container = to_container(merged.container());
  source.number = number;
  return source;
}

PathConfig to_path_config(const proto::PathRule& rule, const proto::Config& config) {
  proto::Stream stream = config.stream();
  stream.MergeFrom(rule.stream());
  proto::Publisher publisher = config.publisher();
  // Merging appends to lists, but a list of a rule replaces the general one.
  if (rule.publisher().allow_size() > 0) publisher.clear_allow();
  publisher.MergeFrom(rule.publisher());
  proto::Viewer viewer = config.viewer();
  viewer.MergeFrom(rule.viewer());
  return to_path_config("paths.\"" + rule.pattern() + "\".", stream, publisher, viewer,
                        config.memory().arena());
}

std::uint32_t resolve_connections(std::uint32_t configured, const Machine& machine,
                                  std::vector<std::string>& warnings) {
  const std::uint64_t possible = machine.descriptors_max > descriptors_reserved
                                     ? machine.descriptors_max - descriptors_reserved
                                     : 1;
  if (configured == 0) {
    return static_cast<std::uint32_t>(std::min(possible, connections_limit));
  }
  if (configured > possible) {
    warnings.push_back("http.connections (" + std::to_string(configured) +
                       ") is more than the limit of open descriptors allows: about " +
                       std::to_string(possible));
  }
  return configured;
}

bool is_wildcard(const IpAddress& address) { return address.bytes() == IpAddress().bytes(); }

void check(const DrainConfig& drain) {
  // The rest is for what comes after them: publishers' responses, viewers that take their time.
  if (drain.delay + drain.spread <= drain.deadline / 4 * 3) return;
  throw ConfigError("drain.delay (" + base::format_duration(drain.delay) + ") and drain.spread (" +
                    base::format_duration(drain.spread) +
                    ") together are more than three quarters of drain.deadline (" +
                    base::format_duration(drain.deadline) + ")");
}

void check(const Config& config) {
  if (config.arena_bytes / config.block_bytes < arena_blocks_min) {
    throw ConfigError("memory.arena (" + base::format_size(config.arena_bytes) +
                      ") is less than 64 blocks of memory.block (" +
                      base::format_size(config.block_bytes) + ")");
  }
  const auto http = IpAddress::parse(config.http.address).value();
  const auto admin = IpAddress::parse(config.admin.address).value();
  if (config.admin.token.empty() && !admin.is_loopback()) {
    throw ConfigError("admin.address (" + config.admin.address +
                      ") is not a loopback address: admin.token must be set");
  }
  if (config.http.port != 0 && config.http.port == config.admin.port &&
      (http == admin || is_wildcard(http) || is_wildcard(admin))) {
    throw ConfigError("http.port and admin.port are the same: " + std::to_string(config.http.port));
  }
  if (config.http.proxy_protocol == ProxyProtocol::required &&
      config.http.trusted_proxies.is_empty()) {
    throw ConfigError(
        "http.proxy_protocol is required: http.trusted_proxies must say by whom, or nobody can "
        "connect");
  }
  check(config.drain);
}

void add_rules(const proto::Config& message, Config& config) {
  unsigned sources = 0;
  for (const proto::PathRule& rule : message.paths()) {
    auto& [pattern, path] = config.paths.emplace_back(PathPattern::parse(rule.pattern()).value(),
                                                      to_path_config(rule, message));
    path.hooks = to_hooks(rule.hooks(), message.hooks());
    proto::Recording recording = message.recording();
    recording.MergeFrom(rule.recording());
    path.recording = to_recording("paths.\"" + rule.pattern() + "\".", recording, recording.root());
    path.source = to_source(rule, message, sources);
    if (path.source) ++sources;
    // An earlier pattern that matches its path would hide it.
    if (path.source && &config.for_path(pattern.text()) != &path) {
      throw ConfigError("paths.\"" + rule.pattern() +
                        "\" has a source that never starts: a pattern before it matches, too");
    }
  }
}

}  // namespace

Machine this_machine() {
  Machine machine;
  machine.cpus = usable_cpus();
  machine.memory_limit = memory_limit_bytes("/").value_or(0);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) machine.descriptors_max = limit.rlim_max;
  return machine;
}

LoadedConfig load_config_text(std::string_view name, std::string_view text, Environment environment,
                              const Machine& machine) {
  ConfigMessage read = read_config(name, text, environment);
  const proto::Config& message = read.message;
  LoadedConfig loaded;
  loaded.warnings = std::move(read.warnings);
  Config& config = loaded.config;
  config.http.address = message.http().address();
  config.http.port = static_cast<std::uint16_t>(message.http().port());
  config.http.header_timeout = base::Duration(message.http().header_timeout());
  config.http.connections =
      resolve_connections(message.http().connections(), machine, loaded.warnings);
  config.http.proxy_protocol = message.http().proxy_protocol() == proto::Http::required
                                   ? ProxyProtocol::required
                                   : ProxyProtocol::off;
  config.http.trusted_proxies = to_ranges(message.http().trusted_proxies());
  config.admin.address = message.admin().address();
  config.admin.port = static_cast<std::uint16_t>(message.admin().port());
  config.admin.token = message.admin().token();
  config.workers = message.workers() != 0 ? message.workers() : std::max(1U, machine.cpus);
  config.blocking_threads = message.threads().blocking();
  config.arena_bytes = message.memory().arena();
  config.block_bytes = message.memory().block();
  config.memory_limit = machine.memory_limit;
  config.streams_max = message.stream().max();
  config.drain = {base::Duration(message.drain().delay()), base::Duration(message.drain().spread()),
                  base::Duration(message.drain().deadline())};
  config.log_level = to_level(message.log().level());
  config.log_format =
      message.log().format() == proto::Log::json ? base::LogFormat::json : base::LogFormat::text;
  config.log_access = message.log().access();
  config.log_output = message.log().output() == proto::Log::stdout
                          ? base::LogOutput::standard_output
                          : base::LogOutput::standard_error;
  check(config);
  config.defaults = to_path_config("", message.stream(), message.publisher(), message.viewer(),
                                   config.arena_bytes);
  config.defaults.hooks = to_hooks(message.hooks(), {});
  config.defaults.recording = to_recording("", message.recording(), message.recording().root());
  config.recording = to_recording(message.recording(), config.arena_bytes);
  config.state = to_state(message.state());
  config.clip_max = base::Duration(message.clip().max());
  config.session_ttl = base::Duration(message.session().ttl());
  config.token_lifetime = base::Duration(message.session().token_lifetime());
  config.cluster = to_cluster(message.cluster());
  config.hooks_concurrent = message.hooks().concurrent();
  add_rules(message, config);
  return loaded;
}

LoadedConfig load_config(const std::optional<std::filesystem::path>& file, Environment environment,
                         const Machine& machine) {
  const auto [name, text] = read_config_file(file);
  return load_config_text(name, text, environment, machine);
}

const PathConfig& Config::for_path(std::string_view path) const {
  const auto found = std::find_if(paths.begin(), paths.end(),
                                  [&](const auto& rule) { return rule.first.matches(path); });
  return found == paths.end() ? defaults : found->second;
}

}  // namespace control
