#include "relay/protocol/websocket/errc.hpp"

namespace websocket {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::not_websocket:
      return "the upgrade is not to a WebSocket";
    case Errc::wrong_version:
      return "the version of WebSocket is not 13";
    case Errc::bad_key:
      return "the WebSocket key is malformed";
    case Errc::reserved_bits:
      return "a reserved bit of a frame is set";
    case Errc::unknown_opcode:
      return "a frame has an unknown opcode";
    case Errc::fragmented_control:
      return "a control frame is fragmented";
    case Errc::control_too_long:
      return "a control frame is too long";
    case Errc::not_masked:
      return "a frame is not masked";
    case Errc::length_not_minimal:
      return "the length of a frame is not in its shortest form";
    case Errc::length_too_large:
      return "the length of a frame has 64 bits";
    case Errc::unexpected_continuation:
      return "a frame continues no message";
    case Errc::unfinished_message:
      return "a message begins inside another";
    case Errc::text_not_accepted:
      return "text messages are not accepted";
    case Errc::message_too_large:
      return "a message is too large";
    case Errc::too_many_fragments:
      return "a message has too many fragments";
    case Errc::bad_text:
      return "a text message is not UTF-8";
    case Errc::bad_close_length:
      return "a close frame has half a code";
    case Errc::bad_close_code:
      return "a close frame has a code that must not be sent";
    case Errc::bad_close_reason:
      return "a close reason is not UTF-8";
    case Errc::not_closed:
      return "the connection ended without a close frame";
  }
  return "unknown error";
}

}  // namespace websocket
