#include "relay/stream/format.hpp"

#include "tests/unit/stream/stream_rig.hpp"

namespace stream {
namespace {

using media::Container;

/// A log of samples with one AAC track, 48 kHz, and a viewer's format of it.
struct Rig {
  Rig() {
    media::Track track;
    track.codec = media::Codec::aac;
    track.kind = media::Kind::audio;
    track.sample_rate = track.timescale = 48'000;
    track.channels = 2;
    track.config = {std::byte{0x11}, std::byte{0x90}};
    set_tracks({track});
  }
  void set_tracks(std::vector<media::Track> made) {
    tracks = std::make_shared<const media::TrackSet>(media::TrackSet{std::move(made), 0});
  }
  Chunk& next(Chunk& chunk) {
    chunk.sequence = log.end();
    chunk.time = 900'000 + 1920 * static_cast<MediaTime>(log.end());
    chunk.sync = true;
    chunk.tracks = tracks;
    return chunk;
  }
  void append_samples(std::size_t bytes = 100, bool sync = true) {
    Chunk chunk;
    next(chunk).container = Container::fmp4;
    chunk.sync = sync;
    const std::int64_t dts = 480'000 + 1024 * static_cast<std::int64_t>(log.end());
    chunk.samples.push_back({0, true, dts, dts, 1024, maker.write(bytes, 4096)});
    payloads.push_back(test::to_text(chunk.samples[0].payload));
    log.append(std::move(chunk));
  }
  void append_packets() {
    Chunk chunk = maker.make(log.end(), {true, 188 * 2});
    log.append(std::move(next(chunk)));
  }

