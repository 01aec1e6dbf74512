#pragma once

#include <memory>
#include <optional>
#include <string>

#include "client/wire/backoff.hpp"
#include "client/wire/ending.hpp"
#include "client/wire/url.hpp"
#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/memory/block_pool.hpp"

namespace client {

/// Reads an endless body with one GET. Before it begins, a relay that cannot be reached or has no
/// room (503) is asked again; after that a loss is the end. Owns one network thread.
class HttpGet {
 public:
  struct Settings {
    Url url;  ///< `http://`
    Backoff::Policy backoff;
    base::Duration patience = std::chrono::seconds(5);  ///< for each address to answer
    base::Duration silence = std::chrono::seconds(60);  ///< in the body: lost
  };

  /// On the network thread.
  class Events {
   public:
    virtual ~Events() = default;
    virtual void on_connected(const std::string& address) = 0;
    /// The next bytes of the body. An error is the end.
    virtual base::Result<void> on_body(memory::Window bytes) = 0;
    /// When `on_time()` is wanted.
    virtual std::optional<base::Time> deadline() = 0;
    virtual void on_time(base::Time now) = 0;
    /// No answer; the next try is after that time.
    virtual void on_lost(const std::string& reason, base::Duration retry_in) = 0;
    /// Nothing comes any more; once. Done: the body ended as HTTP says.
    virtual void on_end(const Ending& ending) = 0;
  };

  /// Begins to connect. `pool`: for the body; used on the network thread only.
  HttpGet(memory::BlockPool& pool, Settings settings, Events& events);
  /// No event comes after it.
  ~HttpGet();
  HttpGet(const HttpGet&) = delete;
  HttpGet& operator=(const HttpGet&) = delete;

  /// While held nothing is read.
  void hold(bool is_held);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace client
