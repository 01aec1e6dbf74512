#pragma once

#include "relay/base/result.hpp"

namespace http_body {

enum class Errc {
  bad_chunk_size = 1,   ///< a chunk's size line is malformed or its size over 16 digits
  chunk_line_too_long,  ///< a size line of more than `chunk_line_bytes_max` bytes
  bad_chunk_end,        ///< no CRLF behind a chunk's data
  trailer_too_large,    ///< more than `trailer_bytes_max` bytes
  truncated,            ///< the connection ended before the body did
  bad_trailer,          ///< a trailer line that is no field
};

const char* describe(Errc errc) noexcept;

}  // namespace http_body

RELAY_ERROR_CODES(http_body)
