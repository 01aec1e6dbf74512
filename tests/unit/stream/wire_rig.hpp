#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/reader.hpp"
#include "relay/protocol/wire/tracks.hpp"
#include "relay/protocol/wire/writer.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/home.hpp"
#include "relay/stream/wire_times.hpp"
#include "tests/unit/media/container/fmp4/tracks.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace test {

// Epochs have the names that they are told by.
inline constexpr std::uint64_t E = 'E';
inline constexpr std::uint64_t F = 'F';
inline constexpr std::uint64_t H = 'H';  // of the home

inline std::string name_of(wire::Position position) {
  return static_cast<char>(position.epoch) + std::to_string(position.sequence);
}

/// The frames that a server sent, each a whole binary message; what is left of the last one stays.
inline std::vector<std::string> take_messages(std::string& bytes) {
  std::vector<std::string> messages;
  for (;;) {
    if (bytes.size() < 2) return messages;
    const auto at = [&bytes](std::size_t index) {
      return static_cast<std::size_t>(static_cast<unsigned char>(bytes[index]));
    };
    CHECK(at(0) == 0x82);
    const std::size_t length_bytes = at(1) == 127 ? 8 : at(1) == 126 ? 2 : 0;
    if (bytes.size() < 2 + length_bytes) return messages;
    std::size_t length = length_bytes == 0 ? at(1) : 0;
    for (std::size_t index = 0; index < length_bytes; ++index) length = length << 8 | at(2 + index);
    if (bytes.size() < 2 + length_bytes + length) return messages;
    messages.push_back(bytes.substr(2 + length_bytes, length));
    bytes.erase(0, 2 + length_bytes + length);
  }
}

