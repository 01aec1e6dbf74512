#pragma once

#include <string>

#include "relay/http/query.hpp"
#include "relay/http/request_head.hpp"
#include "relay/media/container.hpp"

namespace http {

enum class RouteKind {
  media,
  wire,
  clip,
  timeline,
  healthz,
  readyz,
  streams_api,
  sessions_api,
  revocations_api,
  revoke,
  usage_api,
  metrics,
  options,
  error
};

/// Where a request goes. `stream` is for media, the wire, clips and timelines, `container` and
/// `query` for media only, `range` for clips and timelines, `usage` for usage_api, `token` for
/// sessions and revocations, with an id to revoke; `status` and `reason` for errors; `allow` for
/// options and for 405.
struct Route {
  RouteKind kind = RouteKind::error;
  std::string stream;  ///< `live/cam` for /live/cam.ts
  media::Container container = media::Container::mpegts;
  MediaQuery query;
  RangeQuery range;
  TokenQuery token;
  UsageQuery usage;
  unsigned status = 0;
  std::string reason;  ///< one line
  std::string allow;
};

/// A pure function of method and target; it knows neither ports nor which streams there are.
Route route(const RequestHead& head);

}  // namespace http
