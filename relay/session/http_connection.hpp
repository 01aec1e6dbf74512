#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "relay/base/time.hpp"
#include "relay/http/head_reader.hpp"
#include "relay/http/proxy/header_reader.hpp"
#include "relay/http/response.hpp"
#include "relay/loop/tcp.hpp"

namespace session {

/// Which port a connection came in by: some requests are answered on one of them only.
enum class Port { http, admin };

/// One TCP connection while it reads request heads and answers with short responses. A request that
/// becomes a publisher or a viewer takes the socket away. Owned by its worker's server.
class HttpConnection final : public loop::Tcp::Events {
 public:
  /// After an early refusal the client may still be sending: so much is read and thrown away, and
  /// for so long, for it to see the response before the connection goes.
  static constexpr std::size_t linger_bytes_max = 1024 * 1024;
  static constexpr base::Duration linger_time = std::chrono::seconds(2);
  /// In a drain: how long a request that may be under way is waited for.
  static constexpr base::Duration drain_wait = std::chrono::milliseconds(500);
  /// Responses to pipelined requests wait here; more than so many bytes are not read ahead.
  static constexpr std::size_t received_bytes_max = 64 * 1024;

  class Events {
   public:
    virtual ~Events() = default;
    /// A whole head; `respond()` or `take_tcp()` follows, now or later.
    virtual void on_request(HttpConnection& connection, http::RequestHead head) noexcept = 0;
    /// A request is refused that never got that far: what was sent is no head, or took too long.
    virtual void on_refused(HttpConnection& connection, unsigned status,
                            std::string_view reason) noexcept = 0;
    /// The request has its answer: the last of `on_request` or `on_refused`. `bytes` of its body.
    virtual void on_answered(HttpConnection& connection, unsigned status,
                             std::uint64_t bytes) noexcept = 0;
    /// It should have begun with a PROXY header and is closed without an answer.
    virtual void on_bad_proxy_header(HttpConnection& connection,
                                     std::string_view reason) noexcept = 0;
    /// Over: to be destroyed at the end of the turn.
    virtual void on_closed(HttpConnection& connection) noexcept = 0;
  };

  /// `received`: bytes that came before, as from an earlier request on the same connection.
  HttpConnection(std::uint64_t id, Port port, loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp,
                 Events& events, base::Duration header_timeout, std::string received = {});

  std::uint64_t id() const noexcept { return id_; }
  Port port() const noexcept { return port_; }
  std::string peer() const { return tcp_->peer(); }
  std::string peer_address() const { return tcp_->peer_address(); }
  const loop::Origin& origin() const noexcept { return tcp_->origin(); }
  /// On whose behalf the request of `on_request` is; until its answer.
  void set_client(const base::Endpoint& client) noexcept;
  /// What its answer says as `X-Request-Id`; empty: nothing.
  void set_request_id(std::string id) noexcept { request_id_ = std::move(id); }
  const std::string& request_id() const noexcept { return request_id_; }
  /// True while the request of `on_request` has no answer yet.
  bool is_waiting() const noexcept { return state_ == State::waiting; }
  bool has_tcp() const noexcept { return tcp_ != nullptr; }

  /// The first response will be the last one, and its head must come within `timeout`. As long as
  /// no head is here.
  void make_last(base::Duration timeout) noexcept;
  /// A PROXY header comes before everything else. Before `start()`.
  void expect_proxy_header();
  /// Begins to read heads.
  void start() noexcept;
  /// Begins as if `head` had just been read, as when another worker read it.
  void start_with(http::RequestHead head) noexcept;
  /// Begins with the response to a request whose body a publisher has read.
  void start_response(bool keep_alive, bool peer_ended) noexcept;

  /// Nothing is read before the request has its answer, or its publisher reads.
  void hold() noexcept { tcp_->stop_reading(); }
  /// Answers the request of `on_request`. The connection goes on when the client asked for it and
  /// the whole request was read (`close` is false).
  void respond(http::ResponseHead head, std::string_view body, bool close = false) noexcept;
  /// Answers HEAD with a head alone, as it is.
  void respond_head(http::ResponseHead head) noexcept;
  /// The interim response that a client with `Expect: 100-continue` waits for.
  void send_continue() noexcept { send("HTTP/1.1 100 Continue\r\n\r\n"); }

  /// The socket, for a publisher or a viewer; then this object is over.
  std::unique_ptr<loop::Tcp> take_tcp() noexcept;
  /// A second descriptor of the socket for another worker, -1 when there is none.
  int duplicate() noexcept { return tcp_->duplicate(); }
  /// Another worker goes on with the socket.
  void abandon() noexcept { close(); }
  /// Bytes that came behind the head.
  std::string take_received() noexcept { return std::exchange(received_, {}); }

  /// From time to time: times out what takes too long. True if it did.
  bool on_time(base::Time now) noexcept;
  /// The next response is the last one and says so.
  void end_after_response() noexcept { is_last_ = true; }
  /// The same, and a request that is not here within `drain_wait` is not waited for: closing at
  /// once would reset one that is under way.
  void drain() noexcept;

 private:
  enum class State : std::uint8_t { reading, waiting, writing, lingering, closed };

  std::span<std::byte> read_space() noexcept override;
  void on_read(std::span<std::byte> bytes) noexcept override;
  void on_read_end(base::Error error) noexcept override;
  void on_written(base::Error error) noexcept override;

  void send(std::string text) noexcept;
  void read_heads() noexcept;
  bool read_proxy_header() noexcept;
  void refuse_proxy_header(std::string_view reason) noexcept;
  void add_request_id(http::ResponseHead& head) const;
  void on_head(http::RequestHead head) noexcept;
  void refuse(unsigned status, const std::string& reason) noexcept;
  void begin_writing() noexcept;
  void after_response() noexcept;
  void linger() noexcept;
  void close() noexcept;

  const std::uint64_t id_;
  loop::Worker& worker_;
  Events& events_;
  std::unique_ptr<loop::Tcp> tcp_;
  base::Duration header_timeout_;
  base::Time deadline_;
  http::HeadReader heads_;
  std::unique_ptr<http::proxy::HeaderReader> proxy_header_;  // null: none is waited for
  std::string request_id_;
  std::string received_;
  std::string unsent_;
  std::size_t lingered_bytes_ = 0;
  Port port_;
  State state_ = State::reading;
  bool in_read_heads_ = false;
  bool close_after_ = false;
  bool peer_ended_ = false;
  bool is_last_ = false;
  bool http_1_1_ = true;
  bool head_only_ = false;
};

}  // namespace session
