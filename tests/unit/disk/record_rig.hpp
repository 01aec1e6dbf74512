#pragma once

#include <doctest/doctest.h>
#include <sys/uio.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "relay/disk/index_box.hpp"
#include "relay/disk/record_reader.hpp"
#include "relay/disk/record_writer.hpp"
#include "relay/disk/segment_scan.hpp"
#include "relay/media/chunker.hpp"
#include "relay/media/container/fmp4/reader.hpp"
#include "relay/media/container/mpegts/reader.hpp"
#include "relay/media/timescale.hpp"
#include "tests/unit/stream/wire_rig.hpp"

namespace test {

/// Everything of a chunk that comes back, but for its objects; one sample a line.
inline std::string told(const stream::Chunk& chunk) {
  const auto number = [](auto value) { return " " + std::to_string(value); };
  std::string text = name_of(chunk.position) + number(chunk.utc.time_since_epoch().count()) +
                     number(chunk.time) + number(chunk.segment) + number(chunk.part) +
                     number(chunk.discontinuity) + number(chunk.sync) + number(chunk.video_frames) +
                     number(chunk.audio_frames) + number(chunk.wire_offset) +
                     number(chunk.stamp_offset) + "\n";
  for (const media::Sample& sample : chunk.samples) {
    text += std::to_string(sample.track) + number(sample.sync) + number(sample.dts) +
            number(sample.pts) + number(sample.duration) + " " + to_text(sample.payload) + "\n";
  }
  return text;
}

/// The files that a recorder would make of the chunks of a log, in memory: a new one only where one
/// is needed.
class Recording {
 public:
  struct File {
    std::string bytes;
    disk::SegmentTable table;

    std::string_view record(std::size_t index) const {
      const disk::ChunkEntry& entry = table.chunks[index];
      return std::string_view(bytes).substr(entry.offset, entry.bytes);
    }
    std::string_view head() const {
      return std::string_view(bytes).substr(0, table.chunks.front().offset);
    }
  };

  explicit Recording(memory::BlockPool& pool) : writer(pool) {}

  const disk::ChunkEntry& write(const stream::Chunk& chunk) {
    auto record = writer.write(chunk);
    REQUIRE_FALSE(record.is_lost);
    CHECK(record.bytes.bytes() == record.entry.bytes);
    if (files.empty() || record.begins_anew) begin(record);
    File& file = files.back();
    disk::Segment& segment = file.table.segment;
    record.entry.offset = file.bytes.size();
    file.bytes += to_text(record.bytes);
    file.table.chunks.push_back(record.entry);
    ++segment.chunks;
    if (record.entry.sync) {
      segment.last_sync = record.position.sequence;
      segment.last_sync_time = record.entry.time;
    }
    segment.end_time = record.end_time;
    segment.end = record.entry.utc + std::chrono::duration_cast<std::chrono::microseconds>(
                                         stream::to_duration(record.end_time - record.entry.time));
    segment.number = record.number;
    segment.discontinuity = record.discontinuity;
    segment.bytes = file.bytes.size();
    return file.table.chunks.back();
  }
  void close() {
    for (File& file : files) {
      file.bytes += disk::write_index(file.table);
      file.table.segment.bytes = file.bytes.size();
      file.table.segment.is_open = false;
    }
  }

  disk::RecordWriter writer;
  std::vector<File> files;
  std::string stream = "live/cam";
  disk::GapReason gap = disk::GapReason::none;

