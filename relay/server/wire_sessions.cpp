#include "relay/server/wire_sessions.hpp"

#include <utility>
#include <vector>

namespace server {
namespace {

using session::PublisherEnd;
using session::ViewerEnd;

// Others were told that it makes no sense to come back.
bool may_return(PublisherEnd end) noexcept {
  return end != PublisherEnd::finished && end != PublisherEnd::replaced &&
         end != PublisherEnd::revoked;
}

bool may_return(ViewerEnd end) noexcept {
  return end != ViewerEnd::stream_end && end != ViewerEnd::until && end != ViewerEnd::revoked;
}

}  // namespace

// Ids are counted, so all that come back at once after a restart are spread over the interval.
WireSessions::Connection WireSessions::connect(const Sessions::Begun& begun, std::uint64_t id,
                                               base::Time started, base::Duration interval) {
  constexpr std::uint64_t slots = 64;
  const base::Duration wait = interval * (id % slots + 1) / slots;
  return {begun.claims.id, begun.claims.expires, 0, !begun.is_new, started + wait};
}

void WireSessions::add(session::WirePublisher& publisher, const Sessions::Begun& begun) {
  const std::uint64_t id = publisher.id();
  publishers_.insert_or_assign(
      id, Publisher{&publisher, connect(begun, id, base::monotonic_now(), publisher_interval)});
}

void WireSessions::add(session::WireViewer& viewer, const Sessions::Begun& begun) {
  const std::uint64_t id = viewer.id();
  viewers_.insert_or_assign(id,
                            Viewer{&viewer, connect(begun, id, viewer.started(), viewer_interval)});
}

Sessions::Progress WireSessions::take_progress(Publisher& one) {
  const std::uint64_t bytes = one.session->counts().bytes;
  return {bytes - std::exchange(one.connection.told_bytes, bytes), one.session->received()};
}

Sessions::Progress WireSessions::take_progress(Viewer& one) {
  const std::uint64_t bytes = one.session->bytes();
  const wire::Start next = one.session->wants();
  const auto* const place = std::get_if<wire::Position>(&next);
  return {bytes - std::exchange(one.connection.told_bytes, bytes),
          place != nullptr ? *place : wire::Position{}};
}

void WireSessions::on_end(const session::WirePublisher& publisher, PublisherEnd end) {
  auto one = publishers_.extract(publisher.id());
  if (!one) return;
  const auto progress = take_progress(one.mapped());
  sessions_.end(one.mapped().connection.id, progress, may_return(end), Moment::now());
}

// Who was never told its token, because nothing came, cannot show it.
void WireSessions::on_end(const session::WireViewer& viewer, ViewerEnd end) {
  auto one = viewers_.extract(viewer.id());
  if (!one) return;
  const auto progress = take_progress(one.mapped());
  const Connection& connection = one.mapped().connection;
  const bool knows_token = connection.knows_token || viewer.bytes() > 0;
  sessions_.end(connection.id, progress, may_return(end) && knows_token, Moment::now());
}

template <class Session>
std::vector<Session*> WireSessions::check(Table<Session>& table, base::Duration interval,
                                          Moment now) {
  std::vector<Session*> expired;
  for (auto& [id, one] : table) {
    if (one.connection.expires <= now.utc) expired.push_back(one.session);
    if (now.time < one.connection.due) continue;
    one.connection.due = now.time + interval;
    const auto progress = take_progress(one);
    if (progress.bytes > 0) sessions_.update(one.connection.id, progress, now);
  }
  return expired;
}

void WireSessions::check(Moment now) {
  for (auto* publisher : check(publishers_, publisher_interval, now)) {
    publisher->end(PublisherEnd::expired, stream::token_expired);
  }
  for (auto* viewer : check(viewers_, viewer_interval, now)) {
    // One that waits has not been told its token yet, and is told it late rather than sent away.
    if (!viewer->is_waiting()) viewer->end(ViewerEnd::expired);
  }
}

void WireSessions::end_revoked(const token::Id& id) {
  // Who ends is taken from the table.
  const auto find = [&id](const auto& table) {
    std::vector<decltype(table.begin()->second.session)> found;
    for (const auto& [key, one] : table) {
      if (one.connection.id == id) found.push_back(one.session);
    }
    return found;
  };
  for (auto* publisher : find(publishers_)) {
    publisher->end(PublisherEnd::revoked, stream::token_revoked);
  }
  for (auto* viewer : find(viewers_)) viewer->end(ViewerEnd::revoked);
}

}  // namespace server
