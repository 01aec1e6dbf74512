#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relay/base/logging.hpp"
#include "relay/disk/clip_planner.hpp"
#include "relay/disk/clip_source.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/store.hpp"
#include "tests/unit/disk/record_rig.hpp"
#include "tests/unit/media/container/fmp4/whole_movie.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk::test {

/// A camera of 25 frames a second and AAC, and what a recorder would have on disk of it. Frame `n`
/// begins 40 ms times `n` behind the start; every tenth is a sync frame.
class ClipRig {
 public:
  static constexpr std::int64_t frame = 3600;  // of 90 kHz
  static constexpr std::int64_t audio_frame = 1024;
  static constexpr int group = 10;
  static constexpr base::Utc start = ::test::WireRig::start_utc + std::chrono::seconds(10);

  static base::Utc at(int n, std::chrono::microseconds more = {}) {
    return start + std::chrono::milliseconds(40) * n + more;
  }

  /// One segment with these frames. Audio comes with the frame behind it, or `audio_delay` frames
  /// later.
  Segment record(int from, int to, GapReason gap = GapReason::none) {
    ::test::Recording recording(maker.pool);
    recording.gap = gap;
    for (int n = from; n < to; ++n) recording.write(chunk(n));
    if (!is_open) recording.close();
    REQUIRE(recording.files.size() == 1);
    return save(recording.files.front());
  }

  Segment save(const ::test::Recording::File& file) {
    Segment segment = file.table.segment;
    segment.is_open = is_open;
    const auto path = segment_path(store.root(), segment.stream, segment.start);
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << file.bytes;
    segment.id = store.catalog().add(segment);
    if (is_open) {
      auto table = std::make_shared<SegmentTable>(file.table);
      table->segment = segment;
      store.publish(std::move(table));
    }
    return segment;
  }

  stream::Chunk chunk(int n) {
    stream::Chunk chunk;
    chunk.sequence = static_cast<std::uint64_t>(n);
    chunk.position = {epoch, static_cast<std::uint64_t>(1000 + n)};
    chunk.time = log_begin + (n + behind) * frame;
    chunk.utc = at(n);
    chunk.sync = n % group == 0 || !has_video;
    chunk.container = media::Container::fmp4;
    chunk.tracks = std::make_shared<const media::TrackSet>(media::TrackSet{tracks, 0});
    if (has_audio) add_audio(chunk, n - audio_delay);
    if (!has_video) return chunk;
    const std::int64_t dts = log_begin + n * frame;
    chunk.samples.push_back({0, chunk.sync, dts, dts + shown_later(n) * frame,
                             static_cast<std::uint32_t>(frame), payload("v", n, 300)});
    chunk.video_frames = 1;
    return chunk;
  }

  // As with B-frames: 0 3 1 2 6 4 5, all one frame later.
  int shown_later(int n) const {
    if (!has_b_frames) return 0;
    const int in_group = n % group;
    if (in_group == 0) return 1;
    return in_group % 3 == 1 ? 3 : 0;
  }

  using Made = base::Result<std::shared_ptr<const ClipPlan>>;
  Made plan(base::Utc from, base::Utc to, std::uint64_t bytes_max = ClipPlanner::plan_bytes_max) {
    ClipPlanner planner(store, {"live/cam", from, to}, memory, bytes_max);
    for (;;) {
      auto progress = planner.work(base::Time::min());
      if (!progress) return progress.error();
      ++slices;
      if (*progress == ClipPlanner::Progress::done) return planner.take();
    }
  }

  /// The whole file.
  std::string read(const std::shared_ptr<const ClipPlan>& plan) {
    std::vector<std::byte> content(plan->content_bytes);
    ClipSource source(store.root(), plan);
    const auto done = source.read(0, content);
    REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message()));
    return ::test::to_text(plan->head) + ::test::to_text(content);
  }

  /// What is shown of a track, one a line: "v7@0" is the payload v7 from 0 ms on. Also checks that
  /// each has the bytes that were recorded.
  std::string shown(const std::shared_ptr<const ClipPlan>& plan, std::size_t index = 0) {
    const std::string file = read(plan);
    const auto movie = ::test::read_whole_movie(std::as_bytes(std::span(file)));
    REQUIRE(index < movie.tracks.size());
    const auto& track = movie.tracks[index];
    const auto& edit = track.edits.back();
    const std::int64_t wait =
        track.edits.size() > 1 ? static_cast<std::int64_t>(track.edits.front().duration) : 0;
    std::string text;
    for (const auto& sample : track.samples) {
      const std::string bytes = file.substr(sample.offset, sample.bytes);
      const std::string name = bytes.substr(0, bytes.find(' '));
      CHECK(bytes == payloads.at(name));
      const std::int64_t ticks =
          media::rescale(sample.pts - edit.media_time, 90'000, track.timescale);
      const std::int64_t first = name.front() == 'v' ? 0 : -1;  // of audio times are rounded
      if (ticks < first || ticks >= static_cast<std::int64_t>(edit.duration)) continue;
      text += name + "@" + std::to_string((ticks + wait + 45) / 90) + " ";
    }
    if (!text.empty()) text.pop_back();
    return text;
  }
  /// The same of frames from `from` to before `to`, the first at `ms`.
  static std::string frames(int from, int to, int ms = 0) {
    std::string text;
    for (int n = from; n < to; ++n) {
      text += (text.empty() ? "v" : " v") + std::to_string(n) + "@" +
              std::to_string(ms + (n - from) * 40);
    }
    return text;
  }

  ::test::TemporaryFolder folder;
  base::Log log{base::LogLevel::error, base::LogFormat::text};
  Store store{{folder.path(), 0, 1 << 20, 4}, log};
  ::test::ChunkMaker maker;
  std::vector<media::Track> tracks{::test::h264_track(), ::test::aac_track()};
  std::map<std::string, std::string> payloads;
  std::atomic<std::uint64_t> memory{0};
  int slices = 0;

  std::uint64_t epoch = ::test::E;
  std::int64_t log_begin = 900'000;
  bool has_audio = false;
  bool has_video = true;
  bool has_b_frames = false;
  int behind = 0;  // frames, that a chunk is later than what is in it
  bool is_open = false;
  int audio_delay = 0;

 private:
  // That begins in the time of frame `n`.
  void add_audio(stream::Chunk& chunk, int n) {
    const auto first_in = [](std::int64_t ticks) {
      return (media::rescale(ticks, 48'000, 90'000) + audio_frame - 1) / audio_frame;
    };
    for (std::int64_t k = first_in(n * frame); n >= 0 && k < first_in((n + 1) * frame); ++k) {
      const std::int64_t dts = media::rescale(log_begin, 48'000, 90'000) + k * audio_frame;
      chunk.samples.push_back({1, true, dts, dts, static_cast<std::uint32_t>(audio_frame),
                               payload("a", static_cast<int>(k), 40)});
      ++chunk.audio_frames;
    }
  }

  memory::WindowList payload(const char* kind, int n, std::size_t bytes) {
    std::string& text = payloads[kind + std::to_string(n)];
    if (text.empty()) {
      text = kind + std::to_string(n) + " ";
      while (text.size() < bytes)
        text += static_cast<char>('a' + (text.size() * 7 + static_cast<std::size_t>(n)) % 26);
    }
    return ::test::put(maker, text);
  }
};

}  // namespace disk::test
