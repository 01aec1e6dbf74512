#include "relay/server/worker_server.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace server {
namespace {

constexpr std::chrono::milliseconds tick{250};
// Each is answered or closed: about 10 µs.
constexpr std::size_t time_outs_per_turn = 32;

bool is_of_recording(http::RouteKind kind) noexcept {
  return kind == http::RouteKind::clip || kind == http::RouteKind::timeline;
}

void add_input(control::WorkerReport& report, const session::PublisherCounts& counts) {
  report.bytes_in += counts.bytes;
  report.chunks_in += counts.chunks;
  report.pieces_dropped += counts.chunks_dropped;
  report.bytes_dropped += counts.bytes_dropped;
  report.input_faults.add(counts.faults);
  report.wire_repeats += counts.wire.repeats;
  report.wire_gaps += counts.wire.gaps;
  report.wire_checksum_errors += counts.wire.checksum_errors;
  report.wire_unknown += counts.wire.unknown;
}

}  // namespace

WorkerServer::WorkerServer(loop::Worker& worker, Shared& shared)
    : worker_(worker),
      shared_(shared),
      pool_(shared.arena),
      table_(worker.index(), pool_, fanout_, shared.directory, *this),
      relief_(worker.index(), pool_, *this),
      random_(std::random_device{}()),
      turn_end_(worker, loop::bind<&WorkerServer::on_turn_end>(this)),
      flush_timer_(worker, loop::bind<&WorkerServer::on_flush_due>(this)),
      past_timer_(worker, loop::bind<&WorkerServer::on_flush_due>(this)),
      tick_timer_(worker, loop::bind<&WorkerServer::on_tick>(this)),
      drain_timer_(worker, loop::bind<&WorkerServer::tell_due_viewers>(this)),
      keep_timer_(worker, loop::bind<&WorkerServer::keep_streams>(this)),
      usage_timer_(worker, loop::bind<&WorkerServer::save_usage>(this)),
      access_(shared.log, shared.config.log_access),
      meter_(shared.usage),
      wire_sessions_(shared.sessions) {
  tick_timer_.wake_every(tick);
  begin_usage();
  begin_hooks();
  if (shared.store != nullptr) {
    past_ = std::make_unique<disk::PastTable>(worker, *shared.store, pool_, past_fanout_, *this);
  }
  if (shared.state != nullptr) {
    keeper_ = std::make_unique<state::StreamKeeper>(*shared.state);
    keep_timer_.wake_every(
        std::chrono::ceil<std::chrono::milliseconds>(shared.config.state.commit_interval));
  }
  if (worker.index() == 0 && shared.state != nullptr) {
    committer_ = std::make_unique<state::Committer>(worker, *shared.state,
                                                    shared.config.state.commit_interval);
  }
  if (worker.index() == 0 && shared.store != nullptr) {
    recordings_ = std::make_unique<Recordings>(worker, *shared.store, shared.config);
  }
  if (shared.clips != nullptr) {
    recording_requests_ = std::make_unique<RecordingRequests>(worker, pool_, *shared.clips,
                                                              shared.config, shared.log, *this);
  }
}

WorkerServer::~WorkerServer() {
  // Sessions first: they read streams, and streams hold windows of the pool.
  connections_.clear();
  wire_connections_.clear();
  viewers_.clear();
  publishers_.clear();
}

void WorkerServer::listen(int http_socket, int admin_socket) {
  http_listener_ = std::make_unique<loop::Listener>(worker_, http_socket, *this);
  if (admin_socket >= 0) {
    admin_listener_ = std::make_unique<loop::Listener>(worker_, admin_socket, *this);
  }
}

void WorkerServer::on_request(session::HttpConnection& connection,
                              http::RequestHead head) noexcept {
  ++counts_.requests;
  if (!identify(connection, head)) return;
  http::Route route = http::route(head);
  // At the limit the process still works, and whoever asks just that must not be told otherwise.
  if (beyond_limit_.contains(connection.id()) && route.kind != http::RouteKind::healthz) {
    return refuse(connection, 503, "http.connections is reached: try again later",
                  {{"Retry-After", "5"}});
  }
  if (route.kind != http::RouteKind::media && route.kind != http::RouteKind::wire &&
      !is_of_recording(route.kind)) {
    return serve_status(connection, head, route);
  }
  if (connection.port() == session::Port::admin) {
    return refuse(connection, 404, "media is served on the public address");
  }
  if (is_of_recording(route.kind)) {
    return serve_recording(connection, std::move(head), std::move(route));
  }
  if (route.kind == http::RouteKind::wire) return serve_upgrade(connection, head, route);
  if (head.method == http::Method::put || head.method == http::Method::post) {
    return serve_publisher(connection, std::move(head), std::move(route));
  }
  serve_viewer(connection, {std::move(head), std::move(route), std::nullopt, false, std::nullopt});
}

