#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tests/bench/marker.hpp"

namespace bench {

/// One chunk of an HTTP body in one buffer: its size line is written when its payload is complete.
class HttpChunk {
 public:
  explicit HttpChunk(std::size_t payload_max);

  void begin();
  /// Room for more payload, filled with 0xff; valid until the next call.
  std::byte* grow(std::size_t size);
  std::vector<std::byte>& buffer() { return buffer_; }
  void end();

  /// At the end of the payload; after end().
  void mark(const Marker& marker);

  std::span<const std::byte> bytes() const { return std::span(buffer_).subspan(begin_); }
  std::span<const std::byte> payload() const;

 private:
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
};

}  // namespace bench
