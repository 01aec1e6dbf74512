#pragma once

#include <span>
#include <string>

#include "relay/control/report.hpp"
#include "relay/control/session_report.hpp"
#include "relay/disk/timeline.hpp"
#include "relay/usage/ledger.hpp"

namespace control {

/// The body of GET /api/v1/streams: `StreamList` of schemas/api.proto as JSON, streams by path.
std::string streams_json(std::span<const WorkerReport> workers);

/// The body of GET /<path>/timeline.json: `Timeline` of schemas/api.proto as JSON.
std::string timeline_json(const disk::Timeline& timeline);

/// The body of GET /api/v1/usage: `UsageList` of schemas/api.proto as JSON.
std::string usage_json(const usage::Page& page);

/// The bodies of GET /api/v1/sessions and of GET /api/v1/revocations: `SessionList` and
/// `RevocationList` of schemas/api.proto as JSON.
std::string sessions_json(const SessionPage& page);
std::string revocations_json(const RevocationPage& page);

}  // namespace control
