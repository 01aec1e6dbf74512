#include "relay/protocol/wire/errc.hpp"

namespace wire {

const char* describe(Errc errc) noexcept {
  switch (errc) {
    case Errc::bad_envelope:
      return "the envelope is malformed";
    case Errc::envelope_too_large:
      return "the envelope is too large";
    case Errc::payload_too_large:
      return "the chunk is too large";
    case Errc::bad_sizes:
      return "the sizes of the samples and the payload differ";
    case Errc::no_samples:
      return "the chunk has no samples";
    case Errc::too_many_samples:
      return "the chunk has too many samples";
    case Errc::too_many_tracks:
      return "there are too many tracks";
    case Errc::bad_track:
      return "a track has no timescale, or its tracks no version";
    case Errc::bad_sample:
      return "a sample has a track or a time that cannot be";
    case Errc::bad_position:
      return "an epoch or a sequence number cannot be";
    case Errc::bad_utc:
      return "a UTC time cannot be";
    case Errc::bad_token:
      return "the token is not one of ours";
    case Errc::text_too_long:
      return "a name or record is too long";
    case Errc::bad_order:
      return "this message does not belong here";
    case Errc::bad_tracks_version:
      return "a chunk came before its tracks, or a version means two things";
    case Errc::bad_sequence:
      return "a sequence number cannot come next";
    case Errc::bad_checksum:
      return "the payload does not match its checksum";
    case Errc::bad_speed:
      return "nothing is played so fast";
    case Errc::bad_gap:
      return "a gap ends before it begins";
    case Errc::wrong_stream:
      return "the stream's name is not that of the path";
    case Errc::flood:
      return "there are too many messages";
  }
  return "unknown error";
}

ByeReason reason_of(const base::Error& error) noexcept {
  if (error.category() != make_error_code(Errc::flood).category()) return ByeReason::bad_message;
  switch (static_cast<Errc>(error.value())) {
    case Errc::envelope_too_large:
    case Errc::payload_too_large:
    case Errc::too_many_samples:
    case Errc::text_too_long:
      return ByeReason::too_large;
    case Errc::too_many_tracks:
      return ByeReason::too_many_tracks;
    case Errc::bad_token:
      return ByeReason::bad_token;
    case Errc::bad_sequence:
      return ByeReason::bad_sequence;
    case Errc::bad_checksum:
      return ByeReason::bad_checksum;
    case Errc::flood:
      return ByeReason::flood;
    default:
      return ByeReason::bad_message;
  }
}

}  // namespace wire
