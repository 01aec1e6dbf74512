// Requests for media: who may publish or watch what, and where.

#include <algorithm>
#include <cstdio>
#include <utility>

#include "relay/media/container/fmp4/writer.hpp"
#include "relay/media/container/mpegts/writer.hpp"
#include "relay/server/worker_server.hpp"

namespace server {
namespace {

constexpr std::string_view retry_after_full = "5";
// Another relay, or the next one here, may be there at once.
constexpr std::string_view retry_after_drain = "1";

http_body::Reader body_of(const http::RequestHead& head) {
  if (head.chunked) return http_body::Reader::chunked();
  if (head.until_close) return http_body::Reader::until_close();
  return http_body::Reader::with_length(head.content_length.value_or(0));
}

http::ResponseHead viewer_head(const http::RequestHead& head, media::Container container,
                               bool keep_alive) {
  const bool is_ts = container == media::Container::mpegts;
  auto response = http::fresh_head(is_ts ? "video/mp2t" : "video/mp4");
  response.http_1_1 = head.http_1_1;
  if (head.http_1_1) {
    response.fields.emplace_back("Transfer-Encoding", "chunked");
    if (!keep_alive) response.fields.emplace_back("Connection", "close");
  } else {
    response.fields.emplace_back("Connection", "close");
  }
  return response;
}

/// The tracks that a container cannot hold, as X-Spancast-Missing names them, and whether none is
/// left.
struct Missing {
  std::string names;
  bool is_all = false;
};
bool can_show(const media::Track& track, const stream::Chunk& newest, media::Container container) {
  if (!media::can_hold(container, track.codec)) return false;
  // In MPEG-TS the decoder's configuration lies in the frames and is found when they are converted.
  if (newest.container == media::Container::mpegts) return true;
  return container == media::Container::fmp4 ? fmp4::can_write(track) : mpegts::can_write(track);
}
Missing find_missing(const stream::Stream& stream, media::Container container) {
  const stream::Chunk& newest = stream.log().newest();
  if (newest.container == container && newest.samples.empty()) return {};  // passed on as it came
  if (!newest.tracks) return {};
  Missing missing{{}, true};
  for (const media::Track& track : newest.tracks->tracks) {
    if (can_show(track, newest, container)) {
      missing.is_all = false;
      continue;
    }
    if (!missing.names.empty()) missing.names += ", ";
    missing.names += name(track.kind);
    missing.names += '/';
    missing.names += name(track.codec);
  }
  return missing;
}

// Pages from elsewhere may read these fields, too.
void expose(http::ResponseHead& response, std::vector<std::pair<std::string, std::string>> fields) {
  if (fields.empty()) return;
  std::string names;
  for (const auto& [name, value] : fields) names += (names.empty() ? "" : ", ") + name;
  for (auto& field : fields) response.fields.push_back(std::move(field));
  response.fields.emplace_back("Access-Control-Expose-Headers", std::move(names));
}

}  // namespace

bool has_begun(const stream::Stream& stream, media::Container container) {
  if (stream.log().empty()) return false;
  const stream::Chunk& newest = stream.log().newest();
  return newest.container == container || (newest.tracks && !newest.tracks->tracks.empty());
}

stream::ViewerPolicy policy_for(const stream::PathPolicy& path, const http::MediaQuery& query) {
  using FlushStep = std::chrono::duration<std::int64_t, std::ratio<1, 100>>;
  stream::ViewerPolicy policy = path.viewer;
  policy.slow = query.slow.value_or(policy.slow);
  // Further back than the tail there is nothing to lag into.
  policy.max_lag = std::min(query.max_lag.value_or(policy.max_lag), path.tail.length);
  // In steps, so that clients cannot make audiences without number.
  if (query.flush) policy.flush_interval = std::chrono::ceil<FlushStep>(*query.flush);
  return policy;
}

void WorkerServer::serve_viewer(session::HttpConnection& connection, Wanted wanted) noexcept {
  if (drain_ != Drain::none) return refuse_drained(connection);
  if (wanted.route.query.at) return serve_past_viewer(connection, std::move(wanted));
  const std::string& path = wanted.route.stream;
  const auto& config = shared_.config.for_path(path);
  const bool watch = is_waited_for(wanted);
  switch (table_.look_up(path, config.policy, watch)) {
    case stream::StreamTable::LookUp::ready: {
      stream::Stream& stream = *table_.find(path);
      if (!has_begun(stream, wanted.route.container)) {
        wanted.is_early = wanted.is_early || stream.log().empty();
        beginning_.insert(path);
        return wait_for_stream(connection, std::move(wanted));
      }
      if (relief_.is_refusing()) return refuse_for_memory(connection);
      return start_viewer(connection, wanted, stream);
    }
    case stream::StreamTable::LookUp::watched:
      wanted.is_early = true;
      return wait_for_stream(connection, std::move(wanted));
    case stream::StreamTable::LookUp::coming:
      return wait_for_stream(connection, std::move(wanted));
    case stream::StreamTable::LookUp::missing:
      return refuse(connection, 404, "no stream " + path + ": nobody publishes it");
  }
}

void WorkerServer::wait_for_stream(session::HttpConnection& connection, Wanted wanted) noexcept {
  const std::string path = wanted.route.stream;
  const auto& source = shared_.config.for_path(path).source;
  // Without ?wait= this is the moment another worker or a new publisher needs, not a client's wish.
  base::Duration patience = wanted.route.query.wait.value_or(base::Duration::zero());
  if (patience == base::Duration::zero()) {
    patience = source ? source->start_timeout : base::Duration(std::chrono::seconds(5));
  }
  if (!wanted.deadline) wanted.deadline = base::monotonic_now() + patience;
  if (source) want_source(path, *source, *wanted.deadline);
  waiting_[path].push_back({connection.id(), std::move(wanted)});
}

void WorkerServer::refuse_for_memory(session::HttpConnection& connection) noexcept {
  count(stream::PressureStep::refuse);
  refuse(connection, 503, "memory.arena is full: nobody else can be served now",
         {{"Retry-After", std::string(retry_after_full)}});
}

void WorkerServer::start_viewer(session::HttpConnection& connection, const Wanted& wanted,
                                stream::Stream& stream, const std::optional<stream::Entry>& entry,
                                Fields fields) noexcept {
  const http::RequestHead& head = wanted.head;
  const http::Route& route = wanted.route;
  if (!stream.log().is_past()) meet_source(route.stream);
  const Missing missing = find_missing(stream, route.container);
  if (missing.is_all) {
    return refuse(connection, 406, "none of its tracks fits this container: " + missing.names,
                  {{"X-Spancast-Missing", missing.names}});
  }
  const bool keep_alive = head.keep_alive && !shared_.draining.load(std::memory_order_relaxed);
  http::ResponseHead response = viewer_head(head, route.container, keep_alive);
  if (!missing.names.empty()) fields.emplace_back("X-Spancast-Missing", missing.names);
  expose(response, std::move(fields));
  if (head.method == http::Method::head) return connection.respond_head(response);
  session::HttpViewer::Request request{
      policy_for(policy_of(route.stream), route.query),
      wanted.is_early && stream.log().first() == 0 ? stream::Begin::oldest : stream::Begin::newest,
      kind_of(wanted),
      head.http_1_1 ? stream::Framing::http_chunk : stream::Framing::none,
      http::write_head(response),
      connection.take_received(),
      keep_alive};
  const std::uint64_t id = next_id();
  auto viewer = std::make_unique<session::HttpViewer>(id, worker_, connection.take_tcp(), *this,
                                                      std::move(request));
  session::HttpViewer& started = *viewer;
  viewers_[id] = {std::move(viewer)};
  started.start(stream, entry);
}

void WorkerServer::on_stream_ready(const std::string& path) noexcept { serve_waiting(path); }
// It ended while we asked for it: whoever is ready to wait waits for the next one.
void WorkerServer::on_stream_missing(const std::string& path) noexcept { serve_waiting(path); }

void WorkerServer::serve_waiting(const std::string& path) noexcept {
  seat_waiting(path);
  const auto found = waiting_.find(path);
  if (found == waiting_.end()) return;
  const auto waiting = std::move(found->second);
  waiting_.erase(found);
  for (const Waiting& viewer : waiting) {
    const auto connection = connections_.find(viewer.connection);
    if (connection == connections_.end() || !connection->second->is_waiting()) continue;
    serve_viewer(*connection->second, viewer.wanted);
  }
}

// The first chunks of a stream are there, or it is gone.
void WorkerServer::serve_begun() noexcept {
  for (const std::string& path : std::exchange(beginning_, {})) {
    const stream::Stream* stream = table_.find(path);
    if (stream == nullptr || !stream->log().empty()) {
      serve_waiting(path);
    } else {
      beginning_.insert(path);
    }
  }
}

void WorkerServer::refuse_waiting() noexcept {
  for (const auto& [path, waiting] : std::exchange(waiting_, {})) {
    table_.unwatch(path);
    for (const Waiting& viewer : waiting) {
      const auto connection = connections_.find(viewer.connection);
      if (connection == connections_.end() || !connection->second->is_waiting()) continue;
      refuse_drained(*connection->second);
    }
  }
  for (const auto& [id, wanted] : std::exchange(past_wanted_, {})) {
    const auto connection = connections_.find(id);
    if (connection == connections_.end() || !connection->second->is_waiting()) continue;
    refuse_drained(*connection->second);
  }
}

void WorkerServer::refuse_drained(session::HttpConnection& connection) noexcept {
  refuse(connection, 503, drain_reason, {{"Retry-After", std::string(retry_after_drain)}});
}

void WorkerServer::time_out_waiting(base::Time now) noexcept {
  std::vector<std::pair<std::string, std::uint64_t>> expired;
  for (auto found = waiting_.begin(); found != waiting_.end();) {
    auto& waiting = found->second;
    const auto keep = std::partition(waiting.begin(), waiting.end(), [&](const Waiting& viewer) {
      return now < *viewer.wanted.deadline && connections_.contains(viewer.connection);
    });
    for (auto gone = keep; gone != waiting.end(); ++gone) {
      expired.emplace_back(found->first, gone->connection);
    }
    waiting.erase(keep, waiting.end());
    if (waiting.empty() && !wire_waiting_.contains(found->first)) table_.unwatch(found->first);
    found = waiting.empty() ? waiting_.erase(found) : std::next(found);
  }
  for (const auto& [path, id] : expired) {
    const auto connection = connections_.find(id);
    if (connection == connections_.end() || !connection->second->is_waiting()) continue;
    if (shared_.config.for_path(path).source) {
      refuse(*connection->second, 504, "the source of " + path + " sent nothing to watch in time");
      continue;
    }
    refuse(*connection->second, 404, "no stream " + path + ": nobody published it in time");
  }
}

void WorkerServer::serve_publisher(session::HttpConnection& connection, http::RequestHead head,
                                   http::Route route) noexcept {
  const std::string path = route.stream;
  const auto& config = shared_.config.for_path(path);
  const bool is_approved = approved_.erase(connection.id()) > 0;
  if (!config.publisher_allow.allows(connection.peer_address())) {
    return refuse(connection, 403, "this address may not publish " + path);
  }
  if (config.source) return refuse(connection, 409, path + " has a source of its own");
  if (!head.chunked && !head.until_close && !head.content_length) {
    return refuse(connection, 411, "a publisher sends a body: Transfer-Encoding or Content-Length");
  }
  if (drain_ != Drain::none) return refuse_drained(connection);
  if (relief_.is_refusing()) return refuse_for_memory(connection);
  if (!is_approved && !config.hooks.on_publish.empty()) {
    // Asked where the stream is at home, so once.
    const auto home = shared_.directory.home(path);
    if (!home || *home == worker_.index()) {
      return ask_hook(connection, std::move(head), std::move(route));
    }
    return hand_over(connection, std::move(head), *home, false);
  }
  const auto claimed = claim(path);
  if (claimed.full) {
    return refuse(connection, 503, "stream.max is reached: there are as many streams as may be",
                  {{"Retry-After", std::string(retry_after_full)}});
  }
  if (claimed.home == nullptr) {
    return hand_over(connection, std::move(head), claimed.elsewhere, is_approved);
  }
  if (!make_room_for_publisher(connection, *claimed.home)) return;
  if (head.expect_continue) connection.send_continue();
  shared_.log.info("publisher started", {{"stream", path},
                                         {"peer", connection.peer()},
                                         {"user_agent", head.user_agent},
                                         {"worker", worker_.index()}});
  const std::uint64_t id = next_id();
  const std::string received = connection.take_received();
  auto publisher = std::make_unique<session::HttpPublisher>(
      id, worker_, pool_, connection.take_tcp(), *this, *claimed.home, route.container,
      body_of(head), head.keep_alive);
  session::HttpPublisher& started = *publisher;
  publishers_[id] = std::move(publisher);
  claimed.home->publisher = id;
  on_stream_ready(path);
  started.start(received);
}

// One writer a stream: a second one is refused unless the first is idle.
bool WorkerServer::make_room_for_publisher(session::HttpConnection& connection,
                                           stream::Home& home) noexcept {
  if (!home.publisher) {
    // A wire publisher that has just gone has some time to come back.
    const std::string& path = home.stream().path();
    const auto decision = wire::admit({}, incumbent_of(home, path),
                                      home.stream().policy().publisher.idle, base::monotonic_now());
    if (decision.admission == wire::Admission::in_use) {
      refuse(connection, 409, "another publisher is to come back on " + path);
      return false;
    }
    forget_incumbent(path);
    if (home.stream().log().end() > 0) home.on_new_publisher();
    return true;
  }
  session::Publisher& present = *publishers_.at(*home.publisher);
  const base::Duration idle = base::monotonic_now() - present.last_byte();
  if (present.is_paused() || idle < home.stream().policy().publisher.idle) {
    refuse(connection, 409, "another publisher is live on " + home.stream().path());
    return false;
  }
  present.end(session::PublisherEnd::replaced, "another publisher took over: this one was idle");
  home.on_new_publisher();
  return true;
}

void WorkerServer::hand_over(session::HttpConnection& connection, http::RequestHead head,
                             unsigned worker, bool is_approved) noexcept {
  const int socket = connection.duplicate();
  if (socket < 0) {
    return refuse(connection, 503, "out of descriptors",
                  {{"Retry-After", std::string(retry_after_full)}});
  }
  WorkerServer* there = shared_.servers[worker];
  std::string received = connection.take_received();
  connection.abandon();
  there->worker_.mailbox().post_action([there, owned = loop::OwnedSocket(socket),
                                        moved = std::move(head), bytes = std::move(received),
                                        is_approved]() mutable noexcept {
    there->adopt(owned.release(), std::move(moved), std::move(bytes), is_approved);
  });
}

void WorkerServer::on_publisher_end(session::HttpPublisher& publisher, session::PublisherEnd end,
                                    const std::string& reason) noexcept {
  count_publisher_end(publisher, end, reason);
  const bool goes_on = end == session::PublisherEnd::finished && publisher.can_go_on();
  if (end == session::PublisherEnd::broken) {
    shared_.connections.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  auto& connection = add_connection(session::Port::http, publisher.take_tcp(),
                                    goes_on ? publisher.take_received() : std::string{});
  connection.start_response(goes_on, publisher.is_peer_ended());
  if (end == session::PublisherEnd::finished) {
    const session::PublisherCounts counts = publisher.counts();
    char body[128];
    std::snprintf(body, sizeof body, "{\"chunks\":%llu,\"bytes\":%llu,\"seconds\":%.3f}\n",
                  static_cast<unsigned long long>(counts.chunks),
                  static_cast<unsigned long long>(counts.bytes),
                  base::to_seconds(base::monotonic_now() - publisher.started()));
    return connection.respond({200, {{"Content-Type", "application/json"}}}, body);
  }
  if (end == session::PublisherEnd::memory) {
    count(stream::PressureStep::refuse);
    return answer(connection, 503, reason, {{"Retry-After", std::string(retry_after_full)}});
  }
  if (end == session::PublisherEnd::drain) {
    return answer(connection, 503, reason, {{"Retry-After", std::string(retry_after_drain)}});
  }
  answer(connection, end == session::PublisherEnd::replaced ? 409 : 400, reason);
}

}  // namespace server
