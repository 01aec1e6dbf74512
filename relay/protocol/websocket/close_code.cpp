#include "relay/protocol/websocket/close_code.hpp"

namespace websocket {

bool may_be_sent(CloseCode code) noexcept {
  const auto value = static_cast<std::uint16_t>(code);
  if (value >= 3000) return value <= 4999;
  // 1004 was never given a meaning, 1015 stands for a failed TLS handshake.
  return (value >= 1000 && value <= 1003) || (value >= 1007 && value <= 1014);
}

CloseCode close_code(Errc errc) noexcept {
  switch (errc) {
    case Errc::text_not_accepted:
      return CloseCode::unsupported_data;
    case Errc::bad_text:
    case Errc::bad_close_reason:
      return CloseCode::invalid_payload;
    case Errc::too_many_fragments:
      return CloseCode::policy_violation;
    case Errc::message_too_large:
      return CloseCode::message_too_big;
    case Errc::not_closed:
      return CloseCode::abnormal;
    default:
      return CloseCode::protocol_error;
  }
}

}  // namespace websocket
