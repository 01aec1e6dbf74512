// Requests about the relay itself: health, the API, metrics.

#include <utility>

#include "relay/control/api.hpp"
#include "relay/control/metrics.hpp"
#include "relay/server/worker_server.hpp"

namespace server {
namespace {

// Takes as long whatever the first wrong byte is, so that a token cannot be found byte by byte.
bool equal_in_constant_time(std::string_view left, std::string_view right) noexcept {
  unsigned difference = left.size() == right.size() ? 0 : 1;
  for (std::size_t index = 0; index < left.size() && index < right.size(); ++index) {
    difference |= static_cast<unsigned>(left[index] ^ right[index]);
  }
  return difference == 0;
}

http::ResponseHead no_content_head() {
  return {204, {{"Cache-Control", "no-store"}, {"Access-Control-Allow-Origin", "*"}}};
}

http::ResponseHead options_head(const std::string& allow) {
  return {204,
          {{"Allow", allow},
           {"Access-Control-Allow-Origin", "*"},
           {"Access-Control-Allow-Methods", allow},
           {"Access-Control-Allow-Headers", "Authorization, Content-Type, Range"},
           {"Access-Control-Max-Age", "86400"}}};
}

}  // namespace

// What one request for reports of all workers has got so far. Changed on the asking worker only.
struct WorkerServer::Gathering {
  std::uint64_t connection;
  http::RouteKind kind;
  std::vector<control::WorkerReport> reports;
};

bool WorkerServer::is_admitted(const session::HttpConnection& connection,
                               const http::RequestHead& head) const noexcept {
  const std::string& token = shared_.config.admin.token;
  if (connection.port() != session::Port::admin || token.empty()) return true;
  return equal_in_constant_time(head.authorization, "Bearer " + token);
}

void WorkerServer::serve_status(session::HttpConnection& connection, const http::RequestHead& head,
                                const http::Route& route) noexcept {
  if (!is_admitted(connection, head)) {
    return refuse(connection, 401, "the admin address wants Authorization: Bearer and its token",
                  {{"WWW-Authenticate", "Bearer"}});
  }
  switch (route.kind) {
    case http::RouteKind::healthz:
      return connection.respond(http::fresh_head("text/plain"), "ok\n");
    case http::RouteKind::readyz:
      if (shared_.draining.load(std::memory_order_relaxed)) {
        return refuse(connection, 503, drain_reason);
      }
      return connection.respond(http::fresh_head("text/plain"), "ready\n");
    case http::RouteKind::metrics:
      if (connection.port() != session::Port::admin) {
        return refuse(connection, 404, "metrics are served on the admin address");
      }
      return gather_reports(connection.id(), route.kind);
    case http::RouteKind::usage_api:
      if (connection.port() != session::Port::admin) {
        return refuse(connection, 404, "usage is served on the admin address");
      }
      return serve_usage(connection, route.usage);
    case http::RouteKind::streams_api:
      return gather_reports(connection.id(), route.kind);
    case http::RouteKind::sessions_api:
    case http::RouteKind::revocations_api:
    case http::RouteKind::revoke:
      if (connection.port() != session::Port::admin) {
        return refuse(connection, 404, "sessions are told and ended on the admin address");
      }
      return serve_tokens(connection, route);
    case http::RouteKind::options:
      return connection.respond_head(options_head(route.allow));
    case http::RouteKind::media:
    case http::RouteKind::wire:
    case http::RouteKind::clip:
    case http::RouteKind::timeline:
    case http::RouteKind::error:
      if (route.allow.empty()) return refuse(connection, route.status, route.reason);
      return refuse(connection, route.status, route.reason, {{"Allow", route.allow}});
  }
}

void WorkerServer::serve_tokens(session::HttpConnection& connection,
                                const http::Route& route) noexcept {
  const auto parse = [](const std::optional<std::string>& text) {
    return text ? token::parse_id(*text) : std::nullopt;
  };
  if (route.kind == http::RouteKind::revoke) return revoke(connection, *parse(route.token.id));
  const auto after = parse(route.token.after);
  connection.respond(http::fresh_head("application/json"),
                     route.kind == http::RouteKind::sessions_api
                         ? control::sessions_json(shared_.sessions.list(after))
                         : control::revocations_json(shared_.sessions.revocations(after)));
}

void WorkerServer::revoke(session::HttpConnection& connection, const token::Id& id) noexcept {
  switch (shared_.sessions.revoke(id, Moment::now())) {
    case Sessions::Revoking::unknown:
      return refuse(connection, 404, "no session has a token with this id");
    case Sessions::Revoking::full:
      return refuse(connection, 409, "no more tokens can be revoked until others have expired");
    case Sessions::Revoking::done:
      break;
  }
  shared_.log.info("token revoked", {{"session", token::to_text(id)}, {"peer", connection.peer()}});
  for (WorkerServer* server : shared_.servers) {
    server->worker_.mailbox().post_action([server, id]() noexcept { server->end_revoked(id); });
  }
  connection.respond_head(no_content_head());
}

// Each worker answers for itself; the last answer completes the response.
void WorkerServer::gather_reports(std::uint64_t connection, http::RouteKind kind) noexcept {
  // Shared by the letters that are under way; only this worker opens what comes back.
  auto gathering = std::make_shared<Gathering>(Gathering{connection, kind, {}});
  for (WorkerServer* server : shared_.servers) {
    server->worker_.mailbox().post_action([this, server, gathering]() noexcept {
      worker_.mailbox().post_action(
          [this, gathering, report = server->report()]() mutable noexcept {
            gathering->reports.push_back(std::move(report));
            if (gathering->reports.size() == shared_.servers.size()) on_gathered(*gathering);
          });
    });
  }
}

void WorkerServer::on_gathered(const Gathering& gathering) noexcept {
  const auto connection = connections_.find(gathering.connection);
  if (connection == connections_.end() || !connection->second->is_waiting()) return;
  if (gathering.kind == http::RouteKind::streams_api) {
    return connection->second->respond(http::fresh_head("application/json"),
                                       control::streams_json(gathering.reports));
  }
  const control::ArenaReport arena{shared_.arena.block_bytes(), shared_.arena.block_count(),
                                   shared_.arena.free_count()};
  connection->second->respond(
      http::fresh_head("text/plain; version=0.0.4"),
      control::metrics_text(gathering.reports, arena, report_store(), report_state()));
}

}  // namespace server
