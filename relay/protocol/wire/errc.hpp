#pragma once

#include "relay/base/result.hpp"
#include "relay/protocol/wire/message.hpp"

namespace wire {

/// What is wrong with a message. `describe()` is the sentence that a Bye shows.
enum class Errc {
  bad_envelope = 1,    ///< the length or the Protobuf message behind it is malformed
  envelope_too_large,  ///< over `envelope_bytes_max`
  payload_too_large,   ///< over `payload_bytes_max`
  bad_sizes,           ///< a chunk's samples and its payload differ in size
  no_samples,          ///< a publisher's chunk of nothing
  too_many_samples,    ///< over `samples_max`
  too_many_tracks,     ///< over `tracks_max`
  bad_track,           ///< timescale 0, or a version of 0 with tracks
  bad_sample,          ///< a track that is not there, or a time that cannot be
  bad_position,        ///< an epoch of 0, or a number over `sequence_max`
  bad_utc,             ///< not between 1970 and the year 9999
  bad_token,           ///< over `token_bytes_max`
  text_too_long,       ///< a name, a language or a record over its limit
  bad_order,           ///< a message that does not belong here
  bad_tracks_version,  ///< a chunk before its tracks, or other tracks under a known version
  bad_sequence,        ///< a number that cannot come next
  bad_checksum,        ///< the payload was damaged
  bad_speed,           ///< over `speed_max`
  bad_gap,             ///< a gap that ends before it begins
  wrong_stream,        ///< the name in Hello is not that of the path
  flood,               ///< too many messages that are no chunks
};

const char* describe(Errc errc) noexcept;

/// What a Bye says about it; `bad_message` for errors of other folders.
ByeReason reason_of(const base::Error& error) noexcept;

}  // namespace wire

RELAY_ERROR_CODES(wire)