/// In blocks, at one stretch where they have room.
inline memory::WindowList put(ChunkMaker& maker, std::string_view text) {
  memory::WindowList list;
  while (!text.empty()) {
    const auto piece = text.substr(0, 4'000);
    list.push_back(maker.writer.copy_header(std::as_bytes(std::span(piece))).value());
    text.remove_prefix(piece.size());
  }
  return list;
}

/// A cursor that follows positions, and what it told and sent, in order: "begin=E5", a chunk "E5",
/// "gap=E9(lost E7)", "tracks=E9/2", "until". A place that is not the one asked for is
/// "begin=E9(tail E2)".
class WireViewer final : public stream::Cursor::Sink {
 public:
  WireViewer(ChunkMaker& made, const stream::ViewerPolicy& policy, const wire::Start& start,
             std::optional<wire::Position> until)
      : maker(made), cursor(*this, policy, start, until) {}

  /// What was told since this was last asked.
  std::string take() {
    CHECK(unread.empty());
    return std::exchange(story, {});
  }
  void finish_rest() {
    REQUIRE(rest);
    read(to_text(*std::exchange(rest, std::nullopt)));
    cursor.resume();
  }

  memory::Written write_now(std::span<const iovec> buffers) noexcept override {
    REQUIRE_FALSE(rest);
    REQUIRE_FALSE(cursor.is_halted());
    ++writes;
    const std::string offered = to_text(buffers);
    const std::size_t taken = std::min(offered.size(), limit);
    read(offered.substr(0, taken));
    return {taken, 0};
  }
  void write_rest(stream::ImageRest left) noexcept override { rest = std::move(left); }
  void on_broken(base::Error) noexcept override { REQUIRE(false); }
  void on_too_slow() noexcept override { tell("slow"); }
  void on_seam(const stream::Seam& seam) noexcept override {
    REQUIRE(seam.next.wire_tracks);
    const bool is_plain = seam.reason == wire::GapReason::unspecified;
    std::string text = seam.begins ? "begin=" : is_plain ? "tracks=" : "gap=";
    text += name_of(seam.next.position);
    if (!seam.begins && is_plain) text += "/" + std::to_string(seam.next.wire_tracks->version);
    if (!is_plain) {
      text += "(" + std::string(wire::name_of(seam.reason)) + " " + name_of(seam.from) + ")";
    } else if (!seam.begins) {
      CHECK(seam.from == seam.next.position);
    }
    tell(text);
    if (waits_at_seams) cursor.wait();
  }
  void on_until() noexcept override { tell("until"); }
  bool on_elsewhere(wire::Position next, bool) noexcept override {
    if (!goes_elsewhere) return false;
    tell("elsewhere=" + name_of(next));
    cursor.leave();
    if (on_gone) on_gone(next);
    return true;
  }
  void on_stream_end() noexcept override { tell("end"); }
  void on_unsent_needed(std::size_t) noexcept override {}

  ChunkMaker& maker;
  std::string story;
  std::string unread;
  std::map<std::string, std::string> messages;  // of chunks, by position
  std::optional<stream::ImageRest> rest;
  std::size_t limit = static_cast<std::size_t>(-1);
  int writes = 0;
  bool waits_at_seams = false;
  bool goes_elsewhere = false;
  std::function<void(wire::Position)> on_gone;
  stream::Cursor cursor;

 private:
  void tell(const std::string& text) {
    if (!story.empty()) story += ' ';
    story += text;
  }
  void read(const std::string& bytes) {
    unread += bytes;
    for (const std::string& message : take_messages(unread)) {
      const auto chunk = wire::read_message(put(maker, message));
      REQUIRE(chunk.has_value());
      REQUIRE(std::holds_alternative<wire::Chunk>(*chunk));
      const auto& read_chunk = std::get<wire::Chunk>(*chunk);
      CHECK(read_chunk.checksum == wire::checksum_of(read_chunk.samples));
      const std::string name = name_of(read_chunk.position);
      tell(name);
      messages[name] = message;
    }
  }
};

/// A home whose publisher came over the wire, and a stream on another worker that follows it.
struct WireRig {
  explicit WireRig(stream::TailPolicy tail = {std::chrono::seconds(15), 16 << 20})
      : policy{tail, {}, {}},
        home("live/cam", policy, fanout, maker.pool, H, start_utc),
        replica(std::make_unique<stream::Stream>("live/cam", policy, fanout, maker.pool, 0)) {}
  ~WireRig() { viewers.clear(); }

  static constexpr base::Utc start_utc{std::chrono::seconds(1'800'000'000)};
  static constexpr std::chrono::milliseconds interval{40};

  static wire::Tracks make_tracks(std::uint32_t version) {
    wire::Track video;
    video.codec = "h264";
    video.config = h264_track().config;
    video.width = 1280 + version;
    video.height = 720;
    wire::Track audio;
    audio.codec = "aac";
    audio.timescale = 44'100;  // not so many of them in a tick of 90 kHz
    audio.config = {std::byte{0x12}, std::byte{0x10}};
    audio.sample_rate = 44'100;
    audio.channels = 2;
    audio.language = "deu";
    wire::Track other;
    other.codec = "h299";  // unknown to the relay, and passed on
    other.timescale = 1'000;
    return {version, {video, audio, other}};
  }

  /// As a camera makes it; `made` counts its chunks.
  wire::Chunk make(wire::Position position, bool sync = false, std::size_t bytes = 200) {
    wire::Chunk chunk;
    chunk.position = position;
    chunk.utc = start_utc + interval * made;
    chunk.sync = sync;
    chunk.tracks_version = tracks->version;
    const std::int64_t dts = 1'234'567 + 3'600 * made;
    chunk.samples.push_back({1, true, dts * 49 / 100, dts * 49 / 100, 1'024, payload(30)});
    chunk.samples.push_back({0, sync, dts, dts + 7'200, 3'600, video_frame(bytes, sync)});
    chunk.samples.push_back({2, true, dts / 90, dts / 90 - 5, 0, payload(10)});
    chunk.checksum = wire::checksum_of(chunk.samples);
    ++made;
    return chunk;
  }
  /// As a session hands it to the home.
  stream::Chunk to_log(const wire::Chunk& from) {
    stream::Chunk chunk;
    chunk.position = from.position;
    chunk.utc = from.utc;
    chunk.sync = from.sync;
    chunk.segment = from.segment;
    chunk.part = from.part;
    chunk.discontinuity = from.discontinuity;
    chunk.checksum = from.checksum;
    chunk.container = media::Container::wire;
    chunk.tracks = track_set;
    chunk.wire_tracks = tracks;
    chunk.wire_offset = wire_offset;
    chunk.samples = from.samples;
    chunk.received = now;
    chunk.time = from.samples.empty() ? 900'000 : from.samples[1].dts + wire_offset;
    stream::to_log_times(chunk.samples, *tracks, wire_offset);
    return chunk;
  }
  void publish(wire::Position position, bool sync = false) { append(to_log(make(position, sync))); }
  /// Chunks of an epoch, up to the one before `end`; every fifth is a sync chunk.
  void publish(std::uint64_t epoch, std::uint64_t begin, std::uint64_t end) {
    for (; begin < end; ++begin) publish({epoch, begin}, begin % 5 == 0);
  }
  void append(stream::Chunk chunk) {
    home.append(std::move(chunk));
    if (!replicates) return;
    replica->append(stream::ChunkParcel(home.stream().log().newest()).open(maker.pool));
  }
  /// As a home does with a replica that is too far behind.
  void seed_replica(std::uint64_t from) {
    const stream::StreamLog& log = home.stream().log();
    replica->restart(from);
    for (; from < log.end(); ++from) {
      replica->append(stream::ChunkParcel(log.at(from)).open(maker.pool));
    }
  }
  void use_tracks(std::uint32_t version) {
    tracks = std::make_shared<const wire::Tracks>(make_tracks(version));
    track_set =
        std::make_shared<const media::TrackSet>(media::TrackSet{wire::to_media(*tracks), 0});
  }

  static stream::ViewerPolicy patient() {
    return {stream::SlowPolicy::catch_up, {}, {}, 0, base::Duration::zero()};
  }
  WireViewer& watch(const wire::Start& start, const stream::ViewerPolicy& wanted = patient(),
                    std::optional<wire::Position> until = {}) {
    return watch(home.stream(), start, wanted, until);
  }
  WireViewer& watch(stream::Stream& stream, const wire::Start& start,
                    const stream::ViewerPolicy& wanted = patient(),
                    std::optional<wire::Position> until = {}) {
    auto& viewer = *viewers.emplace_back(std::make_unique<WireViewer>(maker, wanted, start, until));
    viewer.cursor.enter(stream.feed(media::Container::wire, stream::Framing::websocket)
                            .audience(wanted.flush_interval));
    viewer.cursor.resume();
    return viewer;
  }
  void serve() {
    while (fanout.run(now).now) {
    }
  }
  /// Serves, and returns what a viewer was told by that.
  std::string told(WireViewer& viewer) {
    serve();
    return viewer.take();
  }

  memory::WindowList payload(std::size_t bytes) { return maker.write(bytes, 4096); }
  /// NAL units behind their lengths.
  memory::WindowList video_frame(std::size_t bytes, bool sync) {
    const std::byte head[5] = {std::byte{0}, std::byte{0}, static_cast<std::byte>((bytes + 1) >> 8),
                               static_cast<std::byte>(bytes + 1),
                               static_cast<std::byte>(sync ? 0x65 : 0x41)};
    memory::WindowList list;
    list.push_back(maker.writer.copy_header(head).value());
    list.append(payload(bytes));
    return list;
  }

  base::Time now = base::monotonic_now() + std::chrono::hours(1);
  ChunkMaker maker;
  stream::Fanout fanout;
  stream::PathPolicy policy;
  stream::Home home;
  std::unique_ptr<stream::Stream> replica;
  bool replicates = false;
  std::shared_ptr<const wire::Tracks> tracks = std::make_shared<const wire::Tracks>(make_tracks(1));
  std::shared_ptr<const media::TrackSet> track_set =
      std::make_shared<const media::TrackSet>(media::TrackSet{wire::to_media(*tracks), 0});
  stream::MediaTime wire_offset = -334'567;
  int made = 0;
  std::vector<std::unique_ptr<WireViewer>> viewers;
};

}  // namespace test
