// What hooks are told, and publishers that wait for the answer of one.

#include <utility>

#include "relay/server/worker_server.hpp"

namespace server {

using control::Hook;
using control::HookEnd;
using control::HookEvent;

namespace {

HookEvent event_of(Hook hook, const std::string& path) {
  return {.hook = hook, .stream = path, .time = base::utc_now()};
}

constexpr std::string_view retry_after = "5";

bool has_viewer_hook(const control::HooksConfig& hooks) {
  return !hooks.on_first_viewer.empty() || !hooks.on_last_viewer.empty() ||
         !hooks.on_slow_viewer.empty();
}

}  // namespace

// The first worker runs them all: there they are counted.
void WorkerServer::tell_hook(HookEvent event, std::optional<HookRunner::Asker> asker) noexcept {
  const auto& hooks = shared_.config.for_path(event.stream).hooks;
  const auto& command = command_of(hooks, event.hook);
  if (command.empty()) return;
  WorkerServer* there = shared_.servers.front();
  there->worker_.mailbox().post_action(
      [there,
       job = HookRunner::Job{std::move(event), command, hooks.timeout, asker}]() mutable noexcept {
        there->hooks_->submit(std::move(job));
      });
}

void WorkerServer::on_hook_end(const HookRunner::Job& job,
                               const HookRunner::Outcome& outcome) noexcept {
  const HookEnd end = outcome.end;
  const auto hook = static_cast<std::size_t>(job.event.hook);
  ++counts_.hook_ends[hook][static_cast<std::size_t>(end)];
  if (hook_lines_.take(base::monotonic_now())) {
    shared_.log.write(end == HookEnd::good ? base::LogLevel::info : base::LogLevel::warning,
                      "hook ended",
                      {{"hook", name_of(job.event.hook)},
                       {"stream", job.event.stream},
                       {"program", job.command.front()},
                       {"seconds", base::to_seconds(base::utc_now() - job.event.time)},
                       {"result", name_of(end)},
                       {"exit", outcome.exit},
                       {"detail", outcome.detail}});
  }
  if (!job.asker) return;
  WorkerServer* there = shared_.servers[job.asker->worker];
  there->worker_.mailbox().post_action(
      [there, session = job.asker->session, end, said = outcome.reason()]() noexcept {
        there->on_hook_answer(session, end, said);
      });
}

// Nothing of its body is read before the answer.
void WorkerServer::ask_hook(session::HttpConnection& connection, http::RequestHead head,
                            http::Route route) noexcept {
  HookEvent event = event_of(Hook::on_publish, route.stream);
  event.protocol = "http";
  event.peer = connection.peer();
  event.user_agent = head.user_agent;
  connection.hold();
  asking_.emplace(connection.id(), Asking{std::move(head), std::move(route)});
  tell_hook(std::move(event), HookRunner::Asker{worker_.index(), connection.id()});
}

void WorkerServer::ask_hook(session::WireConnection& connection, wire::Hello hello) noexcept {
  HookEvent event = event_of(Hook::on_publish, connection.stream());
  event.protocol = "wire";
  event.peer = connection.peer();
  event.user_agent = connection.user_agent();
  connection.hold();
  wire_asking_.emplace(connection.id(), std::move(hello));
  tell_hook(std::move(event), HookRunner::Asker{worker_.index(), connection.id()});
}

void WorkerServer::on_hook_answer(std::uint64_t session, HookEnd end,
                                  const std::string& detail) noexcept {
  if (auto asking = asking_.extract(session); !asking.empty()) {
    const auto connection = connections_.find(session);
    if (connection == connections_.end() || !connection->second->is_waiting()) return;
    auto& [head, route] = asking.mapped();
    if (end == HookEnd::dropped) {
      return refuse(*connection->second, 503, detail, {{"Retry-After", std::string(retry_after)}});
    }
    if (end != HookEnd::good) return refuse(*connection->second, 403, detail);
    approved_.insert(session);
    return serve_publisher(*connection->second, std::move(head), std::move(route));
  }
  auto asking = wire_asking_.extract(session);
  const auto connection = wire_connections_.find(session);
  if (asking.empty() || connection == wire_connections_.end()) return;
  session::WireConnection& wire = *connection->second;
  if (!wire.has_link() || !wire.link().is_open()) return;
  wire.release();
  if (end == HookEnd::dropped) return wire.refuse({wire::ByeReason::overload, {}, detail});
  if (end != HookEnd::good) return wire.refuse({wire::ByeReason::not_allowed, {}, detail});
  approved_.insert(session);
  serve_wire_publisher(wire, std::move(asking.mapped()));
}

void WorkerServer::refuse_asking() noexcept {
  for (const auto& [id, asking] : std::exchange(asking_, {})) {
    const auto connection = connections_.find(id);
    if (connection == connections_.end() || !connection->second->is_waiting()) continue;
    refuse_drained(*connection->second);
  }
  wire_asking_.clear();
}

void WorkerServer::tell_source_published(const session::Publisher& publisher,
                                         const std::string& path) noexcept {
  HookEvent event = event_of(Hook::on_publish, path);
  event.protocol = publisher.protocol();
  event.peer = publisher.peer();
  tell_hook(std::move(event));
}

void WorkerServer::tell_unpublished(const session::Publisher& publisher, const std::string& path,
                                    session::PublisherEnd end) noexcept {
  HookEvent event = event_of(Hook::on_unpublish, path);
  event.protocol = publisher.protocol();
  event.peer = publisher.peer();
  event.reason = name_of(end);
  event.bytes = publisher.counts().bytes;
  event.seconds = base::to_seconds(base::monotonic_now() - publisher.started());
  tell_hook(std::move(event));
}

void WorkerServer::tell_slow(const session::Viewer& viewer, const char* reason) noexcept {
  if (!slow_viewers_.insert(viewer.id()).second) return;
  HookEvent event = event_of(Hook::on_slow_viewer, viewer.path());
  event.protocol = viewer.protocol();
  event.peer = viewer.peer();
  event.reason = reason;
  event.bytes = viewer.bytes();
  event.seconds = base::to_seconds(base::monotonic_now() - viewer.started());
  tell_hook(std::move(event));
}

void WorkerServer::begin_hooks() {
  const auto& config = shared_.config;
  has_viewer_hooks_ = has_viewer_hook(config.defaults.hooks);
  for (const auto& [pattern, path] : config.paths) {
    has_viewer_hooks_ = has_viewer_hooks_ || has_viewer_hook(path.hooks);
  }
  if (worker_.index() > 0) return;
  hooks_ = std::make_unique<HookRunner>(worker_, config.hooks_concurrent, *this);
}

void WorkerServer::find_slow_viewer(const session::Viewer& viewer) noexcept {
  if (has_viewer_hooks_ && viewer.cursor().skips() > 0) tell_slow(viewer, "skip");
}

void WorkerServer::find_slow_viewer_end(const session::Viewer& viewer,
                                        session::ViewerEnd end) noexcept {
  using session::ViewerEnd;
  if (!has_viewer_hooks_) return;
  if (end == ViewerEnd::slow || end == ViewerEnd::stalled || end == ViewerEnd::pinned) {
    tell_slow(viewer, name_of(end));
  } else {
    find_slow_viewer(viewer);
  }
}

// The home of a stream sees all its viewers: its own, and the other workers' replicas for theirs.
// Looked at from time to time, so that none of this is on the way of a byte.
void WorkerServer::find_audiences() noexcept {
  // In the end nobody watches any more, and all was told.
  if (!has_viewer_hooks_ || drain_ >= Drain::publishers) return;
  std::unordered_set<std::string> watched;
  for (const auto& [path, home] : table_.homes()) {
    if (home->stream().viewers() == 0 && !home->has_replicas()) continue;
    watched.insert(path);
    if (watched_.erase(path) == 0) tell_hook(event_of(Hook::on_first_viewer, path));
  }
  for (const std::string& path : watched_) tell_hook(event_of(Hook::on_last_viewer, path));
  watched_ = std::move(watched);
}

void WorkerServer::tell_last_viewers() noexcept {
  for (const std::string& path : std::exchange(watched_, {})) {
    tell_hook(event_of(Hook::on_last_viewer, path));
  }
}

// The last worker has no session left: what was told until now is still run.
void WorkerServer::end_hooks() noexcept {
  is_ending_hooks_ = true;
  turn_end_.keep_turning(true);
}

void WorkerServer::run_hooks() noexcept {
  if (hooks_->on_turn_end()) turn_end_.keep_turning(true);
  if (!is_ending_hooks_ || !hooks_->is_idle()) return;
  is_ending_hooks_ = false;
  stop_all();
}

}  // namespace server
