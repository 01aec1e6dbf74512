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
};
constexpr std::size_t viewer_end_count = 11;
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
};
constexpr std::size_t publisher_end_count = 11;
const char* name_of(PublisherEnd end) noexcept;

}  // namespace stream