 private:
  void begin(const disk::RecordWriter::Record& record) {
    File& file = files.emplace_back();
    file.bytes = writer.head(stream, record, gap);
    disk::Segment& segment = file.table.segment;
    segment.stream = stream;
    segment.first = record.position;
    segment.last_sync = record.position.sequence;
    segment.last_sync_time = record.entry.time;
    segment.start = record.entry.utc;
    segment.start_time = record.entry.time;
    segment.gap = gap;
  }
};

/// Reads a file back, every record checked, its windows in blocks of `maker`.
inline std::vector<stream::Chunk> read_back(ChunkMaker& maker, disk::RecordReader& reader,
                                            const Recording::File& file) {
  REQUIRE(reader.begin(std::as_bytes(std::span(file.head()))).has_value());
  std::vector<stream::Chunk> chunks;
  for (std::size_t index = 0; index < file.table.chunks.size(); ++index) {
    const std::string record(file.record(index));
    const iovec part{const_cast<char*>(record.data()), record.size()};
    const auto checked = disk::check_record({&part, 1}, file.table.chunks[index]);
    REQUIRE_MESSAGE(checked.has_value(), (checked ? "" : checked.error().message()));
    auto chunk = reader.read(put(maker, record));
    REQUIRE_MESSAGE(chunk.has_value(), (chunk ? "" : chunk.error().message()));
    chunks.push_back(std::move(*chunk));
  }
  return chunks;
}
inline std::vector<stream::Chunk> read_back(ChunkMaker& maker, const Recording::File& file) {
  disk::RecordReader reader;
  return read_back(maker, reader, file);
}

inline std::string read_data(const std::string& name) {
  std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/" + name, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The chunks that the relay would make of a body, as far as their payload goes.
class Body {
 public:
  explicit Body(ChunkMaker& made, const std::string& name) : maker(made) {
    const std::string bytes = read_data(name);
    if (name.ends_with(".ts")) {
      read_packets(bytes);
    } else {
      read_boxes(bytes);
    }
  }

  ChunkMaker& maker;
  std::vector<stream::Chunk> chunks;

 private:
  stream::Chunk make(std::int64_t dts) {
    stream::Chunk chunk;
    if (chunks.empty()) offset_ = 900'000 - dts;
    chunk.sequence = chunks.size();
    chunk.position = {E, 70 + chunks.size()};
    chunk.time = dts + offset_;
    chunk.utc = WireRig::start_utc + std::chrono::duration_cast<std::chrono::microseconds>(
                                         stream::to_duration(chunk.time));
    chunk.segment = 1'800'000'000;
    chunk.part = static_cast<std::uint32_t>(chunks.size() % 7);
    chunk.stamp_offset = offset_;
    return chunk;
  }

  void read_packets(const std::string& bytes) {
    mpegts::Reader reader(maker.pool);
    const base::Time now{};
    for (const memory::Window& window : put(maker, bytes)) {
      REQUIRE(reader.feed(window, now).has_value());
      while (auto piece = reader.poll()) add(reader, std::move(*piece));
    }
  }
  void add(const mpegts::Reader& reader, mpegts::Piece piece) {
    if (piece.dts) last_dts_ = *piece.dts;
    stream::Chunk chunk = make(last_dts_);
    chunk.container = media::Container::mpegts;
    chunk.sync = piece.sync;
    chunk.continues_frame = piece.continues_frame;
    chunk.is_frame_open = piece.is_frame_open;
    chunk.video_frames = static_cast<std::uint16_t>(piece.video_frames);
    chunk.audio_frames = static_cast<std::uint16_t>(piece.audio_frames);
    chunk.bytes = std::move(piece.bytes);
    chunk.tracks = std::make_shared<const media::TrackSet>(
        media::TrackSet{{reader.tracks().begin(), reader.tracks().end()}, 5});
    chunks.push_back(std::move(chunk));
  }

  void read_boxes(const std::string& bytes) {
    fmp4::Reader reader(maker.pool);
    media::Chunker chunker;
    std::optional<std::uint32_t> version;
    const base::Time now{};
    for (const memory::Window& window : put(maker, bytes)) {
      REQUIRE(reader.feed(window).has_value());
      while (auto sample = reader.poll()) {
        if (version != reader.tracks_version()) {
          version = reader.tracks_version();
          chunker.set_tracks(reader.tracks());
          add_groups(chunker);
          tracks_ = std::make_shared<const media::TrackSet>(
              media::TrackSet{{reader.tracks().begin(), reader.tracks().end()}, 3});
        }
        chunker.add(std::move(*sample), now);
        add_groups(chunker);
      }
    }
    chunker.finish();
    add_groups(chunker);
  }
  void add_groups(media::Chunker& chunker) {
    while (auto group = chunker.poll()) {
      const media::Sample& first = group->samples.front();
      const auto& tracks = tracks_->tracks;
      stream::Chunk chunk = make(media::rescale(first.dts, 90'000, tracks[first.track].timescale));
      chunk.container = media::Container::fmp4;
      chunk.sync = group->sync;
      chunk.tracks = tracks_;
      chunk.samples = std::move(group->samples);
      for (media::Sample& sample : chunk.samples) {
        const media::Track& track = tracks[sample.track];
        const std::int64_t moved = media::rescale(offset_, track.timescale, 90'000);
        sample.dts += moved;
        sample.pts += moved;
        ++(track.kind == media::Kind::audio ? chunk.audio_frames : chunk.video_frames);
      }
      chunks.push_back(std::move(chunk));
    }
  }

  std::shared_ptr<const media::TrackSet> tracks_;
  std::int64_t offset_ = 0;
  std::int64_t last_dts_ = 0;
};

}  // namespace test
