#pragma once

#include <cstddef>

namespace stream {

/// Why a viewer's response ended; a metric's label and a word of its access line.
enum class ViewerEnd {
  stream_end,
  client,
  error,
  stalled,
  slow,
  pinned,
  drain,
  tracks,
  until,        ///< all it asked for was sent
  not_found,    ///< what it asked for did not come in time
  bad_message,  ///< it said what may not be said
  revoked,      ///< its token was
  expired,      ///< its token has: it is given another one when it comes back
};
constexpr std::size_t viewer_end_count = 13;
const char* name_of(ViewerEnd end) noexcept;

/// Why a publisher ended; a metric's label and a word of its log line.
enum class PublisherEnd {
  finished,
  truncated,
  broken,
  bad_body,
  bad_media,
  replaced,
  drain,
  memory,
  bad_message,  ///< it said what may not be said
  unwatched,    ///< a source on demand that nobody watches any more
  stalled,      ///< a source that was there and wrote nothing
  revoked,      ///< its token was
  expired,      ///< its token has: it is given another one when it comes back
};
constexpr std::size_t publisher_end_count = 13;
const char* name_of(PublisherEnd end) noexcept;

/// What who is ended for its token is told.
constexpr const char* token_revoked = "the token was revoked";
constexpr const char* token_expired = "the token has expired";

}  // namespace stream
