#include "relay/stream/chunk.hpp"

#include <algorithm>

namespace stream {

Chunk Chunk::numbers() const {
  Chunk numbers;
  numbers.sequence = sequence;
  numbers.position = position;
  numbers.gap = gap;
  numbers.utc = utc;
  numbers.time = time;
  numbers.ahead = ahead;
  numbers.received = received;
  numbers.segment = segment;
  numbers.part = part;
  numbers.discontinuity = discontinuity;
  numbers.sync = sync;
  numbers.continues_frame = continues_frame;
  numbers.is_frame_open = is_frame_open;
  numbers.generation = generation;
  numbers.container = container;
  numbers.video_frames = video_frames;
  numbers.audio_frames = audio_frames;
  numbers.overhead_bytes = overhead_bytes;
  numbers.tracks = tracks;
  numbers.wire_tracks = wire_tracks;
  numbers.checksum = checksum;
  numbers.wire_offset = wire_offset;
  numbers.stamp_offset = stamp_offset;
  return numbers;
}

std::size_t Chunk::payload_bytes() const noexcept {
  std::size_t size = bytes.bytes();
  for (const media::Sample& sample : samples) size += sample.payload.bytes();
  return size;
}

std::size_t Chunk::held_bytes() const noexcept {
  // Both images end with the same tables.
  const std::size_t join_bytes = join ? std::max(join->start.bytes(), join->skip.bytes()) : 0;
  return payload_bytes() + overhead_bytes + join_bytes;
}

ChunkParcel::ChunkParcel(const Chunk& chunk) : numbers_(chunk.numbers()) {
  const auto pack = [this](const memory::WindowList& list) {
    for (const memory::Window& window : list) windows_.emplace_back(window);
    return static_cast<std::uint32_t>(list.count());
  };
  windows_.reserve(chunk.bytes.count() + 2 * chunk.samples.size() + (chunk.join ? 3u : 1u));
  has_join_ = chunk.join != nullptr;
  if (has_join_) {
    start_count_ = pack(chunk.join->start);
    skip_count_ = pack(chunk.join->skip);
  }
  bytes_count_ = pack(chunk.bytes);
  numbers_.samples.reserve(chunk.samples.size());
  sample_counts_.reserve(chunk.samples.size());
  for (const media::Sample& sample : chunk.samples) {
    numbers_.samples.push_back(
        {sample.track, sample.sync, sample.dts, sample.pts, sample.duration, {}});
    sample_counts_.push_back(pack(sample.payload));
  }
  if (!chunk.http_image.empty()) windows_.emplace_back(chunk.http_image);
}

Chunk ChunkParcel::open(memory::BlockPool& pool) {
  std::size_t index = 0;
  const auto open_some = [&](memory::WindowList& list, std::size_t count) {
    for (; count > 0; --count) list.push_back(windows_[index++].open(pool));
  };
  if (has_join_) {
    JoinImages join;
    open_some(join.start, start_count_);
    open_some(join.skip, skip_count_);
    numbers_.join = std::make_shared<const JoinImages>(std::move(join));
  }
  open_some(numbers_.bytes, bytes_count_);
  for (std::size_t sample = 0; sample < sample_counts_.size(); ++sample) {
    open_some(numbers_.samples[sample].payload, sample_counts_[sample]);
  }
  if (index < windows_.size()) numbers_.http_image = windows_[index].open(pool);
  return std::move(numbers_);
}

}  // namespace stream
