#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "relay/disk/index_box.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/record_writer.hpp"
#include "relay/disk/store.hpp"
#include "tests/unit/media/container/fmp4/tracks.hpp"
#include "tests/unit/stream/chunk_maker.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk::test {

constexpr base::Utc noon{std::chrono::microseconds(1'774'612'800'000'000)};

template <class T>
T value(base::Result<T> result) {
  REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message()));
  return std::move(*result);
}

/// A store in a folder of its own, and the files that recorders would have made there: a chunk is
/// 100 ms long, and every tenth of a segment is a sync chunk.
class StoreRig {
 public:
  struct Kind {
    std::string stream = "live/cam";
    std::uint64_t epoch = 'E';
    std::uint64_t first = 0;
    std::size_t chunks = 40;
    base::Utc start = noon;
    GapReason gap = GapReason::none;
    bool closed = true;
    std::size_t bytes = 500;  ///< of each chunk
  };

  StoreRig() { open(); }

  void open() { store.emplace(Store::Options{folder.path(), 1 << 20, 1 << 20, 4}, log); }
  /// As if the relay had been killed and begun anew.
  void restart() {
    store.reset();
    open();
  }

  /// A whole file; what is told of it besides is up to the test.
  SegmentTable write(const Kind& kind) {
    RecordWriter writer(maker.pool);
    SegmentTable table;
    Segment& segment = table.segment;
    segment.stream = kind.stream;
    segment.start = kind.start;
    segment.gap = kind.gap;
    segment.is_open = !kind.closed;
    std::string bytes;
    for (std::size_t index = 0; index < kind.chunks; ++index) {
      auto record = writer.write(make_chunk(kind, index));
      REQUIRE_FALSE(record.is_lost);
      if (index == 0) {
        bytes = writer.head(kind.stream, record, kind.gap);
        segment.first = record.position;
        segment.start_time = record.entry.time;
      }
      record.entry.offset = bytes.size();
      bytes += ::test::to_text(record.bytes);
      table.chunks.push_back(record.entry);
      ++segment.chunks;
      if (record.entry.sync) {
        segment.last_sync = record.position.sequence;
        segment.last_sync_time = record.entry.time;
      }
      segment.end_time = record.end_time;
      segment.number = record.number;
      segment.discontinuity = record.discontinuity;
    }
    segment.end = kind.start + kind.chunks * std::chrono::milliseconds(100);
    if (kind.closed) bytes += write_index(table);
    segment.bytes = bytes.size();
    write_file(file_of(segment), bytes);
    return table;
  }
  /// The same with the catalog told.
  Segment record(const Kind& kind) {
    Segment segment = write(kind).segment;
    segment.id = store->catalog().add(segment);
    store->set_newest(segment);
    return segment;
  }
  /// Open, and published up to so many chunks.
  SegmentTable record_open(Kind kind) {
    kind.closed = false;
    SegmentTable table = write(kind);
    table.segment.id = store->catalog().add(table.segment);
    publish(table, table.chunks.size());
    return table;
  }
  void publish(SegmentTable table, std::size_t chunks) {
    table.chunks.resize(chunks);
    table.segment.chunks = chunks;
    table.segment.end = table.segment.start + chunks * std::chrono::milliseconds(100);
    store->publish(std::make_shared<const SegmentTable>(std::move(table)));
  }

  // Any bytes are a frame of VP9.
  stream::Chunk make_chunk(const Kind& kind, std::size_t index) {
    const std::uint64_t sequence = kind.first + index;
    stream::Chunk chunk;
    chunk.sequence = sequence;
    chunk.position = {kind.epoch, sequence};
    chunk.utc = kind.start + index * std::chrono::milliseconds(100);
    chunk.time = 900'000 + static_cast<stream::MediaTime>(sequence) * 9'000;
    chunk.segment = static_cast<std::uint32_t>(sequence / 20);
    chunk.sync = index % 10 == 0;
    chunk.container = media::Container::fmp4;
    chunk.tracks = tracks_;
    chunk.video_frames = 1;
    chunk.samples.push_back(
        {0, chunk.sync, chunk.time, chunk.time, 9'000, maker.write(kind.bytes, 4'096)});
    return chunk;
  }

  std::filesystem::path file_of(const Segment& segment) const {
    return segment_path(folder.path(), segment.stream, segment.start);
  }
  static void write_file(const std::filesystem::path& file, const std::string& bytes) {
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << bytes;
  }
  /// Every byte from there on is another one.
  void damage(const Segment& segment, std::uint64_t from, std::size_t bytes) {
    std::fstream file(file_of(segment), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(from));
    file << std::string(bytes, '\xee');
  }

  using Found = base::Result<std::optional<Store::Place>>;
  /// `E12`, and `E12(restart)` with a reason; `nothing`.
  static std::string name_of(const Found& found) {
    const auto place = value(found);
    if (!place) return "nothing";
    std::string name =
        static_cast<char>(place->position().epoch) + std::to_string(place->position().sequence);
    if (place->gap != GapReason::none) name += "(" + std::string(disk::name_of(place->gap)) + ")";
    return name;
  }
  std::string at(base::Utc utc) { return name_of(store->find("live/cam", utc)); }
  std::string at(std::uint64_t epoch, std::uint64_t sequence) {
    return name_of(store->find("live/cam", wire::Position{epoch, sequence}));
  }
  /// All that is read from there on: runs as `E0-39`, each with its reason.
  std::string read_from(const wire::Start& start) {
    std::string text;
    Found found = store->find("live/cam", start);
    while (value(found)) {
      const Store::Place begin = **found;
      text += (text.empty() ? "" : " ") + name_of(found);
      Store::Place last = begin;
      for (;;) {
        found = store->next(last);
        const auto& next = value(found);
        if (!next || next->gap != GapReason::none || next->position() != last.position().next()) {
          break;
        }
        last = *next;
      }
      text += "-" + std::to_string(last.position().sequence);
    }
    return text;
  }

  const ::test::TemporaryFolder folder;
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  ::test::ChunkMaker maker;
  std::optional<Store> store;

 protected:
  std::shared_ptr<const media::TrackSet> tracks_ =
      std::make_shared<const media::TrackSet>(media::TrackSet{
          {::test::video_track(media::Codec::vp9, ::test::bytes_of({0, 10, 0x80, 1, 1, 1, 0, 0}))},
          0});
};

}  // namespace disk::test
