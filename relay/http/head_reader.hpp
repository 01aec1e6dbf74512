#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"
#include "relay/http/request_head.hpp"

namespace http {

constexpr std::size_t head_bytes_max = 16 * 1024;  ///< the empty line at the end included
constexpr std::size_t head_fields_max = 128;
constexpr std::size_t leading_blank_lines_max = 4;

/// Finds request heads in received bytes. Keeps an unfinished head and nothing between heads, so
/// that an idle connection costs the size of this object. After an error it is of no more use.
class HeadReader {
 public:
  /// A head once its last byte is among `bytes`; then only the first `consumed()` of them belonged
  /// to it. Otherwise all were looked at, and what is bad is refused as soon as it is seen.
  base::Result<std::optional<RequestHead>> feed(std::span<const std::byte> bytes);

  /// How many of the last fed bytes belonged to the head.
  std::size_t consumed() const noexcept { return consumed_; }
  /// True while a head has begun and not ended: the time for `http.header_timeout` runs.
  bool started() const noexcept { return !pending_.empty(); }

 private:
  base::Result<std::optional<RequestHead>> finish(std::string_view end, std::size_t consumed);

  std::string pending_;
  std::size_t consumed_ = 0;
  std::size_t blank_lines_ = 0;
};

}  // namespace http
