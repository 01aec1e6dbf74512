#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "relay/base/logging.hpp"
#include "relay/base/time.hpp"
#include "relay/http/request_head.hpp"

namespace server {

/// What is told of a request when it is over.
struct Access {
  std::string method;  ///< empty, like the target: what was sent was no head
  std::string target;  ///< as `http::shown_target()` shows it
  std::string user_agent;
  std::string request_id;
  std::string peer;  ///< the client
  base::Time begun{};
  unsigned status = 0;         ///< of its response; 0: there was none
  std::uint64_t received = 0;  ///< bytes of its body that were taken
};

/// The access log of one worker: one line for each request, at the end of its response; at the
/// level `debug` for a good answer to a health check. Knows the requests that are under way by the
/// sessions that serve them, one after the other. Owned by the worker's server.
class AccessLog {
 public:
  AccessLog(base::Log& log, bool is_on) : log_(log), is_on_(is_on) {}

  /// A request whose head is there. `session` has none yet.
  void begin(std::uint64_t session, const http::RequestHead& head, std::string request_id,
             std::string peer, base::Time now);
  /// One whose head was read on another worker.
  void go_on(std::uint64_t session, Access access);
  /// Null: it has no request.
  const Access* find(std::uint64_t session) const noexcept;
  /// Empty: it has no request.
  std::string request_id(std::uint64_t session) const;

  /// Another session has answered with `status` and goes on.
  void move(std::uint64_t from, std::uint64_t to, unsigned status = 0);
  /// What the body of its request had.
  void set_received(std::uint64_t session, std::uint64_t bytes) noexcept;
  /// Another worker goes on with it.
  Access take(std::uint64_t session);
  /// Without a line there is nothing to be kept for one whose response has begun.
  void forget_if_off(std::uint64_t session) noexcept;

  /// There is no time left: all that are under way are over.
  void end_all(base::Time now);
  /// Its response is over, with `bytes` of a body; writes the line. Does nothing when the session
  /// has no request.
  void end(std::uint64_t session, std::uint64_t bytes, base::Time now);
  /// The same with a response that had its status just now.
  void end(std::uint64_t session, unsigned status, std::uint64_t bytes, base::Time now);

 private:
  base::Log& log_;
  bool is_on_;
  std::unordered_map<std::uint64_t, Access> requests_;
};

}  // namespace server
