#pragma once

#include <string>
#include <string_view>

#include "relay/http/request_head.hpp"
#include "relay/http/response.hpp"

namespace http {

/// The WebSocket subprotocol of the Spancast wire.
constexpr std::string_view wire_protocol = "spancast.v1";

/// A GET of HTTP/1.1 that asks for a WebSocket (RFC 6455, 4.2.1), whatever else is wrong with it.
bool asks_for_websocket(const RequestHead& head) noexcept;

/// The answer to such a request: 101, or why not.
struct UpgradeAnswer {
  ResponseHead head;
  std::string reason;  ///< one line; empty with 101

  bool is_accepted() const noexcept { return head.status == 101; }
};
/// Takes the subprotocol of the wire only, and no extensions. 426 where the version of WebSocket
/// is another one, 400 where something else is wrong.
UpgradeAnswer answer_upgrade(const RequestHead& head);

}  // namespace http
