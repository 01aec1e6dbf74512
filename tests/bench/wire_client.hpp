#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "schemas/wire.pb.h"

namespace bench {

/// A client's side of the Spancast wire protocol, as far as publishers and viewers that only
/// measure need it.

/// The request that opens a WebSocket to a stream (RFC 6455, 4.1); the answer's head follows.
std::string websocket_request(std::string_view target);

/// One masked binary frame around a message (RFC 6455, 5.2).
std::string client_frame(std::string_view message);
/// An answer that nobody asked for, which says that this client is alive (RFC 6455, 5.5.3).
std::string pong_frame();

/// An envelope behind its length, without payload.
std::string message_of(const spancast::wire::Envelope& envelope);

/// Opens the WebSocket, says Hello and waits for Welcome; ends the process if another answer comes.
void join_as_publisher(int fd, std::string_view target, const spancast::wire::Hello& hello);
/// What a viewer says behind the handshake's answer: that it wants to watch live.
std::string play_frame();
std::string bye_frame();

}  // namespace bench
