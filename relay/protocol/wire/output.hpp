#pragma once

#include <string>

#include "relay/base/drained_queue.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/protocol/wire/writer.hpp"

namespace wire {

/// To be sent as one binary WebSocket message.
struct Send {
  Encoded message;
};

/// The connection is over: close it once everything before was sent. What a Bye said, or is said.
struct Close {
  ByeReason reason = ByeReason::unspecified;
  Milliseconds retry_after{};
  std::string detail;
  bool by_peer = false;
};

}  // namespace wire
