// Clips of a recording that the input damages: whatever it does, what comes out was recorded. And
// the tables of a clip of chunks that the input makes up.
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/disk/clip_planner.hpp"
#include "relay/disk/clip_source.hpp"
#include "relay/disk/index_box.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/record_writer.hpp"

namespace {

constexpr base::Utc start{std::chrono::microseconds(1'774'612'800'000'000)};
constexpr auto frame = std::chrono::milliseconds(40);
constexpr int segment_chunks = 20;
constexpr int segments = 3;

media::Track make_track() {
  media::Track track;
  track.codec = media::Codec::mp3;
  track.kind = media::Kind::audio;
  track.sample_rate = 48'000;
  track.timescale = 90'000;
  return track;
}

/// Three segments with a gap before the last, and the folder that they are in.
struct Recording {
  Recording() {
    const auto tracks = std::make_shared<const media::TrackSet>(media::TrackSet{{make_track()}, 0});
    for (int number = 0; number < segments; ++number) add_segment(number, tracks);
  }
  ~Recording() { std::filesystem::remove_all(folder); }

  void add_segment(int number, const std::shared_ptr<const media::TrackSet>& tracks) {
    disk::RecordWriter writer(pool);
    std::string bytes;
    disk::SegmentTable table;
    for (int index = 0; index < segment_chunks; ++index) {
      const int n = number * segment_chunks + index + (number == 2 ? 30 : 0);
      const std::string& payload =
          *payloads.insert("payload " + std::to_string(n) + std::string(60, 'x')).first;
      stream::Chunk chunk;
      chunk.position = {1, static_cast<std::uint64_t>(n)};
      chunk.time = 900'000 + n * 3600;
      chunk.utc = start + n * frame;
      chunk.sync = index % 5 == 0;
      chunk.container = media::Container::fmp4;
      chunk.tracks = tracks;
      memory::WindowList windows;
      windows.push_back(memory::Window::on_static(std::as_bytes(std::span(payload))));
      chunk.samples.push_back({0, chunk.sync, chunk.time, chunk.time, 3600, std::move(windows)});
      auto record = writer.write(chunk);
      const auto gap = number == 2 ? disk::GapReason::backlog : disk::GapReason::none;
      if (index == 0) {
        bytes = writer.head("cam", record, gap);
        table.segment.stream = "cam";
        table.segment.first = chunk.position;
        table.segment.start = chunk.utc;
        table.segment.start_time = chunk.time;
        table.segment.gap = gap;
      }
      record.entry.offset = bytes.size();
      for (const memory::Window& window : record.bytes) {
        bytes.append(reinterpret_cast<const char*>(window.data()), window.size());
      }
      table.chunks.push_back(record.entry);
      ++table.segment.chunks;
      table.segment.end = chunk.utc + frame;
      table.segment.end_time = chunk.time + 3600;
    }
    bytes += disk::write_index(table);
    table.segment.bytes = bytes.size();
    table.segment.is_open = false;
    const auto path = disk::segment_path(folder, "cam", table.segment.start);
    std::filesystem::create_directories(path.parent_path());
    ids.push_back(store.catalog().add(table.segment));
    paths.push_back(path);
    files.push_back(std::move(bytes));
  }
  void put(std::size_t index, const std::string& bytes) {
    std::ofstream(paths[index], std::ios::binary | std::ios::trunc) << bytes;
    store.forget_table(ids[index]);
  }

  std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("fuzz-disk-clip-" + std::to_string(getpid()));
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  memory::Arena arena{1 << 20, 4096};
  memory::BlockPool pool{arena};
  disk::Store store{{folder, 0, 0, 4}, log};
  std::set<std::string> payloads;
  std::vector<std::string> files;
  std::vector<std::filesystem::path> paths;
  std::vector<std::int64_t> ids;
  std::atomic<std::uint64_t> memory{0};
};

void check(Recording& recording, const std::shared_ptr<const disk::ClipPlan>& plan) {
  std::uint64_t bytes = 0;
  for (const auto& piece : plan->pieces) bytes += piece.bytes;
  RELAY_ASSERT(bytes == plan->content_bytes && plan->start < plan->end);
  disk::ClipSource source(recording.folder, plan);
  std::uint64_t offset = 0;
  for (const auto& piece : plan->pieces) {
    std::string content(piece.bytes, '\0');
    const auto read = source.read(offset, std::as_writable_bytes(std::span(content)));
    RELAY_ASSERT(!read || recording.payloads.contains(content));
    offset += piece.bytes;
  }
}

void damage(base::ByteReader input) {
  static Recording recording;
  const int from = input.u8();
  const int length = input.u8();
  std::vector<std::string> files = recording.files;
  while (input.remaining() >= 5) {
    std::string& file = files[input.u8() % segments];
    const std::uint32_t what = input.u8();
    const std::size_t at = file.empty() ? 0 : input.u16() % file.size();
    const std::uint32_t value = input.u8();
    if (file.empty()) continue;
    if (what % 16 == 0) {
      file.resize(at);
    } else if (what % 16 == 1) {
      file.erase(at, value);
    } else {
      file[at] = static_cast<char>(file[at] ^ static_cast<char>(value));
    }
  }
  for (std::size_t index = 0; index < segments; ++index) recording.put(index, files[index]);
  disk::ClipPlanner planner(
      recording.store, {"cam", start + (from - 20) * frame, start + (from - 19 + length) * frame},
      recording.memory);
  for (int slices = 0;; ++slices) {
    RELAY_ASSERT(slices < 100);
    const auto progress = planner.work(base::Time::min());
    if (!progress) return;
    if (*progress == disk::ClipPlanner::Progress::done) break;
  }
  check(recording, planner.take());
}

// Numbers near the ends of their range, and in it.
std::int64_t number(base::ByteReader& input) {
  const std::uint8_t kind = input.u8();
  const auto value = static_cast<std::int64_t>(input.u64());
  return kind % 2 == 0 ? value : value >> (kind % 64);
}

void make_up(base::ByteReader input) {
  const base::Utc from = start + std::chrono::microseconds(input.u32());
  disk::ClipMovie movie(from, from + std::chrono::microseconds(input.u32() + 1ULL));
  disk::Head head;
  std::vector<media::Track> tracks(2, make_track());
  tracks[1].codec = media::Codec::vp9;
  tracks[1].kind = media::Kind::video;
  tracks[1].width = tracks[1].height = 16;
  tracks[1].config.assign({std::byte{0}, std::byte{10}, std::byte{0x80}, std::byte{1}, std::byte{1},
                           std::byte{1}, std::byte{0}, std::byte{0}});
  std::uint64_t offset = 0;
  for (bool is_first = true; input.remaining() > 8; is_first = false) {
    const std::uint8_t what = input.u8();
    if (is_first || what % 8 == 0) {
      tracks[what / 8 % 2].timescale = (input.u32() >> (what % 30) & 0x3FFF'FFFF) + 1;
      head.tracks = std::make_shared<const media::TrackSet>(media::TrackSet{tracks, 0});
      movie.begin_segment(head, what % 16 == 0);
    }
    disk::ChunkBox box;
    box.time = number(input) >> 1;
    box.utc =
        base::Utc(std::chrono::microseconds((number(input) & INT64_MAX) % (wire::utc_us_max + 1)));
    box.length = input.u32();
    for (int samples = what / 16; samples > 0; --samples) {
      auto& sample = box.samples.emplace_back();
      sample.track = input.u8() % 3;
      sample.dts = number(input);
      sample.pts = number(input);
      sample.duration = input.u32();
      sample.bytes = input.u8();
    }
    movie.add(box, offset);
    offset += 16 * 256;
  }
  if (movie.is_empty()) return;
  const auto bytes = movie.write(offset);
  RELAY_ASSERT(bytes.size() <= movie.bytes());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  base::ByteReader input(std::as_bytes(std::span(data, size)).subspan(1));
  if (data[0] % 2 == 0) {
    damage(input);
  } else {
    make_up(input);
  }
  return 0;
}
