#pragma once

#include "relay/base/result.hpp"
#include "relay/memory/window_list.hpp"
#include "relay/protocol/wire/errc.hpp"
#include "relay/protocol/wire/message.hpp"

namespace wire {

/// One whole binary WebSocket message. The envelope is parsed; a chunk's payload is cut into its
/// samples and stays where it is. What is within one message is checked here (sizes, limits,
/// ranges), what depends on others (order, numbers, tracks) in the sessions, and checksums there
/// too.
base::Result<Message> read_message(memory::WindowList bytes);

}  // namespace wire
