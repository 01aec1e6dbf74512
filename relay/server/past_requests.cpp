// Who watches what was recorded: where somebody begins in the past, and where viewers go on for
// whom a log does not have what comes next.

#include <algorithm>
#include <utility>

#include "relay/server/worker_server.hpp"
#include "relay/stream/place.hpp"

namespace server {
namespace {

// Clocks of clients need not be as good as ours.
constexpr std::chrono::seconds future_max{1};

std::string gap_field(base::Utc from, base::Utc to, disk::GapReason reason) {
  return base::to_iso8601(from) + "/" + base::to_iso8601(to) + "; reason=" + name_of(reason);
}

// What somebody who follows positions wants is in this log, or comes after it.
bool has(const stream::StreamLog& log, const wire::Start& start) {
  if (std::holds_alternative<wire::Live>(start)) return true;
  if (log.empty()) return false;
  if (const auto* utc = std::get_if<base::Utc>(&start)) {
    const auto sync = log.oldest_sync();
    return sync && log.at(*sync).utc <= *utc;
  }
  const auto& position = std::get<wire::Position>(start);
  const wire::Position newest = log.newest().position;
  if (position.epoch == newest.epoch && position.sequence > newest.sequence) return true;
  return stream::find_exactly(log, position).has_value();
}

// A viewer that has read what is before that chunk elsewhere can go on with exactly that one if its
// format has it as it is on disk; else with the first sync chunk from there on.
bool enters_at_sync(const stream::Stream& stream, stream::FormatKind kind, std::uint64_t sequence) {
  if (kind.container != media::Container::fmp4) return true;
  const stream::Chunk& chunk = stream.log().at(sequence);
  return chunk.container == media::Container::mpegts && !chunk.sync &&
         !stream.is_made(kind, sequence);
}

}  // namespace

disk::PastHost::Live WorkerServer::find_live(const std::string& path) noexcept {
  if (stream::Stream* stream = table_.find(path)) return {stream, true};
  const auto found = table_.look_up(path, policy_of(path), false);
  return {table_.find(path), found != stream::StreamTable::LookUp::missing};
}

const stream::PathPolicy& WorkerServer::policy_of(const std::string& path) noexcept {
  return shared_.config.for_path(path).policy;
}

// One wish of a session at a time: what was asked for before is of no interest any more.
void WorkerServer::ask_past(std::uint64_t session, disk::PastWish wish) {
  wish.asker = ++last_past_ticket_;
  past_tickets_[wish.asker] = session;
  past_askers_[session] = wish.asker;
  past_->ask(std::move(wish));
  turn_end_.keep_turning(true);
}

void WorkerServer::on_past_answer(disk::PastAsker ticket, const disk::PastAnswer& answer) noexcept {
  const auto asked = past_tickets_.find(ticket);
  if (asked == past_tickets_.end()) return;
  const std::uint64_t session = asked->second;
  past_tickets_.erase(asked);
  const auto asker = past_askers_.find(session);
  if (asker == past_askers_.end() || asker->second != ticket) return;
  past_askers_.erase(asker);
  if (const auto wanted = past_wanted_.find(session); wanted != past_wanted_.end()) {
    const Wanted begin = std::move(wanted->second);
    past_wanted_.erase(wanted);
    const auto connection = connections_.find(session);
    if (connection == connections_.end() || !connection->second->is_waiting()) return;
    return start_in_past(*connection->second, begin, answer);
  }
  if (const auto viewer = wire_viewers_.find(session); viewer != wire_viewers_.end()) {
    return go_on(*viewer->second, answer);
  }
  if (const auto viewer = moving_.find(session); viewer != moving_.end()) {
    session::HttpViewer& moved = *viewer->second;
    moving_.erase(viewer);
    go_on(moved, answer);
  }
}

stream::FormatKind WorkerServer::kind_of(const Wanted& wanted) noexcept {
  const auto policy = policy_for(policy_of(wanted.route.stream), wanted.route.query);
  return {wanted.route.container, past_ && policy.slow == stream::SlowPolicy::catch_up};
}

bool WorkerServer::run_past(base::Time now) noexcept {
  const stream::Fanout::Next next = past_fanout_.run(now);
  const bool is_more = past_->run(base::monotonic_now());
  auto wake = past_->wake();
  if (next.later && (!wake || *next.later < *wake)) wake = next.later;
  past_timer_.wake_at(wake);
  return next.now || is_more;
}

// ?at=
void WorkerServer::serve_past_viewer(session::HttpConnection& connection, Wanted wanted) noexcept {
  const std::string& path = wanted.route.stream;
  const base::Utc now = base::utc_now();
  if (!wanted.begin) wanted.begin = http::to_utc(*wanted.route.query.at, now);
  if (*wanted.begin > now + future_max) {
    return refuse(connection, 400, "at: " + base::to_iso8601(*wanted.begin) + " is in the future");
  }
  if (relief_.is_refusing()) return refuse_for_memory(connection);
  switch (table_.look_up(path, policy_of(path), false)) {
    case stream::StreamTable::LookUp::coming:
      return wait_for_stream(connection, std::move(wanted));
    case stream::StreamTable::LookUp::ready:
      if (start_in_tail(connection, wanted, *table_.find(path), disk::GapReason::none, {})) return;
      break;
    case stream::StreamTable::LookUp::watched:
    case stream::StreamTable::LookUp::missing:
      break;
  }
  if (!past_) return start_without_past(connection, wanted);
  disk::PastWish wish;
  wish.path = path;
  wish.kind = kind_of(wanted);
  wish.start = *wanted.begin;
  past_wanted_[connection.id()] = std::move(wanted);
  ask_past(connection.id(), std::move(wish));
}

// False: that time is not in the tail, or no viewer of this container can begin there. With a
// reason it begins with what is there.
bool WorkerServer::start_in_tail(session::HttpConnection& connection, const Wanted& wanted,
                                 stream::Stream& stream, disk::GapReason gap,
                                 std::optional<base::Utc> gap_begin) noexcept {
  if (!has_begun(stream, wanted.route.container)) return false;
  const stream::StreamLog& log = stream.log();
  const auto sequence = stream::find_place(log, *wanted.begin).sequence;
  if (!sequence) return false;
  const base::Utc utc = log.at(*sequence).utc;
  if (gap == disk::GapReason::none && utc > *wanted.begin) return false;
  if (!stream.can_enter(kind_of(wanted), *sequence)) return false;
  Fields fields{{"X-Spancast-Start", base::to_iso8601(utc)}};
  if (utc > *wanted.begin) {
    fields.emplace_back("X-Spancast-Gap", gap_field(gap_begin.value_or(*wanted.begin), utc, gap));
  }
  start_viewer(connection, wanted, stream, stream::Entry{*sequence, true, {}, false},
               std::move(fields));
  return true;
}

// What is recorded has nothing at that time or later.
void WorkerServer::start_without_past(session::HttpConnection& connection,
                                      const Wanted& wanted) noexcept {
  stream::Stream* const stream = table_.find(wanted.route.stream);
  if (stream != nullptr &&
      start_in_tail(connection, wanted, *stream, disk::GapReason::stopped, {})) {
    return;
  }
  if (stream == nullptr && is_waited_for(wanted)) {
    Wanted live = wanted;
    live.route.query.at.reset();
    return serve_viewer(connection, std::move(live));
  }
  refuse(connection, 404,
         "nothing of " + wanted.route.stream + " is recorded at " +
             base::to_iso8601(*wanted.begin) + " or later");
}

// By whoever asks, or since a source is started for it.
bool WorkerServer::is_waited_for(const Wanted& wanted) const {
  const auto& source = shared_.config.for_path(wanted.route.stream).source;
  return wanted.route.query.wait.value_or(base::Duration::zero()) > base::Duration::zero() ||
         (source && source->on_demand);
}

void WorkerServer::start_in_past(session::HttpConnection& connection, const Wanted& wanted,
                                 const disk::PastAnswer& answer) noexcept {
  if (drain_ != Drain::none) return refuse_drained(connection);
  using Kind = disk::PastAnswer::Kind;
  if (answer.kind == Kind::nothing) return start_without_past(connection, wanted);
  if (answer.kind == Kind::failed) {
    return refuse(connection, 503, "recordings cannot be read now", {{"Retry-After", "5"}});
  }
  stream::Stream* const live = table_.find(wanted.route.stream);
  // What is in the tail may be nearer to what was asked for.
  if (answer.gap != disk::GapReason::none && live != nullptr && live->log().oldest_sync() &&
      live->log().at(*live->log().oldest_sync()).utc < answer.utc &&
      start_in_tail(connection, wanted, *live, answer.gap, answer.gap_begin)) {
    return;
  }
  stream::Stream* stream = answer.stream;
  std::uint64_t sequence = answer.sequence;
  if (answer.kind == Kind::live) {
    stream = live;
    sequence = *stream::find_exactly(live->log(), answer.position);
  }
  Fields fields{{"X-Spancast-Start", base::to_iso8601(answer.utc)}};
  // Times are told in whole milliseconds: whoever gives one back means the same.
  const base::Utc told = std::chrono::floor<std::chrono::milliseconds>(answer.utc);
  if (answer.gap != disk::GapReason::none && told > *wanted.begin) {
    fields.emplace_back("X-Spancast-Gap", gap_field(answer.gap_begin.value_or(*wanted.begin),
                                                    answer.utc, answer.gap));
  }
  start_viewer(connection, wanted, *stream, stream::Entry{sequence, true, {}, false},
               std::move(fields));
}

bool WorkerServer::on_viewer_elsewhere(session::HttpViewer& viewer, wire::Position next,
                                       bool has_ended) noexcept {
  if (!past_) return false;
  viewer.leave();
  if (has_ended && enter_live(viewer, next)) return true;
  disk::PastWish wish;
  wish.path = viewer.path();
  wish.kind = viewer.kind();
  wish.start = next;
  moving_[viewer.id()] = &viewer;
  ask_past(viewer.id(), std::move(wish));
  return true;
}

// False: it is not there, or viewers of this container cannot go on there.
bool WorkerServer::enter_live(session::HttpViewer& viewer, wire::Position next) noexcept {
  stream::Stream* const stream = table_.find(viewer.path());
  if (stream == nullptr) return false;
  const stream::StreamLog& log = stream->log();
  const auto sequence = stream::find_exactly(log, next);
  if (!sequence || !stream->can_enter(viewer.kind(), *sequence)) return false;
  const bool at_sync = enters_at_sync(*stream, viewer.kind(), *sequence);
  viewer.go_on(*stream, {*sequence, at_sync, {}, false});
  return true;
}

void WorkerServer::go_on(session::HttpViewer& viewer, const disk::PastAnswer& answer) noexcept {
  using Kind = disk::PastAnswer::Kind;
  if (answer.kind == Kind::past) {
    return viewer.go_on(*answer.stream, {answer.sequence, false, {}, false});
  }
  if (answer.kind == Kind::live && enter_live(viewer, answer.position)) return;
  // Nobody has what comes next: it skips, as without recordings.
  stream::Stream* const stream = table_.find(viewer.path());
  if (stream == nullptr) return viewer.end(session::ViewerEnd::stream_end);
  const stream::StreamLog& log = stream->log();
  std::uint64_t sequence = log.oldest_sync().value_or(log.end());
  if (!stream->can_enter(viewer.kind(), sequence)) {
    sequence = log.newest_sync().value_or(log.end());
  }
  if (!stream->can_enter(viewer.kind(), sequence)) sequence = log.end();
  viewer.go_on(*stream, {sequence, true, {}, true});
}

bool WorkerServer::has_position(const stream::Stream& stream, const wire::Start& start) noexcept {
  return !past_ || (!stream.log().is_past() && has(stream.log(), start));
}

bool WorkerServer::on_viewer_elsewhere(session::WireViewer& viewer, wire::Position next,
                                       bool has_ended) noexcept {
  if (!past_) return false;
  viewer.leave();
  if (has_ended && enter_live(viewer, next)) return true;
  ask_past(viewer, next);
  return true;
}

bool WorkerServer::enter_live(session::WireViewer& viewer, wire::Position next) noexcept {
  stream::Stream* const stream = table_.find(viewer.path());
  if (stream == nullptr) return false;
  const auto sequence = stream::find_exactly(stream->log(), next);
  if (!sequence) return false;
  viewer.start(*stream, stream::Entry{*sequence, false, wire::GapReason::lost, false});
  return true;
}

void WorkerServer::ask_past(session::WireViewer& viewer, const wire::Start& start) {
  disk::PastWish wish;
  wish.path = viewer.path();
  wish.kind = media::Container::wire;
  wish.start = start;
  wish.syncs_only = viewer.is_fast();
  ask_past(viewer.id(), std::move(wish));
}

void WorkerServer::on_viewer_moved(session::WireViewer& viewer) noexcept { seat(viewer); }

void WorkerServer::go_on(session::WireViewer& viewer, const disk::PastAnswer& answer) noexcept {
  using Kind = disk::PastAnswer::Kind;
  stream::Stream* const live = table_.find(viewer.path());
  if (answer.kind == Kind::live && enter_live(viewer, answer.position)) return;
  if (answer.kind == Kind::past) {
    // What is in the tail may be nearer to what it wants.
    const bool is_tail_nearer = answer.gap != disk::GapReason::none && live != nullptr &&
                                live->log().oldest_sync() &&
                                live->log().at(*live->log().oldest_sync()).utc < answer.utc;
    if (is_tail_nearer) return viewer.start(*live);
    wire::GapReason reason = disk::to_wire(answer.gap);
    return viewer.start(*answer.stream, stream::Entry{answer.sequence, false, reason, false});
  }
  // Nothing is recorded there or later: it may come, or something else instead.
  if (live != nullptr) return viewer.start(*live);
  wait_for_stream(viewer);
}

}  // namespace server
