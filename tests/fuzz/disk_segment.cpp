// The first byte says what the input is: a file, or one of the boxes in it. Where a checksum would
// keep all that was made up out, it is made right before.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/disk/chunk_box.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/record_reader.hpp"
#include "relay/disk/segment_scan.hpp"
#include "relay/media/container/fmp4/box_writer.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/tracks.hpp"

namespace {

using Bytes = std::vector<std::byte>;

const std::string stream = "cam";

class MemorySource final : public disk::ByteSource {
 public:
  MemorySource(std::span<const std::byte> bytes, std::size_t piece)
      : bytes_(bytes), piece_(piece) {}
  std::uint64_t size() const noexcept override { return bytes_.size(); }
  base::Result<std::span<const std::byte>> at(std::uint64_t offset, std::size_t least) override {
    RELAY_ASSERT(offset < bytes_.size() && least <= least_max);
    const auto rest = bytes_.subspan(static_cast<std::size_t>(offset));
    return rest.first(std::min(rest.size(), std::max(least, piece_)));
  }

 private:
  std::span<const std::byte> bytes_;
  std::size_t piece_;
};

std::uint32_t checksum_of(std::span<const std::byte> bytes) {
  wire::Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

void store(std::span<std::byte> at, std::uint32_t value) { fmp4::BoxWriter(at).u32(value); }

disk::Head make_head() {
  media::Track track;
  track.codec = media::Codec::mp3;
  track.kind = media::Kind::audio;
  track.sample_rate = 48'000;
  const std::vector<media::Track> tracks(3, track);
  disk::Head head{stream, 1, disk::GapReason::none, nullptr, nullptr};
  head.tracks = std::make_shared<const media::TrackSet>(media::TrackSet{tracks, 0});
  head.wire_tracks = std::make_shared<const wire::Tracks>(wire::from_media(tracks, 1));
  return head;
}

const std::string& head_bytes() {
  static const std::string bytes = disk::write_head(make_head());
  return bytes;
}

void scan(std::span<const std::byte> bytes, std::size_t piece) {
  MemorySource source(bytes, piece);
  const auto scan = disk::scan_segment(source, stream);
  if (!scan) return;
  const disk::SegmentTable& table = scan->table;
  RELAY_ASSERT(table.segment.chunks == table.chunks.size() && !table.chunks.empty());
  RELAY_ASSERT(scan->valid_bytes <= bytes.size() && scan->damage.size() <= disk::damages_max);
  disk::RecordReader reader;
  RELAY_ASSERT(reader.begin(std::as_bytes(std::span(scan->head))).has_value());
  std::uint64_t offset = scan->head.size();
  wire::Position position = table.segment.first;
  for (const disk::ChunkEntry& entry : table.chunks) {
    RELAY_ASSERT(entry.offset == offset);
    const auto record = bytes.subspan(static_cast<std::size_t>(offset), entry.bytes);
    const iovec part{const_cast<std::byte*>(record.data()), record.size()};
    RELAY_ASSERT(disk::check_record({&part, 1}, entry).has_value());
    memory::WindowList windows;
    windows.push_back(memory::Window::on_static(record));
    const auto chunk = reader.read(std::move(windows));
    RELAY_ASSERT(chunk && chunk->position == position && chunk->sync == entry.sync);
    position = position.next();
    offset += entry.bytes;
  }
  RELAY_ASSERT(offset == scan->valid_bytes);
  std::uint64_t damaged = scan->valid_bytes;
  for (const disk::Damage& damage : scan->damage) {
    RELAY_ASSERT(damage.offset >= damaged && damage.bytes > 0 && damage.why);
    damaged = damage.offset + damage.bytes;
  }
  RELAY_ASSERT(damaged <= bytes.size());
  const std::string index = disk::write_index(table);
  RELAY_ASSERT(disk::read_index_box(std::as_bytes(std::span(index))).has_value());
}

// Records behind a head, their checksums made right.
void scan_records(std::span<const std::byte> records, std::size_t piece) {
  const auto head = std::as_bytes(std::span(head_bytes()));
  Bytes file(head.begin(), head.end());
  file.insert(file.end(), records.begin(), records.end());
  disk::ChunkBox box;
  for (auto rest = std::span(file).subspan(head.size()); !rest.empty();) {
    if (!disk::read_chunk_box(rest, box) || box.record_bytes > rest.size()) break;
    const auto record = rest.first(box.record_bytes);
    store(record.subspan(28), checksum_of(record.subspan(box.header_bytes())));
    disk::seal_record(record.first(box.header_bytes()));
    rest = rest.subspan(record.size());
  }
  scan(file, piece);
}

// What is read is written in one way only.
void read_box(std::span<const std::byte> bytes) {
  disk::ChunkBox box;
  if (!disk::read_chunk_box(bytes, box)) return;
  Bytes written(disk::chunk_box_bytes_bound(box.samples.size()));
  disk::ChunkBox copy = box;
  disk::write_chunk_box(copy, box.record_bytes - box.box_bytes, written);
  RELAY_ASSERT(copy == box);
  const auto read = bytes.first(box.box_bytes);
  RELAY_ASSERT(std::ranges::equal(read.first(24), std::span(written).first(24)));
  RELAY_ASSERT(
      std::ranges::equal(read.subspan(28), std::span(written).first(read.size()).subspan(28)));
}

void read_record(std::span<const std::byte> bytes, std::size_t cut) {
  disk::RecordReader reader;
  RELAY_ASSERT(reader.begin(std::as_bytes(std::span(head_bytes()))).has_value());
  // Not next to each other, so they stay two.
  const Bytes first(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(cut));
  const Bytes second(bytes.begin() + static_cast<std::ptrdiff_t>(cut), bytes.end());
  memory::WindowList windows;
  windows.push_back(memory::Window::on_static(first));
  windows.push_back(memory::Window::on_static(second));
  const auto chunk = reader.read(std::move(windows));
  if (!chunk) return;
  RELAY_ASSERT(chunk->payload_bytes() <= bytes.size());
  for (const media::Sample& sample : chunk->samples) RELAY_ASSERT(sample.track < 3);
}

void read_head(std::span<const std::byte> input) {
  Bytes bytes(input.begin(), input.end());
  if (bytes.size() < 4) return;
  const auto checked = std::span(bytes).first(bytes.size() - 4);
  store(std::span(bytes).subspan(checked.size()), checksum_of(checked));
  const auto head = disk::read_head(bytes);
  if (!head || head->tracks->tracks.size() > 16) return;
  const std::string written = disk::write_head(*head);
  const auto again = disk::read_head(std::as_bytes(std::span(written)));
  RELAY_ASSERT(again && disk::are_alike(*again->tracks, *head->tracks) &&
               again->stream == head->stream && again->epoch == head->epoch);
}

void read_index(std::span<const std::byte> input) {
  Bytes bytes(input.begin(), input.end());
  if (bytes.size() < 8) return;
  const auto checked = std::span(bytes).first(bytes.size() - 8);
  store(std::span(bytes).subspan(checked.size()), checksum_of(checked));
  const auto table = disk::read_index_box(bytes);
  if (!table) return;
  const std::string written = disk::write_index(*table);
  RELAY_ASSERT(std::ranges::equal(std::as_bytes(std::span(written)), bytes));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t chosen = data[1];
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  switch (data[0]) {
    case 'f':
      scan(bytes, chosen + 1);
      break;
    case 'r':
      scan_records(bytes, chosen + 1);
      break;
    case 'c':
      read_box(bytes);
      read_record(bytes, std::min(chosen, bytes.size()));
      break;
    case 'h':
      read_head(bytes);
      break;
    case 'i':
      read_index(bytes);
      break;
    default:
      break;
  }
  return 0;
}