  test::ChunkMaker maker{64 << 20};
  Fanout fanout;
  StreamLog log{{std::chrono::seconds(1000), 1 << 30}, 0};
  std::shared_ptr<const media::TrackSet> tracks;
  std::vector<std::string> payloads;
};

std::string image(const Format& format, std::uint64_t sequence) {
  return test::to_text(format.log().at(sequence).bytes);
}

// Every look at it is a fifth of a slice later.
struct StepClock {
  static inline base::Time time{};
  static base::Time read() noexcept { return time += Fanout::slice / 5; }
};

void finish(Rig& rig, Format& format) {
  while (format.is_behind()) rig.fanout.run(base::monotonic_now());
}

}  // namespace

TEST_CASE("samples become fragments around the payload where it is") {
  Rig rig;
  for (int count = 0; count < 3; ++count) rig.append_samples();
  Format format(rig.log, Container::fmp4, Begin::newest, rig.fanout, rig.maker.pool);
  finish(rig, format);
  CHECK(format.log().first() == 2);  // the newest group is enough for a first viewer
  rig.append_samples();
  format.on_append();
  for (std::uint64_t sequence = 2; sequence < 4; ++sequence) {
    const Chunk& chunk = format.log().at(sequence);
    CHECK(image(format, sequence).find("moof") == 4);
    CHECK(image(format, sequence).ends_with(rig.payloads[sequence]));
    CHECK(chunk.sync);
    REQUIRE(chunk.join);
    CHECK(test::to_text(chunk.join->start).find("moov") != std::string::npos);
    CHECK(chunk.join->skip.empty());
    // The payload's windows are the publisher's.
    CHECK(chunk.bytes[chunk.bytes.count() - 1].data() ==
          rig.log.at(sequence).samples[0].payload[0].data());
    CHECK(chunk.sequence == sequence);
    CHECK(chunk.time == rig.log.at(sequence).time);
  }
}

TEST_CASE("for whoever was there before the stream a format begins with it") {
  Rig rig;
  for (int count = 0; count < 3; ++count) rig.append_samples();
  Format format(rig.log, Container::fmp4, Begin::oldest, rig.fanout, rig.maker.pool);
  finish(rig, format);
  CHECK(format.log().first() == 0);
  CHECK(format.log().oldest_sync() == 0);
}

TEST_CASE("samples become whole packets that begin with tables") {
  Rig rig;
  rig.append_samples();
  Format format(rig.log, Container::mpegts, Begin::newest, rig.fanout, rig.maker.pool);
  finish(rig, format);
  for (int count = 0; count < 10; ++count) {
    rig.append_samples();
    format.on_append();
  }
  for (std::uint64_t sequence = 0; sequence < 11; ++sequence) {
    const std::string packets = image(format, sequence);
    REQUIRE(packets.size() >= 3 * 188);
    CHECK(packets.size() % 188 == 0);
    CHECK(packets.substr(0, 3) == std::string("\x47\x40\x00", 3));
    CHECK(format.log().at(sequence).sync);
  }
}

TEST_CASE("what came in a container is passed on in it at once and untouched") {
  Rig rig;
  for (int count = 0; count < 5; ++count) rig.append_packets();
  Format format(rig.log, Container::mpegts, Begin::newest, rig.fanout, rig.maker.pool);
  CHECK_FALSE(format.is_behind());
  CHECK(format.log().first() == 0);
  for (std::uint64_t sequence = 0; sequence < 5; ++sequence) {
    CHECK(image(format, sequence) == test::to_text(rig.log.at(sequence).bytes));
  }
}

TEST_CASE("over the wire a format begins with all of the tail and says when it is there") {
  Rig rig;
  rig.append_packets();
  for (int count = 0; count < 20; ++count) rig.append_samples();
  Format format(rig.log, Container::wire, Begin::newest, rig.fanout, rig.maker.pool);
  Feed& feed = format.feed(Framing::websocket);
  CHECK(format.log().first() == 0);
  CHECK(feed.is_behind());
  finish(rig, format);
  CHECK_FALSE(feed.is_behind());
  CHECK_FALSE(format.feed(Framing::none).is_behind());
  CHECK(format.log().end() == 21);
  rig.append_samples();
  format.on_append();
  CHECK_FALSE(feed.is_behind());
  rig.log.restart(100);
  rig.append_samples();
  format.on_restart();
  CHECK(feed.is_behind());
  finish(rig, format);
  CHECK_FALSE(feed.is_behind());
}

TEST_CASE("a large group is converted a slice at a time") {
  Rig rig;
  rig.fanout = Fanout(&StepClock::read);
  rig.append_samples();
  for (int count = 0; count < 3000; ++count) rig.append_samples(1000, false);
  Format format(rig.log, Container::mpegts, Begin::newest, rig.fanout, rig.maker.pool);
  CHECK(format.log().empty());
  CHECK(format.listed);
  const std::uint64_t steps = rig.log.end() - format.log().end();
  std::uint64_t turns = 0;
  for (; format.is_behind(); ++turns) {
    const std::uint64_t before = format.log().end();
    const bool goes_on = rig.fanout.run(StepClock::time).now;
    CHECK(goes_on == format.is_behind());
    // With a fifth of a slice for each: half a slice is over after the third, and no step follows.
    CHECK(format.log().end() - before <= 3);
  }
  CHECK(turns == (steps + 2) / 3);
  CHECK(format.log().end() == rig.log.end());
  CHECK_FALSE(format.listed);
}

TEST_CASE("the longest step is that of one large frame") {
  Rig rig;
  media::Track track;
  track.codec = media::Codec::h264;
  track.kind = media::Kind::video;
  track.timescale = 90'000;
  rig.set_tracks({track});
  Chunk chunk;
  rig.next(chunk).container = Container::fmp4;
  // One NAL unit behind its length.
  constexpr std::size_t bytes = 4 << 20;
  std::array<std::byte, 5> head{};
  head[1] = std::byte{bytes >> 16};
  head[3] = std::byte{1};
  head[4] = std::byte{0x65};
  memory::WindowList payload;
  payload.push_back(rig.maker.writer.copy_header(head).value());
  payload.append(rig.maker.write(bytes, 4096));
  chunk.samples.push_back({0, true, 900'000, 900'000, 3600, std::move(payload)});
  rig.log.append(std::move(chunk));
  Format format(rig.log, Container::mpegts, Begin::newest, rig.fanout, rig.maker.pool);
  const base::Time begin = base::monotonic_now();
  format.step();
  const base::Duration time = base::monotonic_now() - begin;
  CHECK(format.log().newest().bytes.bytes() > bytes);
  StreamLog packets{{std::chrono::seconds(1000), 1 << 30}, 0};
  Chunk received;
  received.tracks = rig.tracks;
  received.sync = true;
  received.bytes = format.log().newest().bytes;
  packets.append(std::move(received));
  Format back(packets, Container::fmp4, Begin::newest, rig.fanout, rig.maker.pool);
  const base::Time begin_back = base::monotonic_now();
  back.step();
  const base::Duration time_back = base::monotonic_now() - begin_back;
  MESSAGE("4 MiB to packets " << base::to_seconds(time) * 1000 << " ms, back "
                              << base::to_seconds(time_back) * 1000 << " ms");
}

TEST_CASE("a format follows what its source drops and where it begins anew") {
  Rig rig;
  for (int count = 0; count < 10; ++count) rig.append_packets();
  Format format(rig.log, Container::mpegts, Begin::newest, rig.fanout, rig.maker.pool);
  rig.log.drop_before(4);
  format.on_trim();
  CHECK(format.log().first() == 4);
  rig.log.restart(100);
  format.on_restart();
  CHECK(format.log().first() == 100);
  CHECK(format.log().empty());
  rig.append_packets();
  format.on_append();
  CHECK(format.log().end() == 101);
}

TEST_CASE("tracks that an initialisation segment cannot say begin a new generation") {
  Rig rig;
  rig.append_samples();
  Format format(rig.log, Container::fmp4, Begin::newest, rig.fanout, rig.maker.pool);
  finish(rig, format);
  const auto add = [&] {
    rig.append_samples();
    format.on_append();
    return format.log().newest().generation;
  };
  CHECK(add() == 0);
  // The same again is no other.
  rig.set_tracks(rig.tracks->tracks);
  CHECK(add() == 0);
  auto other = rig.tracks->tracks;
  other[0].sample_rate = 44'100;
  other[0].config = {std::byte{0x12}, std::byte{0x10}};
  rig.set_tracks(other);
  CHECK(add() == 1);
  CHECK(add() == 1);
}

TEST_CASE("a viewer of a format without a free block goes on when there is one") {
  Rig rig;
  rig.append_samples();
  Format format(rig.log, Container::mpegts, Begin::newest, rig.fanout, rig.maker.pool);
  finish(rig, format);
  std::vector<memory::BlockHold*> held;
  while (auto block = rig.maker.pool.take()) held.push_back(*block);
  // The writer's own block has room for some.
  for (int count = 0; count < 100; ++count) {
    Chunk chunk = rig.log.newest().numbers();
    chunk.sequence = rig.log.end();
    chunk.samples = rig.log.newest().samples;
    rig.log.append(std::move(chunk));
    format.on_append();
  }
  CHECK(format.log().newest().bytes.empty());
  CHECK_FALSE(format.log().newest().sync);
  for (memory::BlockHold* block : held) memory::BlockPool::release(block);
  rig.append_samples();
  format.on_append();
  CHECK_FALSE(format.log().newest().bytes.empty());
  CHECK(format.log().newest().sync);
}

}  // namespace stream
