#pragma once

#include <span>
#include <string>

#include "relay/control/report.hpp"
#include "relay/disk/timeline.hpp"

namespace control {

/// The body of GET /api/v1/streams: `StreamList` of schemas/api.proto as JSON, streams by path.
std::string streams_json(std::span<const WorkerReport> workers);

/// The body of GET /<path>/timeline.json: `Timeline` of schemas/api.proto as JSON.
std::string timeline_json(const disk::Timeline& timeline);

}  // namespace control
