#pragma once

#include <span>
#include <string>

#include "relay/control/report.hpp"

namespace control {

/// The body of GET /metrics, in Prometheus' text format.
std::string metrics_text(std::span<const WorkerReport> workers, const ArenaReport& arena);

}  // namespace control
