// The end of the process, as one worker does it.

#include <utility>

#include "relay/server/worker_server.hpp"

namespace server {
namespace {

// As long as a slice of the fan-out: a worker with thousands of viewers tells them in many turns.
constexpr base::Duration slice = stream::Fanout::slice;

}  // namespace

void WorkerServer::announce_drain() noexcept {
  for (const auto& [id, connection] : connections_) connection->end_after_response();
}

void WorkerServer::drain(base::Time begin) noexcept {
  drain_ = Drain::viewers;
  if (recordings_) recordings_->stop();
  for (const auto& [id, connection] : connections_) connection->drain();
  for (const auto& [id, connection] : wire_connections_) connection->drain(drain_bye());
  refuse_waiting();
  if (recording_requests_) recording_requests_->drain();
  refuse_asking();
  const std::size_t queued = close_listeners();
  shared_.log.info("listeners closed", {{"worker", worker_.index()},
                                        {"queued", queued},
                                        {"viewers", viewers_.size()},
                                        {"publishers", publishers_.size()}});
  std::vector<std::uint64_t> viewers;
  for (const auto& [id, viewer] : viewers_) viewers.push_back(id);
  drain_schedule_ = DrainSchedule(std::move(viewers), begin, shared_.config.drain.spread, random_);
  tell_due_viewers();
}

// Closing a listener resets the connections that nobody has accepted: those are served first.
std::size_t WorkerServer::close_listeners() noexcept {
  std::size_t queued = 0;
  for (auto* listener : {&http_listener_, &admin_listener_}) {
    if (!*listener) continue;
    queued += (*listener)->accept_queued();
    listener->reset();
  }
  return queued;
}

void WorkerServer::tell_due_viewers() noexcept {
  base::Time now = base::monotonic_now();
  const base::Time slice_end = now + slice;
  while (now < slice_end) {
    const auto id = drain_schedule_.take_due(now);
    if (!id) break;
    // Those that went by themselves are not there any more.
    if (const auto one = viewers_.find(*id); one != viewers_.end()) one->second.viewer->drain();
    now = base::monotonic_now();
  }
  drain_timer_.wake_at(drain_schedule_.next());
  turn_end_.keep_turning(true);  // whatever was ended here is swept in this turn
  if (!drain_schedule_.next()) on_no_viewers_left();
}

// Publishers go last: nothing they send while somebody watches is lost, here or on another worker.
void WorkerServer::on_no_viewers_left() noexcept {
  if (drain_ != Drain::viewers) return;
  drain_ = Drain::others;
  drain_schedule_ = {};
  drain_timer_.stop();
  if (shared_.workers_with_viewers.fetch_sub(1) > 1) return;
  shared_.log.info("viewers told");
  // Whoever handed a publisher over posted that before: it is there when this letter is opened.
  for (WorkerServer* server : shared_.servers) {
    server->worker_.mailbox().post_action([server]() noexcept { server->end_publishers(); });
  }
}

void WorkerServer::end_publishers() noexcept {
  if (drain_ == Drain::done) return;  // there was no time for it
  drain_ = Drain::publishers;
  tell_last_viewers();
  for (const auto& [id, publisher] : publishers_) {
    publisher->end(session::PublisherEnd::drain, std::string(drain_reason));
  }
  turn_end_.keep_turning(true);
  sweep();
}

void WorkerServer::on_no_sessions_left() noexcept {
  drain_ = Drain::recordings;
  keep_streams_last();
  if (shared_.workers_with_sessions.fetch_sub(1) > 1) return;
  for (WorkerServer* server : shared_.servers) {
    server->worker_.mailbox().post_action([server]() noexcept { server->end_recordings(); });
  }
}

// The loops end together: until then a worker may be asked for its report.
void WorkerServer::on_no_recordings_left() noexcept {
  drain_ = Drain::done;
  if (shared_.workers_recording.fetch_sub(1) > 1) return;
  WorkerServer* first = shared_.servers.front();
  first->worker_.mailbox().post_action([first]() noexcept { first->end_hooks(); });
}

void WorkerServer::stop_all() noexcept {
  for (WorkerServer* server : shared_.servers) {
    server->worker_.mailbox().post_action([server]() noexcept { server->worker_.stop(); });
  }
}

void WorkerServer::stop_now() noexcept {
  drain_ = Drain::done;
  keep_streams_last();
  if (recordings_) recordings_->stop();
  for (const auto& [id, one] : viewers_) one.viewer->cut_off(session::ViewerEnd::drain);
  if (recording_requests_) recording_requests_->cut_off();
  for (const auto& [id, publisher] : publishers_) {
    publisher->end(session::PublisherEnd::drain, std::string(drain_reason));
  }
  sweep();
  access_.end_all(base::monotonic_now());
  connections_.clear();
  wire_connections_.clear();
  worker_.stop();
}

}  // namespace server
