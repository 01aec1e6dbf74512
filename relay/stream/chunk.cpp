#include "relay/stream/chunk.hpp"

namespace stream {
namespace {

Chunk numbers_of(const Chunk& chunk) {
  Chunk numbers;
  numbers.sequence = chunk.sequence;
  numbers.utc = chunk.utc;
  numbers.time = chunk.time;
  numbers.ahead = chunk.ahead;
  numbers.received = chunk.received;
  numbers.segment = chunk.segment;
  numbers.part = chunk.part;
  numbers.discontinuity = chunk.discontinuity;
  numbers.sync = chunk.sync;
  numbers.continues_frame = chunk.continues_frame;
  numbers.video_frames = chunk.video_frames;
  numbers.audio_frames = chunk.audio_frames;
  return numbers;
}

}  // namespace

ChunkParcel::ChunkParcel(const Chunk& chunk) : numbers_(numbers_of(chunk)) {
  const auto pack = [this](const memory::WindowList& list) {
    for (const memory::Window& window : list) windows_.emplace_back(window);
    return static_cast<std::uint32_t>(list.count());
  };
  windows_.reserve(chunk.bytes.count() + (chunk.join ? 3u : 1u));
  if (chunk.join) {
    start_count_ = pack(chunk.join->start);
    skip_count_ = pack(chunk.join->skip);
    numbers_.join = std::make_unique<JoinImages>();
  }
  pack(chunk.bytes);
  if (!chunk.http_image.empty()) windows_.emplace_back(chunk.http_image);
  bytes_count_ = static_cast<std::uint32_t>(chunk.bytes.count());
}

Chunk ChunkParcel::open(memory::BlockPool& pool) {
  std::size_t index = 0;
  const auto open_until = [&](memory::WindowList& list, std::size_t end) {
    for (; index < end; ++index) list.push_back(windows_[index].open(pool));
  };
  if (numbers_.join) {
    open_until(numbers_.join->start, start_count_);
    open_until(numbers_.join->skip, start_count_ + skip_count_);
  }
  open_until(numbers_.bytes, start_count_ + skip_count_ + bytes_count_);
  if (index < windows_.size()) numbers_.http_image = windows_[index].open(pool);
  return std::move(numbers_);
}

}  // namespace stream
