#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "relay/base/line_budget.hpp"
#include "relay/base/time.hpp"
#include "relay/control/config.hpp"
#include "relay/loop/process.hpp"
#include "relay/server/backoff.hpp"

namespace server {

/// A configured source on the worker that runs it: the publisher of its present run, and when the
/// next one begins. A plain value of that worker.
struct Source {
  const control::SourceConfig& config;
  std::optional<std::uint64_t> publisher{};  ///< of the present run
  std::optional<base::Time> restart_at{};    ///< it ended, and waits
  Backoff backoff{};
  base::LineBudget lines{};  ///< of its standard error
  /// On demand: until when somebody waits for it, and when somebody watched it last.
  base::Time wanted_until{};
  base::Time watched_last{};
};

/// What is run for a source. The URL of an RTSP source goes to ffmpeg's standard input, so that its
/// credentials are not in the list of processes.
loop::Process::Command command_of(const control::SourceConfig& config, const std::string& path);

}  // namespace server
