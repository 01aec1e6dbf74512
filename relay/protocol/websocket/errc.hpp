#pragma once

#include "relay/base/result.hpp"

namespace websocket {

/// What a client can do wrong. `close_code()` says which code it is told; the handshake's errors
/// are answered by HTTP instead.
enum class Errc {
  not_websocket = 1,        ///< handshake: the Upgrade field asks for something else (400)
  wrong_version,            ///< handshake: Sec-WebSocket-Version is not 13 (426)
  bad_key,                  ///< handshake: Sec-WebSocket-Key is not base64 of 16 bytes (400)
  reserved_bits,            ///< RSV1 to RSV3 without an extension
  unknown_opcode,           ///< 3 to 7 or 11 to 15
  fragmented_control,       ///< a control frame without FIN
  control_too_long,         ///< a control frame of more than `control_bytes_max`
  not_masked,               ///< a client's frame without a mask
  length_not_minimal,       ///< a length written in more bytes than it needs
  length_too_large,         ///< the top bit of a 64-bit length
  unexpected_continuation,  ///< a continuation frame without a message to continue
  unfinished_message,       ///< a new message inside a fragmented one
  text_not_accepted,        ///< a text message where only binary ones are taken
  message_too_large,        ///< more than `Limits::message_bytes_max`
  too_many_fragments,       ///< more than `Limits::fragments_max` frames in one message
  bad_text,                 ///< a text message that is not UTF-8
  bad_close_length,         ///< a close frame with one byte of payload
  bad_close_code,           ///< a close code that must not be sent
  bad_close_reason,         ///< a close reason that is not UTF-8
  not_closed,               ///< the connection ended without a close frame
};

const char* describe(Errc errc) noexcept;

}  // namespace websocket

RELAY_ERROR_CODES(websocket)
