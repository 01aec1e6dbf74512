#pragma once

#include <span>
#include <string>

#include "relay/control/report.hpp"

namespace control {

/// The body of GET /api/v1/streams: `StreamList` of schemas/api.proto as JSON, streams by path.
std::string streams_json(std::span<const WorkerReport> workers);

}  // namespace control
