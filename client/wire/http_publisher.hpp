#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "client/wire/backoff.hpp"
#include "client/wire/publisher.hpp"
#include "client/wire/url.hpp"

namespace client {

/// Publishes a stream as the endless body of HTTP PUTs, one after the other. Nobody acknowledges,
/// so what was on its way when a connection broke is lost, and the next begins at a sync chunk.
/// Owns one network thread. Methods may be called on any thread but that one, and none waits for
/// the network.
class HttpPublisher {
 public:
  struct Settings {
    Url url;  ///< `http://`
    std::string content_type;
    Backoff::Policy backoff;
    /// Of what waits to be sent: beyond it the oldest is dropped, up to the next sync chunk.
    std::uint64_t waiting_bytes_max = 64 * 1024 * 1024;
    /// A relay that takes nothing for so long is taken for lost.
    base::Duration idle = std::chrono::seconds(10);
  };

  /// Begins to connect.
  HttpPublisher(Settings settings, Publisher::Events& events);
  /// Ends at once; no event comes after it.
  ~HttpPublisher();
  HttpPublisher(const HttpPublisher&) = delete;
  HttpPublisher& operator=(const HttpPublisher&) = delete;

  /// What the body begins with, for later chunks. Another one than before ends the body, and a new
  /// one begins.
  void set_header(std::string header);
  /// The next chunk. `sync`: a body may begin with it.
  void add(std::string bytes, bool sync);
  /// No more chunks: `on_end` comes once all are sent and the relay has said that it is content.
  void finish();

  /// `acknowledged`: written to the socket.
  Publisher::Stats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
