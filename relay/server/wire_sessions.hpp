#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "relay/server/sessions.hpp"
#include "relay/session/wire_publisher.hpp"
#include "relay/session/wire_viewer.hpp"

namespace server {

/// The publishers and viewers over the wire of one worker, with what their tokens say. Tells
/// `Sessions` what they carry, and ends those whose token does not count any more. Owned by the
/// worker's server, which ends each that was added.
class WireSessions {
 public:
  /// How often it is told of a publisher and of a viewer; of those that began together one after
  /// the other.
  static constexpr base::Duration publisher_interval = std::chrono::seconds(1);
  static constexpr base::Duration viewer_interval = std::chrono::seconds(10);

  explicit WireSessions(Sessions& sessions) : sessions_(sessions) {}

  void add(session::WirePublisher& publisher, const Sessions::Begun& begun);
  void add(session::WireViewer& viewer, const Sessions::Begun& begun);
  void on_end(const session::WirePublisher& publisher, session::PublisherEnd end);
  void on_end(const session::WireViewer& viewer, session::ViewerEnd end);

  /// On every tick: ends those whose token has expired, and tells of those whose time it is.
  void check(Moment now);
  void end_revoked(const token::Id& id);

 private:
  struct Connection {
    token::Id id;
    base::Utc expires{};
    std::uint64_t told_bytes = 0;
    bool knows_token = false;  ///< its peer, from before
    base::Time due{};          ///< to be told of
  };
  template <class Session>
  struct Entry {
    Session* session;
    Connection connection;
  };
  using Publisher = Entry<session::WirePublisher>;
  using Viewer = Entry<session::WireViewer>;
  template <class Session>
  using Table = std::unordered_map<std::uint64_t, Entry<Session>>;  // by id of the session

  static Connection connect(const Sessions::Begun& begun, std::uint64_t id, base::Time started,
                            base::Duration interval);
  /// Tells of those whose time it is; those whose token has expired.
  template <class Session>
  std::vector<Session*> check(Table<Session>& table, base::Duration interval, Moment now);
  static Sessions::Progress take_progress(Publisher& one);
  static Sessions::Progress take_progress(Viewer& one);

  Sessions& sessions_;
  Table<session::WirePublisher> publishers_;
  Table<session::WireViewer> viewers_;
};

}  // namespace server
