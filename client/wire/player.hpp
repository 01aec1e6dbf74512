#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "client/wire/backoff.hpp"
#include "client/wire/ending.hpp"
#include "client/wire/url.hpp"
#include "relay/base/time.hpp"
#include "relay/protocol/wire/player.hpp"

namespace client {

/// Watches a stream over the Spancast wire: each chunk once and in order, over as many connections
/// as it takes. Owns one network thread. Methods may be called on any thread, also from an event,
/// and do not wait for the network.
class Player {
 public:
  struct Settings {
    Url url;  ///< `spancast://`
    wire::Player::Settings watch;
    Backoff::Policy backoff;
    /// A relay that says nothing for so long, not even a pong, is taken for lost.
    base::Duration idle = std::chrono::seconds(3);
  };

  /// What happened, on the network thread. May take its time: what comes meanwhile waits at the
  /// relay; but for longer than `idle`, use `hold()`.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_connected(const std::string& address) = 0;  ///< `127.0.0.1:8080`
    /// The relay answered; `resumed`: goes on where another connection was lost.
    virtual void on_playing(const wire::Player::Began& began) = 0;
    /// What the samples mean from the next chunk on.
    virtual void on_tracks(const wire::Tracks& tracks) = 0;
    /// Its windows live as long as the call.
    virtual void on_chunk(const wire::Chunk& chunk) = 0;
    virtual void on_gap(const wire::Gap& gap) = 0;
    /// No connection; the next try is after that time.
    virtual void on_lost(const std::string& reason, base::Duration retry_in) = 0;
    /// Nothing comes any more; once.
    virtual void on_end(const Ending& ending) = 0;
  };

  struct Stats {
    wire::Player::Counters counters;
    std::uint64_t reconnects = 0;  ///< connections on which the relay answered, after the first
    bool connected = false;        ///< and playing
  };

  /// Begins to connect. Throws std::system_error when there is no memory to receive into.
  Player(Settings settings, Events& events);
  /// Says Bye if that takes no time; no event comes after it.
  ~Player();
  Player(const Player&) = delete;
  Player& operator=(const Player&) = delete;

  void pause();
  void resume();
  void seek(wire::Start start);
  /// While held nothing is read: the relay sees a slow player, and does what `slow` says.
  void hold(bool is_held);

  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