void WorkerServer::serve_recording(session::HttpConnection& connection, http::RequestHead head,
                                   http::Route route) noexcept {
  if (!recording_requests_) return refuse(connection, 404, "nothing is recorded here");
  recording_requests_->serve(connection, std::move(head), std::move(route));
}

session::HttpConnection* WorkerServer::find_waiting(std::uint64_t connection) noexcept {
  const auto found = connections_.find(connection);
  if (found == connections_.end() || !found->second->is_waiting()) return nullptr;
  return found->second.get();
}

void WorkerServer::refuse_request(session::HttpConnection& connection, unsigned status,
                                  std::string_view reason,
                                  RecordingRequests::Fields fields) noexcept {
  refuse(connection, status, reason, std::move(fields));
}

bool WorkerServer::is_leaving() const noexcept {
  return shared_.draining.load(std::memory_order_relaxed);
}

void WorkerServer::refuse_in_drain(session::HttpConnection& connection) noexcept {
  refuse_drained(connection);
}

void WorkerServer::on_response_over() noexcept {
  has_response_over_ = true;
  turn_end_.keep_turning(true);
}

// The socket of a response stays counted for the connection that goes on with it.
void WorkerServer::take_back(std::unique_ptr<loop::Tcp> tcp, std::string received) noexcept {
  if (!tcp || drain_ != Drain::none) {
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  add_connection(session::Port::http, std::move(tcp), std::move(received)).start();
}

void WorkerServer::refuse(session::HttpConnection& connection, unsigned status,
                          std::string_view reason,
                          std::vector<std::pair<std::string, std::string>> fields) noexcept {
  on_refused(connection, status, reason);
  answer(connection, status, reason, std::move(fields));
}

void WorkerServer::on_refused(session::HttpConnection& connection, unsigned status,
                              std::string_view reason) noexcept {
  // What never became a request has no proxy's word for whose it is.
  if (access_.find(connection.id()) == nullptr) identify(connection, {});
  counts_.count_refusal(status);
  if (!refusal_lines_.take(base::monotonic_now())) return;
  shared_.log.info("request refused", {{"peer", connection.peer()},
                                       {"status", status},
                                       {"reason", reason},
                                       {"request_id", connection.request_id()}});
}

void WorkerServer::answer(session::HttpConnection& connection, unsigned status,
                          std::string_view reason,
                          std::vector<std::pair<std::string, std::string>> fields) noexcept {
  fields.emplace_back("Content-Type", "text/plain");
  fields.emplace_back("Cache-Control", "no-store");
  fields.emplace_back("Access-Control-Allow-Origin", "*");
  // Who sends what no proper client sends is not listened to any longer.
  const bool close = status == 400 || status == 405;
  connection.respond({status, std::move(fields)}, std::string(reason) + "\n", close);
}

void WorkerServer::on_closed(session::HttpConnection& connection) noexcept {
  ended_.push_back(connection.id());
}

void WorkerServer::on_turn_end() noexcept {
  const stream::Fanout::Next next = fanout_.run(base::monotonic_now());
  table_.update_replicas();
  if (table_.is_ending()) table_.end_finished(base::monotonic_now());
  if (is_timing_out_) time_out_connections(base::monotonic_now());
  const bool is_more_past = past_ && run_past(base::monotonic_now());
  if (is_forgetting_sessions_) {
    is_forgetting_sessions_ = shared_.sessions.forget_ended(Moment::now());
  }
  if (!to_keep_.empty()) keep_next_streams();
  turn_end_.keep_turning(next.now || is_more_past || table_.is_ending() || is_timing_out_ ||
                         is_forgetting_sessions_ || !to_keep_.empty());
  flush_timer_.wake_at(next.later);
  if (!over_.empty()) end_over_streams();
  if (!beginning_.empty()) serve_begun();
  if (!ended_.empty() || std::exchange(has_response_over_, false)) sweep();
  if (has_finished_recorders_) sweep_recorders();
  if (is_starting_sources_) supervise_sources(base::monotonic_now());
  if (hooks_) run_hooks();
}

// The turn that woke up ends with a fan-out; without this its poll might wait first.
void WorkerServer::on_flush_due() noexcept { turn_end_.keep_turning(true); }

void WorkerServer::sweep() noexcept {
  if (recording_requests_) recording_requests_->sweep();
  for (session::HttpViewer* viewer : std::exchange(going_on_, {})) {
    if (drain_ != Drain::none) break;
    shared_.connections.fetch_add(1, std::memory_order_relaxed);  // for the viewer's, below
    add_connection(session::Port::http, viewer->take_tcp(), viewer->take_received()).start();
  }
  for (const std::uint64_t id : std::exchange(ended_, {})) {
    access_.end(id, 0, base::monotonic_now());  // of one that nothing was said of before
    if (viewers_.erase(id) > 0) {
      slow_viewers_.erase(id);  // not sooner: it is looked at until it is gone
      shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    } else if (const auto connection = connections_.find(id); connection != connections_.end()) {
      if (connection->second->port() == session::Port::admin) {
        --admin_connections_;
      } else if (beyond_limit_.erase(id) == 0 && connection->second->has_tcp()) {
        // One whose socket was taken goes on as something else and stays counted.
        shared_.connections.fetch_sub(1, std::memory_order_relaxed);
      }
      connections_.erase(connection);
    } else if (const auto wire = wire_connections_.find(id); wire != wire_connections_.end()) {
      if (wire->second->has_link()) shared_.connections.fetch_sub(1, std::memory_order_relaxed);
      wire_connections_.erase(wire);
    } else {
      publishers_.erase(id);
      meter_.forget(id);
    }
  }
  deliver_usage();
  if (drain_ == Drain::viewers && viewers_.empty()) on_no_viewers_left();
  if (drain_ == Drain::publishers && connections_.empty() && wire_connections_.empty() &&
      viewers_.empty() && publishers_.empty()) {
    on_no_sessions_left();
  }
  if (drain_ == Drain::recordings) sweep_recorders();
}

void WorkerServer::on_tick() noexcept {
  const base::Time now = base::monotonic_now();
  // Measured about as often as this is called; a saturated worker measures exactly 1 every time.
  fanout_.governor().on_measured(worker_.busy());
  time_out_connections(now);
  time_out_waiting(now);
  for (const auto& [id, publisher] : publishers_) {
    meter(*publisher);
    publisher->on_time(now);
  }
  wire_sessions_.check(Moment::now());
  is_forgetting_sessions_ = worker_.index() == 0;
  supervise_sources(now);
  end_abandoned_streams(now);
  table_.end_finished(now);
  if (const std::uint64_t count = refusal_lines_.report_left_out(now)) {
    shared_.log.info("requests refused without a line each", {{"count", count}});
  }
  report_left_out_lines(now);
  find_audiences();
  relief_.on_time(now);
  if (++ticks_ % 4 == 0) {
    // It may end, which takes it from no list before the end of the turn.
    for (auto& [id, one] : viewers_) {
      find_slow_viewer(*one.viewer);
      meter(one, now);
      one.viewer->on_time(now);
    }
    if (recording_requests_) recording_requests_->on_time(now);
    forget_waiting();
    table_.drop_unused();
  }
  deliver_usage();
  turn_end_.keep_turning(true);  // whatever was ended here is swept in this turn
}

// Connections that came together and say nothing are timed out in the same moment, by thousands.
void WorkerServer::time_out_connections(base::Time now) noexcept {
  std::size_t left = time_outs_per_turn;
  for (const auto& [id, connection] : connections_) {
    if (connection->on_time(now) && --left == 0) break;
  }
  for (const auto& [id, connection] : wire_connections_) {
    if (left == 0 || (connection->on_time(now) && --left == 0)) break;
  }
  is_timing_out_ = left == 0;
}

void WorkerServer::end_abandoned_streams(base::Time now) noexcept {
  std::vector<std::string> abandoned;
  for (const auto& [path, home] : table_.homes()) {
    if (home->publisher) continue;
    if (now - home->free_since >= home->stream().policy().publisher.grace)
      abandoned.push_back(path);
  }
  for (const std::string& path : abandoned) end_stream(path);
}

void WorkerServer::end_stream(const std::string& path) noexcept {
  shared_.log.info("stream ended", {{"stream", path}});
  end_home(path);
  forget_incumbent(path);
  serve_waiting(path);
}

void WorkerServer::on_viewer_end(session::HttpViewer& viewer, session::ViewerEnd end) noexcept {
  moving_.erase(viewer.id());
  count_viewer_end(viewer, end);
  if (viewer.can_go_on()) going_on_.push_back(&viewer);
  ended_.push_back(viewer.id());
}

void WorkerServer::count_viewer_end(const session::Viewer& viewer,
                                    session::ViewerEnd end) noexcept {
  ++counts_.viewer_ends[static_cast<std::size_t>(end)];
  meter(viewers_.at(viewer.id()), base::monotonic_now());
  access_.end(viewer.id(), viewer.bytes(), base::monotonic_now());
  if (end == session::ViewerEnd::pinned) count(stream::PressureStep::pinned);
  find_slow_viewer_end(viewer, end);
  shared_.log.info("viewer ended",
                   {{"stream", viewer.path()},
                    {"peer", viewer.peer()},
                    {"bytes", viewer.bytes()},
                    {"seconds", base::to_seconds(base::monotonic_now() - viewer.started())},
                    {"lag", base::to_seconds(viewer.lag())},
                    {"skips", viewer.cursor().skips()},
                    {"protocol", viewer.protocol()},
                    {"reason", name_of(end)}});
}

void WorkerServer::count_publisher_end(session::Publisher& publisher, session::PublisherEnd end,
                                       const std::string& reason) noexcept {
  stream::Home& home = publisher.home();
  const base::Time now = base::monotonic_now();
  home.publisher.reset();
  home.free_since = now;
  home.stream().set_lost(end != session::PublisherEnd::finished);
  ++counts_.publisher_ends[static_cast<std::size_t>(end)];
  const session::PublisherCounts counts = publisher.counts();
  add_input(counts_, counts);
  meter(publisher);
  access_.set_received(publisher.id(), counts.bytes);
  shared_.log.info("publisher ended", {{"stream", home.stream().path()},
                                       {"peer", publisher.peer()},
                                       {"bytes", counts.bytes},
                                       {"chunks", counts.chunks},
                                       {"seconds", base::to_seconds(now - publisher.started())},
                                       {"protocol", publisher.protocol()},
                                       {"reason", name_of(end)},
                                       {"detail", reason}});
  tell_unpublished(publisher, home.stream().path(), end);
  ended_.push_back(publisher.id());
}

control::WorkerReport WorkerServer::report() {
  control::WorkerReport report = counts_;
  report.worker = worker_.index();
  report.fanout = fanout_.counters();
  report.fanout.add_sent(past_fanout_.counters());
  if (past_) report.past.add(past_->counters());
  report.flush_interval = fanout_.governor().interval();
  report.loop_lag = worker_.lag();
  report.busy = worker_.busy();
  report.draining = shared_.draining.load(std::memory_order_relaxed);
  report.connections = connections_.size() + wire_connections_.size();
  report.blocks_ready = pool_.ready_count();
  for (const auto& [path, viewers] : waiting_) report.viewers_waiting += viewers.size();
  for (const auto& [id, viewer] : wire_viewers_) report.viewers_waiting += viewer->is_waiting();
  report.wire_viewers = wire_viewers_.size();
  report.publishers = publishers_.size();
  for (const auto& [path, source] : sources_) report.sources_running += source.publisher ? 1 : 0;
  if (hooks_) {
    report.hooks_running = hooks_->running();
    report.hooks_waiting = hooks_->waiting();
  }
  for (const auto& [id, publisher] : publishers_) {
    add_input(report, publisher->counts());
  }
  for (const auto& [id, one] : viewers_) report.bytes_pinned += one.viewer->pinned_bytes();
  if (recording_requests_) recording_requests_->report(report.past);
  const base::Time now = base::monotonic_now();
  table_.for_each_stream([&](stream::Stream& stream) {
    control::StreamReport& out = report.streams.emplace_back();
    out.path = stream.path();
    out.viewers = static_cast<std::uint32_t>(stream.viewers());
    out.lag_max = stream::to_duration(stream.lag_max());
    out.tail_bytes = stream.log().bytes();
    stream::Home* home = table_.home(stream.path());
    if (home == nullptr) return;
    auto& at_home = out.home.emplace(control::StreamReport::Home{});
    at_home.epoch = home->epoch();
    at_home.tracks = home->tracks();
    at_home.tail_length = stream::to_duration(stream.log().length());
    at_home.first_sequence = stream.log().first();
    at_home.next_sequence = stream.log().end();
    if (const auto recorder = recorders_.find(stream.path()); recorder != recorders_.end()) {
      at_home.recording = recorder->second->status();
    }
    if (!home->publisher) return;
    const session::Publisher& publisher = *publishers_.at(*home->publisher);
    at_home.publisher = {now - publisher.started(), now - publisher.last_byte(),
                         publisher.counts().bytes, publisher.protocol()};
    const auto tracks = publisher.tracks();
    at_home.tracks.assign(tracks.begin(), tracks.end());
  });
  return report;
}

}  // namespace server
