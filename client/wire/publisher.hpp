#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "client/wire/backoff.hpp"
#include "client/wire/ending.hpp"
#include "client/wire/url.hpp"
#include "relay/base/time.hpp"
#include "relay/protocol/wire/keep.hpp"
#include "relay/protocol/wire/message.hpp"

namespace client {

/// Publishes chunks over the Spancast wire: numbers them, keeps them, and sends each relay what it
/// lacks, over as many connections as it takes. Owns one network thread. Methods may be called on
/// any thread but that one, and none waits for the network.
class Publisher {
 public:
  struct Settings {
    Url url;  ///< `spancast://`
    wire::KeepPolicy keep;
    std::string
        spill_folder;  ///< what the keep has no room for goes into a file there; empty: none
    std::uint64_t spill_bytes = 0;  ///< of that file, at most
    Backoff::Policy backoff;
    /// A relay that says nothing for so long, not even a pong, is taken for lost.
    base::Duration idle = std::chrono::seconds(3);
  };

  /// What happened, on the network thread. Must return soon; must not call the publisher.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_connected(const std::string& address) = 0;  ///< `127.0.0.1:8080`
    /// The relay takes the chunks; again with each connection.
    virtual void on_accepted() = 0;
    /// No connection; the next try is after that time.
    virtual void on_lost(const std::string& reason, base::Duration retry_in) = 0;
    /// The spill does not work: a sentence. Chunks may be lost from now on.
    virtual void on_spill_error(const std::string&) {}
    /// Nothing is sent any more; once. After `finish()`: everything was acknowledged.
    virtual void on_end(const Ending& ending) = 0;
  };

  /// A coded frame, with the payload as schemas/wire.md says; times in its track's timescale.
  struct Frame {
    unsigned track = 0;
    bool sync = false;
    std::int64_t dts = 0;
    std::int64_t pts = 0;
    std::uint32_t duration = 0;
    std::span<const std::byte> payload;
  };

  struct Stats {
    std::uint64_t chunks = 0;   ///< taken
    std::uint64_t bytes = 0;    ///< of their payload
    std::uint64_t refused = 0;  ///< chunks over a limit of the wire, and those up to the next sync
    std::uint64_t acknowledged = 0;  ///< chunks that the relay has
    std::uint64_t durable = 0;       ///< and has on disk
    std::uint64_t unsent = 0;        ///< chunks that wait to be sent
    std::uint64_t kept_bytes = 0;    ///< in memory
    std::uint64_t spilled = 0;       ///< chunks in the file
    std::uint64_t lost = 0;        ///< chunks that no relay got: more bytes than the keep may have
    std::uint64_t repeated = 0;    ///< chunks that were sent more than once
    std::uint64_t reconnects = 0;  ///< connections accepted after the first
    bool connected = false;        ///< and accepted
  };

  /// Begins to connect. Throws std::system_error when the memory of the keep, or the spill, cannot
  /// be had.
  Publisher(Settings settings, Events& events);
  /// Ends at once, without waiting for the relay; no event comes after it.
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  /// What the frames of later chunks mean; at most `wire::tracks_max`.
  void set_tracks(std::vector<wire::Track> tracks);
  /// The next chunk: 1 to `wire::samples_max` frames. `utc`: when its first frame was captured.
  /// `sync`: a decoder can begin with it. Copies the payload, once. False: it is over a limit and
  /// was not taken (nor are those that follow, up to the next sync chunk), or it has ended.
  bool add(base::Utc utc, bool sync, std::span<const Frame> frames);
  /// What comes next does not follow from what came before: the source was away. Players are told
  /// with a Gap, once there is a next chunk, which must be a sync chunk.
  void skip();
  /// No more chunks: `on_end` comes once the relay has them all, and was told that the stream
  /// ended.
  void finish();

  Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
