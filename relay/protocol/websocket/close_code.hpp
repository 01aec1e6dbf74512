#pragma once

#include <cstdint>

#include "relay/protocol/websocket/errc.hpp"

namespace websocket {

/// Why a connection is closed (RFC 6455, 7.4.1, and IANA's registry). Holds the codes of
/// applications too, 3000 to 4999.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  ///< never sent: stands for a close frame without a code
  abnormal = 1006,   ///< never sent: the connection ended without a close frame
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  internal_error = 1011,
  service_restart = 1012,
  try_again_later = 1013,
};

/// True for a code that may stand in a close frame (7.4.2).
bool may_be_sent(CloseCode code) noexcept;

/// What the client is told that did this; `abnormal` when there is nobody to tell.
CloseCode close_code(Errc errc) noexcept;

}  // namespace websocket
