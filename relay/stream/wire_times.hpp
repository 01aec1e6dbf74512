#pragma once

#include <span>

#include "relay/protocol/wire/message.hpp"
#include "relay/stream/chunk.hpp"

namespace stream {

/// Times on a publisher's wire become those of the log, `wire_offset` later. Each sample means one
/// of `tracks`.
void to_log_times(std::span<media::Sample> samples, const wire::Tracks& tracks,
                  MediaTime wire_offset) noexcept;

/// And back: exactly the times that they had, whatever those were.
void to_wire_times(std::span<media::Sample> samples, const wire::Tracks& tracks,
                   MediaTime wire_offset) noexcept;

}  // namespace stream
