#pragma once

#include <optional>
#include <span>
#include <string>

#include "relay/control/report.hpp"

namespace control {

/// The body of GET /metrics, in Prometheus' text format. Without a store, of recordings or of
/// state, there is nothing about it.
std::string metrics_text(std::span<const WorkerReport> workers, const ArenaReport& arena,
                         const std::optional<StoreReport>& store,
                         const std::optional<StateReport>& state);

}  // namespace control
