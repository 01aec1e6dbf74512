#include "tests/bench/http_chunk.hpp"

#include <cstdio>
#include <cstring>

namespace bench {
namespace {

constexpr std::size_t size_line_room = 10;  // the line stands at its end
constexpr std::size_t line_end = 2;

}  // namespace

HttpChunk::HttpChunk(std::size_t payload_max) {
  buffer_.reserve(size_line_room + payload_max + line_end);
}

void HttpChunk::begin() {
  buffer_.clear();
  buffer_.resize(size_line_room);
}

std::byte* HttpChunk::grow(std::size_t size) {
  buffer_.resize(buffer_.size() + size, std::byte{0xff});
  return buffer_.data() + buffer_.size() - size;
}

void HttpChunk::end() {
  char line[size_line_room + 1];
  const int length = std::snprintf(line, sizeof line, "%zx\r\n", buffer_.size() - size_line_room);
  begin_ = size_line_room - static_cast<std::size_t>(length);
  std::memcpy(buffer_.data() + begin_, line, static_cast<std::size_t>(length));
  buffer_.insert(buffer_.end(), {std::byte{'\r'}, std::byte{'\n'}});
}

void HttpChunk::mark(const Marker& marker) {
  write_marker(std::span(buffer_).last(Marker::size + line_end).first<Marker::size>(), marker);
}

std::span<const std::byte> HttpChunk::payload() const {
  return std::span(buffer_).subspan(size_line_room, buffer_.size() - size_line_room - line_end);
}

}  // namespace bench
