#pragma once

#include <cstddef>

namespace stream {

/// Why a viewer's response ended; a metric's label and a word of its access line.
enum class ViewerEnd { stream_end, client, error, stalled, slow, pinned, drain, tracks };
constexpr std::size_t viewer_end_count = 8;
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
};
constexpr std::size_t publisher_end_count = 8;
const char* name_of(PublisherEnd end) noexcept;

}  // namespace stream
