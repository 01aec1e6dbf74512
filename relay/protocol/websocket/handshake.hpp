#pragma once

#include <span>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/protocol/websocket/errc.hpp"

namespace websocket {

constexpr std::string_view version = "13";  ///< Sec-WebSocket-Version, the only one (RFC 6455, 4.4)

/// Values of fields of an HTTP/1.1 GET whose Connection field has `upgrade`; empty where the field
/// is missing. Where one came several times they are joined by commas (RFC 9110, 5.3).
struct HandshakeFields {
  std::string_view upgrade;
  std::string_view version;    ///< Sec-WebSocket-Version
  std::string_view key;        ///< Sec-WebSocket-Key
  std::string_view protocols;  ///< Sec-WebSocket-Protocol
};

/// What goes into the 101. There is no Sec-WebSocket-Extensions, which refuses all that were
/// offered, permessage-deflate too (9.1).
struct HandshakeAnswer {
  std::string accept;         ///< Sec-WebSocket-Accept
  std::string_view protocol;  ///< Sec-WebSocket-Protocol, one of ours; empty: none was offered
};

/// True when the Upgrade field offers `websocket`.
bool asks_for_websocket(std::string_view upgrade) noexcept;

/// Checks the fields (4.2.1) and picks, of our `protocols`, the one the client would like best.
base::Result<HandshakeAnswer> answer(const HandshakeFields& fields,
                                     std::span<const std::string_view> protocols);

/// Sec-WebSocket-Accept for a Sec-WebSocket-Key (4.2.2, point 5.4).
std::string accept_key(std::string_view key);

}  // namespace websocket
