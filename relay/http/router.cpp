#include "relay/http/router.hpp"

#include <utility>

#include "relay/http/stream_path.hpp"
#include "relay/http/upgrade.hpp"

namespace http {
namespace {

constexpr const char* media_methods = "GET, HEAD, PUT, POST, OPTIONS";
constexpr const char* endpoint_methods = "GET, HEAD, OPTIONS";
constexpr const char* revocations_methods = "GET, HEAD, POST, OPTIONS";

Route refuse(unsigned status, std::string reason, std::string allow = {}) {
  Route refused;
  refused.kind = RouteKind::error;
  refused.status = status;
  refused.reason = std::move(reason);
  refused.allow = std::move(allow);
  return refused;
}

Route refuse_method(const char* allow) {
  return refuse(405, std::string("only these methods are possible here: ") + allow, allow);
}

Route to_kind(RouteKind kind, const char* allow = "") {
  Route route;
  route.kind = kind;
  route.allow = allow;
  return route;
}

std::optional<RouteKind> find_endpoint(std::string_view path) {
  if (path == "/healthz") return RouteKind::healthz;
  if (path == "/readyz") return RouteKind::readyz;
  if (path == "/metrics") return RouteKind::metrics;
  if (path == "/api/v1/streams") return RouteKind::streams_api;
  if (path == "/api/v1/sessions") return RouteKind::sessions_api;
  if (path == "/api/v1/revocations") return RouteKind::revocations_api;
  if (path == "/api/v1/usage") return RouteKind::usage_api;
  return std::nullopt;
}

// What is served of a stream's recording, whose name is cut off.
std::optional<RouteKind> take_recording(std::string_view& path) {
  for (const auto& [name, kind] : {std::pair{std::string_view("/clip.mp4"), RouteKind::clip},
                                   {"/timeline.json", RouteKind::timeline}}) {
    if (!path.ends_with(name)) continue;
    path.remove_suffix(name.size());
    return kind;
  }
  return std::nullopt;
}

// Cuts a known extension off.
std::optional<media::Container> take_extension(std::string_view& path) {
  for (const auto& [extension, container] :
       {std::pair{std::string_view(".ts"), media::Container::mpegts},
        {".mp4", media::Container::fmp4}}) {
    if (!path.ends_with(extension)) continue;
    path.remove_suffix(extension.size());
    return container;
  }
  return std::nullopt;
}

bool is_write(Method method) { return method == Method::put || method == Method::post; }
bool is_served(Method method) { return method != Method::other && method != Method::delete_; }

Route route_endpoint(const RequestHead& head, RouteKind kind) {
  if (!is_served(head.method) || is_write(head.method)) {
    return refuse_method(endpoint_methods);
  }
  if (head.method == Method::options) return to_kind(RouteKind::options, endpoint_methods);
  return to_kind(kind);
}

Route route_tokens(const RequestHead& head, RouteKind kind, std::string_view query) {
  const bool may_post = kind == RouteKind::revocations_api;
  const bool revokes = may_post && head.method == Method::post;
  if (!is_served(head.method) || (is_write(head.method) && !revokes)) {
    return refuse_method(may_post ? revocations_methods : endpoint_methods);
  }
  if (head.method == Method::options) {
    return to_kind(RouteKind::options, may_post ? revocations_methods : endpoint_methods);
  }
  Route tokens = to_kind(revokes ? RouteKind::revoke : kind);
  if (auto refusal = read_query(query, tokens.token)) return refuse(400, std::move(*refusal));
  if (revokes && !tokens.token.id) return refuse(400, "id: which token is to be revoked");
  return tokens;
}

bool is_of_tokens(RouteKind kind) {
  return kind == RouteKind::sessions_api || kind == RouteKind::revocations_api;
}

Route route_usage(const RequestHead& head, std::string_view query) {
  Route usage = route_endpoint(head, RouteKind::usage_api);
  if (usage.kind != RouteKind::usage_api) return usage;
  if (auto refusal = read_query(query, usage.usage)) return refuse(400, std::move(*refusal));
  return usage;
}

Route route_stream(const RequestHead& head, std::string_view stream, media::Container container,
                   std::string_view query) {
  if (auto reserved = find_reserved(stream)) return refuse(400, std::move(*reserved));
  if (head.method == Method::options) return to_kind(RouteKind::options, media_methods);
  Route media = to_kind(RouteKind::media);
  if (auto refusal = read_query(query, media.query)) return refuse(400, std::move(*refusal));
  media.stream = stream;
  media.container = container;
  return media;
}

Route route_recording(const RequestHead& head, std::string_view stream, RouteKind kind,
                      std::string_view query) {
  if (auto flaw = find_flaw(stream)) return refuse(400, std::move(*flaw));
  if (auto reserved = find_reserved(stream)) return refuse(400, std::move(*reserved));
  Route recording = route_endpoint(head, kind);
  if (recording.kind != kind) return recording;
  if (auto refusal = read_query(query, recording.range)) return refuse(400, std::move(*refusal));
  recording.stream = stream;
  return recording;
}

// A stream over the wire: what is wanted is said in its messages, not in the query.
Route route_wire(std::string_view stream) {
  if (auto flaw = find_flaw(stream)) return refuse(400, std::move(*flaw));
  if (auto reserved = find_reserved(stream)) return refuse(400, std::move(*reserved));
  Route wire = to_kind(RouteKind::wire);
  wire.stream = stream;
  return wire;
}

}  // namespace

Route route(const RequestHead& head) {
  if (!head.target.starts_with('/')) {  // `*`, or the target of CONNECT
    if (head.method == Method::options) return to_kind(RouteKind::options, media_methods);
    return refuse_method(media_methods);
  }
  const std::string_view target = head.target;
  const std::size_t path_size = target.find('?');
  const auto query =
      path_size == std::string_view::npos ? std::string_view() : target.substr(path_size + 1);
  const auto path = decode_path(target.substr(0, path_size));
  if (!path) return refuse(400, "only unreserved characters may be percent-encoded in a path");
  if (const auto endpoint = find_endpoint(*path)) {
    if (*endpoint == RouteKind::usage_api) return route_usage(head, query);
    return is_of_tokens(*endpoint) ? route_tokens(head, *endpoint, query)
                                   : route_endpoint(head, *endpoint);
  }

  std::string_view stream = std::string_view(*path).substr(1);
  if (const auto kind = take_recording(stream)) return route_recording(head, stream, *kind, query);
  const auto container = take_extension(stream);
  if (!stream.empty() || container) {
    if (auto flaw = find_flaw(stream)) return refuse(400, std::move(*flaw));
  }
  if (!is_served(head.method)) {
    return refuse_method(container ? media_methods : endpoint_methods);
  }
  if (container) return route_stream(head, stream, *container, query);
  if (asks_for_websocket(head)) return route_wire(stream);
  if (is_write(head.method)) return refuse(415, "what is published here ends in .ts or .mp4");
  return refuse(404, "there is nothing here: a stream ends in .ts or .mp4");
}

}  // namespace http
