// The Spancast wire: who may publish or watch over it, and where.

#include <algorithm>
#include <utility>

#include "relay/http/upgrade.hpp"
#include "relay/protocol/wire/admission.hpp"
#include "relay/protocol/wire/errc.hpp"
#include "relay/server/worker_server.hpp"

namespace server {
namespace {

using wire::ByeReason;

constexpr wire::Milliseconds retry_after_full{5000};

wire::Bye revoked_bye() { return {ByeReason::bad_token, {}, stream::token_revoked}; }

// What the query of a viewer over HTTP says is in Play.
http::MediaQuery query_of(const wire::Play& play) {
  http::MediaQuery query;
  switch (play.slow) {
    case wire::Slow::skip:
      query.slow = stream::SlowPolicy::skip;
      break;
    case wire::Slow::catch_up:
      query.slow = stream::SlowPolicy::catch_up;
      break;
    case wire::Slow::disconnect:
      query.slow = stream::SlowPolicy::disconnect;
      break;
    case wire::Slow::unspecified:
      break;
  }
  if (play.max_lag > wire::Milliseconds::zero()) query.max_lag = play.max_lag;
  if (play.flush) query.flush = std::min<base::Duration>(*play.flush, std::chrono::seconds(1));
  return query;
}

}  // namespace

void WorkerServer::serve_upgrade(session::HttpConnection& connection, const http::RequestHead& head,
                                 const http::Route& route) noexcept {
  if (drain_ != Drain::none) return refuse_drained(connection);
  http::UpgradeAnswer answer = http::answer_upgrade(head);
  if (!answer.is_accepted()) {
    return refuse(connection, answer.head.status, answer.reason, std::move(answer.head.fields));
  }
  answer.head.fields.emplace_back("X-Request-Id", connection.request_id());
  session::WireConnection::Request request{
      route.stream, head.user_agent, http::write_head(answer.head), connection.take_received()};
  const std::uint64_t id = next_id();
  access_.move(connection.id(), id, answer.head.status);
  auto& wire = wire_connections_[id];
  wire = std::make_unique<session::WireConnection>(
      id, worker_, connection.take_tcp(), *this, std::move(request),
      base::monotonic_now() + shared_.config.http.header_timeout);
  wire->start();
}

void WorkerServer::on_first_message(session::WireConnection& connection,
                                    wire::Message message) noexcept {
  if (auto* hello = std::get_if<wire::Hello>(&message)) {
    return serve_wire_publisher(connection, std::move(*hello));
  }
  serve_wire_viewer(connection, std::get<wire::Play>(std::move(message)));
}

void WorkerServer::on_wire_refused(session::WireConnection& connection,
                                   const wire::Bye& bye) noexcept {
  count_bye(bye.reason);
  if (!refusal_lines_.take(base::monotonic_now())) return;
  shared_.log.info("wire refused", {{"stream", connection.stream()},
                                    {"peer", connection.peer()},
                                    {"reason", name_of(bye.reason)},
                                    {"detail", bye.detail},
                                    {"request_id", access_.request_id(connection.id())}});
}

void WorkerServer::on_wire_closed(session::WireConnection& connection) noexcept {
  ended_.push_back(connection.id());
}

// Whose role has ended is closed as WebSocket says it.
void WorkerServer::linger(std::unique_ptr<session::WireLink> link) noexcept {
  shared_.connections.fetch_add(1, std::memory_order_relaxed);  // it is another's now
  const std::uint64_t id = next_id();
  const bool is_closed = link->is_closed();
  wire_connections_[id] =
      std::make_unique<session::WireConnection>(id, worker_, std::move(link), *this);
  if (is_closed) ended_.push_back(id);
}

void WorkerServer::refuse_for_memory(session::WireConnection& connection) noexcept {
  count(stream::PressureStep::refuse);
  connection.refuse({ByeReason::overload, retry_after_full,
                     "memory.arena is full: nobody else can be served now"});
}

void WorkerServer::end_revoked(const token::Id& id) noexcept {
  wire_sessions_.end_revoked(id);
  turn_end_.keep_turning(true);  // whoever was ended here is swept in this turn
}

wire::Bye WorkerServer::drain_bye() const {
  return {ByeReason::drain, {}, std::string(drain_reason)};
}

void WorkerServer::serve_wire_viewer(session::WireConnection& connection,
                                     wire::Play play) noexcept {
  if (drain_ != Drain::none) return connection.refuse(drain_bye());
  if (relief_.is_refusing()) return refuse_for_memory(connection);
  const std::string path = connection.stream();
  const auto& config = shared_.config.for_path(path);
  // Who waits for a source on demand has more patience than who waits for a publisher to return.
  const base::Duration grace =
      config.source ? std::max(config.policy.publisher.grace, config.source->start_timeout)
                    : config.policy.publisher.grace;
  auto begun = shared_.sessions.begin_viewer(path, play, Moment::now());
  if (!begun) return connection.refuse(revoked_bye());
  session::WireViewer::Request request{
      path, begun->token, policy_for(config.policy, query_of(play)), grace, std::move(play)};
  const std::uint64_t id = next_id();
  access_.move(connection.id(), id);
  access_.forget_if_off(id);
  auto made = std::make_unique<session::WireViewer>(id, worker_, connection.take_link(), *this,
                                                    std::move(request));
  session::WireViewer& viewer = *made;
  viewers_[id] = {std::move(made)};
  wire_viewers_[id] = &viewer;
  wire_sessions_.add(viewer, *begun);
  seat(viewer);
}

// At its stream, or among those that wait for one; in the past where only that has what it wants.
void WorkerServer::seat(session::WireViewer& viewer) noexcept {
  const std::string& path = viewer.path();
  using LookUp = stream::StreamTable::LookUp;
  const auto found = table_.look_up(path, policy_of(path), false);
  const wire::Start wanted = viewer.wants();
  const bool may_be_past = past_ && !std::holds_alternative<wire::Live>(wanted);
  if (found == LookUp::ready && (!may_be_past || has_position(*table_.find(path), wanted))) {
    meet_source(path);
    return viewer.start(*table_.find(path));
  }
  if (may_be_past && found != LookUp::coming) return ask_past(viewer, wanted);
  wait_for_stream(viewer);
}

void WorkerServer::wait_for_stream(session::WireViewer& viewer) noexcept {
  const std::string path = viewer.path();
  const auto& config = shared_.config.for_path(path);
  const auto found = table_.look_up(path, config.policy, true);
  if (found == stream::StreamTable::LookUp::ready) {
    meet_source(path);
    return viewer.start(*table_.find(path));
  }
  if (found == stream::StreamTable::LookUp::watched) viewer.expect_beginning();
  wire_waiting_[path].push_back(viewer.id());
  if (config.source) {
    want_source(path, *config.source, viewer.started() + config.source->start_timeout);
  }
}

void WorkerServer::seat_waiting(const std::string& path) noexcept {
  const auto found = wire_waiting_.find(path);
  if (found == wire_waiting_.end()) return;
  const auto waiting = std::move(found->second);
  wire_waiting_.erase(found);
  for (const std::uint64_t id : waiting) {
    const auto viewer = wire_viewers_.find(id);
    if (viewer != wire_viewers_.end() && viewer->second->is_waiting()) seat(*viewer->second);
  }
}

// Those that have gone, or were told that nothing came.
void WorkerServer::forget_waiting() noexcept {
  for (auto found = wire_waiting_.begin(); found != wire_waiting_.end();) {
    auto& [path, ids] = *found;
    std::erase_if(ids, [this](std::uint64_t id) {
      const auto viewer = wire_viewers_.find(id);
      return viewer == wire_viewers_.end() || !viewer->second->is_waiting();
    });
    const bool is_empty = ids.empty();
    if (is_empty && !waiting_.contains(path)) table_.unwatch(path);
    found = is_empty ? wire_waiting_.erase(found) : std::next(found);
  }
}

void WorkerServer::on_viewer_end(session::WireViewer& viewer, session::ViewerEnd end) noexcept {
  count_viewer_end(viewer, end);
  wire_sessions_.on_end(viewer, end);
  if (const auto bye = viewer.said_bye()) count_bye(*bye);
  wire_viewers_.erase(viewer.id());
  linger(viewer.take_link());
  ended_.push_back(viewer.id());
}

void WorkerServer::serve_wire_publisher(session::WireConnection& connection,
                                        wire::Hello hello) noexcept {
  const std::string path = connection.stream();
  const auto& config = shared_.config.for_path(path);
  const bool is_approved = approved_.erase(connection.id()) > 0;
  if (!config.publisher_allow.allows(connection.peer_address())) {
    return connection.refuse({ByeReason::not_allowed, {}, "this address may not publish " + path});
  }
  if (config.source) {
    return connection.refuse({ByeReason::not_allowed, {}, path + " has a source of its own"});
  }
  if (!hello.stream.empty() && hello.stream != path) {
    return connection.refuse({ByeReason::bad_message, {}, describe(wire::Errc::wrong_stream)});
  }
  if (shared_.sessions.is_revoked(path, hello.token, Moment::now())) {
    return connection.refuse(revoked_bye());
  }
  if (drain_ != Drain::none) return connection.refuse(drain_bye());
  if (relief_.is_refusing()) return refuse_for_memory(connection);
  if (!is_approved && !config.hooks.on_publish.empty()) {
    const auto home = shared_.directory.home(path);
    if (!home || *home == worker_.index()) return ask_hook(connection, std::move(hello));
    return hand_over(connection, std::move(hello), *home, false);
  }
  const auto claimed = claim(path);
  if (claimed.full) {
    return connection.refuse({ByeReason::overload, retry_after_full,
                              "stream.max is reached: there are as many streams as may be"});
  }
  if (claimed.home == nullptr) {
    return hand_over(connection, std::move(hello), claimed.elsewhere, is_approved);
  }
  if (make_room_for(connection, *claimed.home, hello)) {
    start_publisher(connection, *claimed.home, std::move(hello));
  }
}

std::optional<wire::Incumbent> WorkerServer::incumbent_of(const stream::Home& home,
                                                          const std::string& path) const {
  if (home.publisher) {
    const session::Publisher& present = *publishers_.at(*home.publisher);
    // Whom we do not read is not idle.
    const base::Time last = present.is_paused() ? base::monotonic_now() : present.last_byte();
    return wire::Incumbent{present.token(), last, true};
  }
  const auto found = incumbents_.find(path);
  return found == incumbents_.end() ? shared_.sessions.incumbent(path) : found->second;
}

void WorkerServer::forget_incumbent(const std::string& path) noexcept {
  incumbents_.erase(path);
  shared_.sessions.forget_incumbent(path);
}

// One writer a stream: its own session takes its place, another one when it is idle.
bool WorkerServer::make_room_for(session::WireConnection& connection, stream::Home& home,
                                 const wire::Hello& hello) noexcept {
  const std::string& path = connection.stream();
  const wire::Decision decision =
      wire::admit(hello.token, incumbent_of(home, path), home.stream().policy().publisher.idle,
                  base::monotonic_now());
  if (decision.admission == wire::Admission::in_use) {
    connection.refuse({ByeReason::in_use, decision.retry_after, "another publisher has " + path});
    return false;
  }
  const auto kept = home.kept(hello.epoch);
  if (kept && kept->end.sequence > hello.next_sequence) {
    connection.refuse({ByeReason::bad_sequence, {}, describe(wire::Errc::bad_sequence)});
    return false;
  }
  if (home.publisher) {
    publishers_.at(*home.publisher)
        ->end(session::PublisherEnd::replaced, "another connection took over");
  }
  forget_incumbent(path);
  return true;
}

void WorkerServer::start_publisher(session::WireConnection& connection, stream::Home& home,
                                   wire::Hello hello) noexcept {
  const std::string path = connection.stream();
  auto begun = shared_.sessions.begin_publisher(path, hello.token, Moment::now());
  if (!begun) return connection.refuse(revoked_bye());
  shared_.log.info("publisher started", {{"stream", path},
                                         {"peer", connection.peer()},
                                         {"user_agent", connection.user_agent()},
                                         {"protocol", "wire"},
                                         {"session", token::to_text(begun->claims.id)},
                                         {"worker", worker_.index()}});
  const std::uint64_t id = next_id();
  access_.move(connection.id(), id);
  auto made = std::make_unique<session::WirePublisher>(id, worker_, pool_, connection.take_link(),
                                                       *this, home, std::move(hello));
  session::WirePublisher& publisher = *made;
  publishers_[id] = std::move(made);
  home.publisher = id;
  on_stream_ready(path);
  wire_sessions_.add(publisher, *begun);
  publisher.start(std::move(begun->token));
  tell_durable(publisher);
}

void WorkerServer::hand_over(session::WireConnection& connection, wire::Hello hello,
                             unsigned worker, bool is_approved) noexcept {
  session::WireLink& link = connection.link();
  // It has pinged and taken no pong: nobody else could go on behind those.
  if (link.is_writing()) return link.cut_off();
  const int socket = link.duplicate();
  if (socket < 0) {
    return connection.refuse({ByeReason::overload, retry_after_full, "out of descriptors"});
  }
  WorkerServer* there = shared_.servers[worker];
  session::WireConnection::Request request{connection.stream(), connection.user_agent(), {}, {}};
  session::WireLink::Moved moved = link.move_on();
  Arrival arrival{loop::OwnedSocket(socket), link.tcp().origin(), access_.take(connection.id()),
                  is_approved};
  connection.abandon();
  there->worker_.mailbox().post_action([there, arriving = std::move(arrival),
                                        link_moved = std::move(moved), said = std::move(request),
                                        first = std::move(hello)]() mutable noexcept {
    there->adopt_wire(std::move(arriving), std::move(link_moved), std::move(said),
                      std::move(first));
  });
}

void WorkerServer::adopt_wire(Arrival arrival, session::WireLink::Moved moved,
                              session::WireConnection::Request request,
                              wire::Hello hello) noexcept {
  auto tcp = loop::Tcp::from_socket(worker_, arrival.socket.release());
  if (!tcp) return;
  tcp->set_origin(arrival.origin);
  shared_.connections.fetch_add(1, std::memory_order_relaxed);
  const std::uint64_t id = next_id();
  access_.go_on(id, std::move(arrival.access));
  auto& connection = wire_connections_[id];
  connection = std::make_unique<session::WireConnection>(
      id, worker_, std::make_unique<session::WireLink>(worker_, std::move(tcp), std::move(moved)),
      *this, std::move(request));
  if (arrival.is_approved) approved_.insert(id);
  serve_wire_publisher(*connection, std::move(hello));
}

void WorkerServer::on_publisher_end(session::WirePublisher& publisher, session::PublisherEnd end,
                                    const std::string& reason) noexcept {
  const std::string path = publisher.home().stream().path();
  if (const auto bye = publisher.said_bye()) count_bye(*bye);
  if (end == session::PublisherEnd::memory) count(stream::PressureStep::drop);
  wire_sessions_.on_end(publisher, end);
  if (end == session::PublisherEnd::finished) {
    over_.push_back(path);
  } else if (end != session::PublisherEnd::revoked) {
    // Nobody slips in while it reconnects.
    incumbents_[path] = {publisher.token(), publisher.last_byte(), false};
  }
  count_publisher_end(publisher, end, reason);
  shared_.connections.fetch_sub(1, std::memory_order_relaxed);  // it goes on as another
  linger(publisher.take_link());
}

void WorkerServer::end_over_streams() noexcept {
  for (const std::string& path : std::exchange(over_, {})) {
    const stream::Home* home = table_.home(path);
    if (home != nullptr && !home->publisher) end_stream(path);
  }
}

}  // namespace server
