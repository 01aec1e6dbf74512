// The first byte says what the input is: a file, one of the boxes in it, or what is to be recorded.
// Where a checksum would keep all that was made up out, it is made right before.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/disk/chunk_box.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/record_reader.hpp"
#include "relay/disk/record_writer.hpp"
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

/// Chunks of a log become records, and those the same chunks again.
class Recording {
 public:
  void run(std::span<const std::byte> input) {
    base::ByteReader reader(input);
    while (reader.remaining() > 0) {
      chunks_.push_back(make_chunk(reader));
      const auto record = writer_.write(chunks_.back());
      if (record.is_lost) break;
      if (record.begins_anew) begin(record);
      append(record);
    }
    check();
  }

 private:
  stream::Chunk make_chunk(base::ByteReader& reader) {
    const std::uint8_t what = reader.u8();
    stream::Chunk chunk;
    chunk.position = {1, ++sequence_};
    chunk.time = 900'000 + static_cast<stream::MediaTime>(sequence_) * 3000;
    chunk.sync = (what & 1) != 0;
    chunk.container = (what & 2) != 0 ? media::Container::wire : media::Container::fmp4;
    chunk.tracks = (what & 4) != 0 ? others_ : tracks_;
    chunk.wire_offset = static_cast<std::int16_t>(reader.u16());
    chunk.segment = reader.u8();
    for (unsigned count = what >> 4; count > 0; --count) chunk.samples.push_back(sample(reader));
    return chunk;
  }
  media::Sample sample(base::ByteReader& reader) {
    const std::uint8_t what = reader.u8();
    media::Sample made;
    made.track = what % 3;
    made.sync = (what & 0x04) != 0;
    made.duration = reader.u16();
    std::int64_t& next = times_[made.track];
    made.dts = (what & 0x08) != 0 ? static_cast<std::int64_t>(reader.u64()) : next;
    made.pts = (what & 0x10) != 0 ? static_cast<std::int64_t>(reader.u64()) : made.dts;
    next = std::clamp<std::int64_t>(made.dts, 0, std::int64_t{1} << 40) + made.duration;
    for (std::size_t left = reader.u8() * ((what & 0x20) != 0 ? 60U : 1U); left > 0;) {
      const auto space = payload_.space(1);
      if (!space) break;
      const auto part = space->first(std::min(space->size(), left));
      std::ranges::fill(part, std::byte{what});
      made.payload.push_back(payload_.window(part));
      payload_.advance(part.size());
      left -= part.size();
    }
    return made;
  }

  void begin(const disk::RecordWriter::Record& record) {
    stream::Chunk last = std::move(chunks_.back());
    chunks_.pop_back();
    check();
    chunks_.clear();
    chunks_.push_back(std::move(last));
    const std::string head = writer_.head(stream, record, disk::GapReason::none);
    const auto bytes = std::as_bytes(std::span(head));
    file_.assign(bytes.begin(), bytes.end());
    RELAY_ASSERT(reader_.begin(bytes).has_value());
    read_.clear();
  }
  void append(const disk::RecordWriter::Record& record) {
    RELAY_ASSERT(record.bytes.bytes() == record.entry.bytes);
    for (const auto& window : record.bytes) {
      file_.insert(file_.end(), window.bytes().begin(), window.bytes().end());
    }
    auto chunk = reader_.read(record.bytes);
    RELAY_ASSERT(chunk.has_value());
    read_.push_back(std::move(*chunk));
  }
  void check() {
    if (read_.empty()) return;
    MemorySource source(file_, 100);
    const auto scan = disk::scan_segment(source, stream);
    RELAY_ASSERT(scan && scan->damage.empty() && scan->table.chunks.size() == read_.size());
    for (std::size_t index = 0; index < read_.size(); ++index) {
      check(read_[index], chunks_[index]);
    }
  }
  static void check(const stream::Chunk& read, const stream::Chunk& chunk) {
    RELAY_ASSERT(read.position == chunk.position && read.time == chunk.time &&
                 read.sync == chunk.sync && read.segment == chunk.segment &&
                 read.wire_offset == chunk.wire_offset && read.container == chunk.container &&
                 read.samples.size() == chunk.samples.size());
    for (std::size_t index = 0; index < read.samples.size(); ++index) {
      const media::Sample& one = read.samples[index];
      const media::Sample& other = chunk.samples[index];
      RELAY_ASSERT(one.track == other.track && one.sync == other.sync && one.dts == other.dts &&
                   one.pts == other.pts && one.duration == other.duration &&
                   one.payload.bytes() == other.payload.bytes());
    }
    RELAY_ASSERT(*read.checksum == wire::checksum_of(chunk.samples));
  }

  static std::shared_ptr<const media::TrackSet> make_tracks(std::uint32_t width) {
    media::Track video;
    video.codec = media::Codec::vp9;
    video.kind = media::Kind::video;
    video.width = width;
    video.height = 720;
    video.config.resize(8);
    media::Track audio;
    audio.codec = media::Codec::mp3;
    audio.kind = media::Kind::audio;
    audio.sample_rate = audio.timescale = 48'000;
    return std::make_shared<const media::TrackSet>(
        media::TrackSet{{video, audio, media::Track{}}, 0});
  }

  memory::Arena arena_{512 << 10, 4 << 10};
  memory::BlockPool pool_{arena_};
  memory::BlockWriter payload_{pool_};
  disk::RecordWriter writer_{pool_};
  disk::RecordReader reader_;
  const std::shared_ptr<const media::TrackSet> tracks_ = make_tracks(1280);
  const std::shared_ptr<const media::TrackSet> others_ = make_tracks(640);
  std::int64_t times_[3] = {};
  std::uint64_t sequence_ = 0;
  std::vector<stream::Chunk> chunks_;  // of the segment
  std::vector<stream::Chunk> read_;
  Bytes file_;
};

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
    case 'w':
      Recording().run(bytes);
      break;
    default:
      break;
  }
  return 0;
}
