#pragma once

#include "relay/base/result.hpp"

namespace disk {

/// What a file may turn out to be, or what somebody asks for. What the system says of a file
/// (ENOSPC, EIO) is its own error.
enum class Errc {
  bad_head = 1,  ///< what a segment begins with
  bad_record,    ///< what is in a chunk's box makes no sense
  bad_checksum,  ///< of a head, a record or an index
  other_record,  ///< a whole one, but not the one that was asked for
  cut_record,    ///< the file ends in it
  bad_index,
  no_index,       ///< a file that was not closed
  nothing_valid,  ///< not one whole record
  foreign_bytes,  ///< something else lies where a record should be
  newer_catalog,  ///< its version is unknown here
  nothing_recorded,
  nothing_fits,    ///< none of the tracks into MP4
  clip_too_large,  ///< it has more frames than a plan may have
};

const char* describe(Errc errc) noexcept;

}  // namespace disk

RELAY_ERROR_CODES(disk)
