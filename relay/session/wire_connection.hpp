#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "relay/base/time.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/protocol/wire/output.hpp"
#include "relay/session/message_collector.hpp"
#include "relay/session/wire_link.hpp"

namespace session {

/// A WebSocket of the wire at its two ends: until the first message says whether it is a publisher
/// or a viewer, and while it closes. In between the link is somebody else's. Owned by its worker's
/// server.
class WireConnection final : public WireLink::Events {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// The first message, a Hello or a Play: `refuse()`, `take_link()` or `hold()` follows at once.
    virtual void on_first_message(WireConnection& connection, wire::Message message) noexcept = 0;
    /// Said Bye to somebody who had no role yet.
    virtual void on_wire_refused(WireConnection& connection, const wire::Bye& bye) noexcept = 0;
    /// Over: to be destroyed at the end of the turn.
    virtual void on_wire_closed(WireConnection& connection) noexcept = 0;
  };

  struct Request {
    std::string stream;
    std::string user_agent;
    std::string head;      ///< the response's head, as bytes
    std::string received;  ///< what came behind the request's head
  };

  /// Waits for the first message until `deadline`.
  WireConnection(std::uint64_t id, loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp,
                 Events& events, Request request, base::Time deadline);
  /// One whose first message was read on another worker.
  WireConnection(std::uint64_t id, loop::Worker& worker, std::unique_ptr<WireLink> link,
                 Events& events, Request request);
  /// One whose role has ended, and for which `close()` was called.
  WireConnection(std::uint64_t id, loop::Worker& worker, std::unique_ptr<WireLink> link,
                 Events& events);
  ~WireConnection() override;

  std::uint64_t id() const noexcept { return id_; }
  const std::string& stream() const noexcept { return request_.stream; }
  const std::string& user_agent() const noexcept { return request_.user_agent; }
  std::string peer() const { return link_->tcp().peer(); }
  std::string peer_address() const { return link_->tcp().peer_address(); }
  WireLink& link() noexcept { return *link_; }
  /// False when the socket was taken.
  bool has_link() const noexcept { return link_ != nullptr; }

  void start() noexcept;
  /// Says Bye and closes.
  void refuse(const wire::Bye& bye) noexcept;
  /// The decision takes a while: nothing more is read, and nothing waited for, until `release()`,
  /// behind which it follows at once.
  void hold() noexcept;
  void release() noexcept { link_->release(); }
  /// The link, for a publisher or a viewer; then this object is over.
  std::unique_ptr<WireLink> take_link() noexcept;
  /// Another worker goes on with the socket; then this object is over.
  void abandon() noexcept { link_->abandon(); }

  /// From time to time: gives up what takes too long. True if it did.
  bool on_time(base::Time now) noexcept;
  /// Says Bye to who has no role yet.
  void drain(const wire::Bye& bye) noexcept;
  void cut_off() noexcept { link_->cut_off(); }

 private:
  std::span<std::byte> read_space() noexcept override;
  void on_part(const websocket::Part& part) noexcept override;
  void on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept override;
  void on_lost(const std::string& detail) noexcept override;
  void on_closed() noexcept override;

  void over() noexcept;

  const std::uint64_t id_;
  loop::Worker& worker_;
  Events& events_;
  std::unique_ptr<WireLink> link_;
  Request request_;
  base::Time deadline_;
  MessageCollector messages_;
  wire::Allowance allowance_;
  bool is_over_ = false;
};

/// What a WebSocket is closed with behind a Bye.
websocket::CloseCode close_code_of(wire::ByeReason reason) noexcept;

}  // namespace session
