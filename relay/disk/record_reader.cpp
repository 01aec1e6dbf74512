#include "relay/disk/record_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "relay/disk/errc.hpp"

namespace disk {

base::Result<void> RecordReader::begin(std::span<const std::byte> head) {
  auto read = read_head(head);
  if (!read) return read.error();
  if (head_.tracks && are_alike(*head_.tracks, *read->tracks)) read->tracks = head_.tracks;
  if (head_.wire_tracks && *head_.wire_tracks == *read->wire_tracks) {
    read->wire_tracks = head_.wire_tracks;
  }
  head_ = std::move(*read);
  return {};
}

base::Result<stream::Chunk> RecordReader::read(memory::WindowList record) {
  if (auto read = read_box(record); !read) return read.error();
  const std::size_t tracks = head_.tracks->tracks.size();
  const auto is_known = [tracks](const ChunkBox::Sample& one) { return one.track < tracks; };
  if (box_.position.epoch != head_.epoch || box_.record_bytes != record.bytes() ||
      !std::ranges::all_of(box_.samples, is_known)) {
    return Errc::bad_record;
  }
  record.drop_front(box_.header_bytes());
  stream::Chunk chunk = numbers();
  chunk.samples.reserve(box_.samples.size());
  for (const ChunkBox::Sample& from : box_.samples) {
    chunk.samples.push_back(
        {from.track, from.sync, from.dts, from.pts, from.duration, record.take_front(from.bytes)});
  }
  return chunk;
}

base::Result<void> RecordReader::read_box(const memory::WindowList& record) {
  if (record.empty() || !head_.tracks) return Errc::bad_record;
  if (auto read = read_chunk_box(record[0].bytes(), box_); read || record.count() == 1) return read;
  // It lies across blocks.
  std::array<std::byte, chunk_box_size_bytes> begin;
  const auto size = find_chunk_box(std::span(begin).first(record.copy_out(0, begin)));
  if (!size || size->box_bytes > std::min(record.bytes(), chunk_box_bytes_max)) {
    return Errc::bad_record;
  }
  box_bytes_.resize(size->box_bytes);
  record.copy_out(0, box_bytes_);
  return read_chunk_box(box_bytes_, box_);
}

stream::Chunk RecordReader::numbers() const {
  stream::Chunk chunk;
  chunk.position = box_.position;
  chunk.utc = box_.utc;
  chunk.time = box_.time;
  chunk.segment = box_.segment;
  chunk.part = box_.part;
  chunk.discontinuity = box_.discontinuity;
  chunk.sync = box_.sync;
  chunk.container = box_.is_wire ? media::Container::wire : media::Container::fmp4;
  chunk.video_frames = box_.video_frames;
  chunk.audio_frames = box_.audio_frames;
  chunk.tracks = head_.tracks;
  chunk.wire_tracks = head_.wire_tracks;
  chunk.checksum = box_.payload_checksum;
  chunk.wire_offset = box_.wire_offset;
  chunk.stamp_offset = box_.stamp_offset;
  return chunk;
}

}  // namespace disk
