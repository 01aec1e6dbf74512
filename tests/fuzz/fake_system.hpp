#pragma once

#include <chrono>

#include "relay/loop/worker.hpp"

namespace fuzz {

// Linking this replaces the monotonic clock of the process (the relay's and libuv's) by one that
// stands still, and gives every socket the peer 127.0.0.1. The UTC clock stays: libFuzzer needs it.

void reset_time();
void pass_time(std::chrono::nanoseconds time);

/// Writes are short soon: the sockets of a loop get the smallest send buffers there are.
void shrink_send_buffers(loop::Worker& worker);

}  // namespace fuzz
