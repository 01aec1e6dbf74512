#include "relay/stream/wire_remuxer.hpp"

#include "relay/media/container/fmp4/reader.hpp"
#include "tests/unit/media/container/mpegts/elementary.hpp"
#include "tests/unit/stream/wire_rig.hpp"

namespace stream {
namespace {

using media::Container;
using test::E;
using test::F;
using test::WireRig;
using test::WireViewer;
using wire::Live;
using wire::Position;

std::string flat(const wire::Chunk& chunk) {
  const wire::Encoded encoded = wire::write_message(chunk);
  return encoded.header + test::to_text(encoded.payload);
}

wire::Chunk parse(memory::WindowList message) {
  auto read = wire::read_message(std::move(message));
  REQUIRE(read.has_value());
  return std::get<wire::Chunk>(std::move(*read));
}

/// Chunks through a remuxer, in a log as its format would have.
struct Remuxed {
  const Chunk& remux(const Chunk& source) {
    Chunk out = source.numbers();
    remuxer.remux(source, out);
    log.append(std::move(out));
    return log.newest();
  }
  wire::Chunk message() { return parse(log.newest().bytes); }

  explicit Remuxed(test::ChunkMaker& maker) : remuxer(maker.pool) {}
  WireRemuxer remuxer;
  StreamLog log{{std::chrono::seconds(1000), 1 << 30}, 0};
};

const Chunk& newest(WireRig& rig) { return rig.home.stream().log().newest(); }

/// A publisher that sends MPEG-TS.
struct Packets {
  static constexpr unsigned video_pid = 256;
  static constexpr unsigned audio_pid = 257;

  void tables() { out.tables({{0x1B, video_pid}, {0x0F, audio_pid}}); }
  void video(std::uint64_t pts, bool sync) {
    const auto unit =
        sync ? test::annexb({test::h264_aud(), test::h264_sps(), test::h264_pps(),
                             test::h264_slice({.header = 0x65})})
             : test::annexb({test::h264_aud(), test::h264_slice({.frame_num = ++frame})});
    out.unit({.pid = video_pid, .payload = unit, .pts = pts, .has_length = true});
  }
  void audio(std::uint64_t pts) {
    out.unit(
        {.pid = audio_pid, .payload = test::adts_frame(50, 0xAA), .pts = pts, .has_length = true});
  }
  Chunk take(WireRig& rig, MediaTime time, bool sync) {
    Chunk chunk;
    chunk.time = time;
    chunk.sync = sync;
    chunk.utc = WireRig::start_utc;
    const auto bytes = out.take();
    if (!bytes.empty()) chunk.bytes.push_back(rig.maker.writer.copy_header(bytes).value());
    return chunk;
  }

  test::PacketBuilder out;
  unsigned frame = 0;
};

}  // namespace

TEST_CASE("what a camera said is told as it was said") {
  for (const MediaTime offset : {MediaTime{0}, MediaTime{-334'567}, MediaTime{1'000'000'007}}) {
    WireRig rig;
    rig.wire_offset = offset;
    WireViewer& viewer = rig.watch(Live{});
    std::map<std::string, std::string> said;
    for (std::uint64_t number = 1000; number < 1010; ++number) {
      wire::Chunk chunk = rig.make({E, number}, number % 4 == 0, 3'000);
      chunk.segment = 7;
      chunk.part = static_cast<std::uint32_t>(number - 1000);
      chunk.discontinuity = 3;
      said[test::name_of(chunk.position)] = flat(chunk);
      rig.append(rig.to_log(chunk));
      rig.serve();
    }
    CHECK(viewer.take().starts_with("begin=E1000 E1000 E1001"));
    CHECK(viewer.messages == said);
  }
}

TEST_CASE("segments that a camera leaves to the relay are all that is added") {
  WireRig rig;
  WireViewer& viewer = rig.watch(Live{});
  wire::Chunk chunk = rig.make({E, 5}, true);
  rig.append(rig.to_log(chunk));
  rig.serve();
  chunk.segment = newest(rig).segment;
  CHECK(chunk.segment == 1'800'000'000);
  CHECK(viewer.messages["E5"] == flat(chunk));
}

TEST_CASE("payload stays where it is and a checksum is made only for who needs it") {
  WireRig rig;
  Chunk chunk = rig.to_log(rig.make({E, 5}, true));
  chunk.checksum.reset();
  rig.append(std::move(chunk));
  const Chunk& source = newest(rig);
  rig.home.stream().feed(Container::fmp4, Framing::none);
  rig.serve();
  CHECK_FALSE(source.checksum);
  Remuxed remuxed(rig.maker);
  const Chunk& out = remuxed.remux(source);
  CHECK(out.checksum == wire::checksum_of(source.samples));
  CHECK(remuxed.message().checksum == out.checksum);
  std::size_t window = 1;  // behind the header
  for (const media::Sample& sample : source.samples) {
    for (const memory::Window& part : sample.payload) {
      CHECK(out.bytes[window++].data() == part.data());
    }
  }
  CHECK(window == out.bytes.count());
  CHECK(out.samples.empty());
  rig.home.stream().drop_unused_feeds();
}

TEST_CASE("a new generation begins where a chunk does not follow the one before") {
  WireRig rig;
  Remuxed remuxed(rig.maker);
  const auto generation_of = [&](Position position) {
    rig.publish(position, true);
    return remuxed.remux(newest(rig)).generation;
  };
  const std::uint32_t first = generation_of({E, 5});
  CHECK(generation_of({E, 6}) == first);
  CHECK(generation_of({E, 8}) == first + 1);
  CHECK(generation_of({E, 9}) == first + 1);
  CHECK(generation_of({F, 10}) == first + 2);
  rig.use_tracks(2);
  CHECK(generation_of({F, 11}) == first + 3);
  CHECK(remuxed.log.newest().wire_tracks->version == 2);
  rig.use_tracks(2);
  CHECK(generation_of({F, 12}) == first + 3);
}

TEST_CASE("without a free block chunks are missing up to a sync chunk") {
  WireRig rig;
  rig.publish(E, 0, 2);
  WireViewer& viewer = rig.watch(Live{});
  WireViewer& halted = rig.watch(Live{});
  rig.serve();
  halted.cursor.halt();
  std::vector<Chunk> made;
  for (std::uint64_t number = 2; number < 12; ++number) {
    made.push_back(rig.to_log(rig.make({E, number}, number % 5 == 0)));
  }
  const auto append = [&rig, &made](std::size_t from, std::size_t to) {
    for (; from < to; ++from) rig.append(made[from]);
    rig.serve();
  };
  CHECK(viewer.take() == "begin=E0 E0 E1");
  std::vector<memory::BlockHold*> held;
  while (auto block = rig.maker.pool.take()) held.push_back(*block);
  // The header's block has room for some.
  std::uint64_t extra = 2;
  const auto& log = rig.home.stream().feed(Container::wire, Framing::websocket).log();
  while (!log.newest().bytes.empty()) {
    Chunk again = made[0];
    again.position = {E, extra++};
    rig.append(std::move(again));
  }
  for (memory::BlockHold* block : held) memory::BlockPool::release(block);
  const std::uint64_t lost = extra - 1;
  for (std::size_t index = 0; index < made.size(); ++index) {
    made[index].position = {E, extra + index};
  }
  rig.serve();
  viewer.take();
  append(0, 3);  // none of them is a sync chunk
  CHECK(viewer.take().empty());
  CHECK(viewer.cursor.has_read_all());
  append(3, 5);
  const std::string next = std::to_string(extra + 3);
  const std::string told = "gap=E" + next + "(memory E" + std::to_string(lost) + ") E" + next +
                           " E" + std::to_string(extra + 4);
  CHECK(viewer.take() == told);
  halted.take();
  halted.cursor.go_on();
  CHECK(rig.told(halted).ends_with(told));
  CHECK(rig.told(rig.watch(Position{E, lost})).starts_with("begin=E" + next + "(memory E"));
}

TEST_CASE("what is too much for one message is left out") {
  WireRig rig({std::chrono::seconds(100), 1 << 30});
  rig.publish(E, 0, 1);
  WireViewer& viewer = rig.watch(Position{E, 0});
  Chunk many = rig.to_log(rig.make({E, 1}, true));
  many.container = Container::fmp4;
  while (many.samples.size() <= wire::samples_max) many.samples.push_back(many.samples[0]);
  rig.append(std::move(many));
  Chunk large = rig.to_log(rig.make({E, 2}, true));
  const memory::WindowList piece = rig.payload(4 << 20);
  for (int count = 0; count < 4; ++count) large.samples[0].payload.append(piece);
  rig.append(std::move(large));
  rig.publish({E, 3});
  rig.publish({E, 4}, true);
  CHECK(rig.told(viewer) == "begin=E0 E0 gap=E4(lost E1) E4");
}

TEST_CASE("a header of as many samples as there may be does not need a block of its size") {
  WireRig rig;
  Chunk many = rig.to_log(rig.make({E, 1}, true));
  many.checksum.reset();
  const media::Sample sample = many.samples[0];
  many.samples.assign(wire::samples_max, sample);
  rig.append(std::move(many));
  Remuxed remuxed(rig.maker);
  remuxed.remux(newest(rig));
  CHECK(remuxed.message().samples.size() == wire::samples_max);
}

TEST_CASE("samples of another publisher are told with the log's times and our numbers") {
  WireRig rig;
  Remuxed remuxed(rig.maker);
  Chunk chunk = rig.to_log(rig.make({0, 0}, true));
  chunk.container = Container::fmp4;
  chunk.wire_tracks.reset();
  chunk.checksum.reset();
  chunk.wire_offset = 0;
  const std::vector<media::Sample> samples = chunk.samples;
  rig.append(std::move(chunk));
  const Chunk& out = remuxed.remux(newest(rig));
  REQUIRE(out.wire_tracks);
  CHECK(out.wire_tracks->tracks[0] == rig.tracks->tracks[0]);
  CHECK(out.wire_tracks->tracks[1] == rig.tracks->tracks[1]);
  CHECK(out.wire_tracks->version == wire::version_of(out.wire_tracks->tracks));
  const wire::Chunk message = remuxed.message();
  CHECK(message.position == Position{test::H, 0});
  CHECK(message.tracks_version == out.wire_tracks->version);
  CHECK(message.segment == 1'800'000'000);
  REQUIRE(message.samples.size() == samples.size());
  for (std::size_t index = 0; index < samples.size(); ++index) {
    CHECK(message.samples[index].dts == samples[index].dts);
    CHECK(message.samples[index].pts == samples[index].pts);
    CHECK(test::to_text(message.samples[index].payload) == test::to_text(samples[index].payload));
  }
}

TEST_CASE("packets become samples and every chunk a number") {
  WireRig rig;
  Packets packets;
  packets.tables();
  packets.audio(90'000);
  packets.video(90'000, true);
  rig.append(packets.take(rig, 90'000, true));
  WireViewer& viewer = rig.watch(Live{});
  CHECK(rig.told(viewer) == "begin=H0 H0");
  const wire::Chunk first = parse(test::put(rig.maker, viewer.messages["H0"]));
  CHECK(first.sync);
  REQUIRE(first.samples.size() == 2);
  rig.append(packets.take(rig, 93'600, false));  // in which no frame ended
  packets.audio(91'920);
  packets.video(93'600, false);
  rig.append(packets.take(rig, 93'600, false));
  CHECK(rig.told(viewer) == "H1 H2");
  CHECK(parse(test::put(rig.maker, viewer.messages["H1"])).samples.empty());
  const wire::Chunk last = parse(test::put(rig.maker, viewer.messages["H2"]));
  REQUIRE(last.samples.size() == 2);
  CHECK_FALSE(last.sync);
  // Another worker, or another time, tells the same.
  Remuxed other(rig.maker);
  for (std::uint64_t sequence = 0; sequence < 3; ++sequence) {
    other.remux(rig.home.stream().log().at(sequence));
    CHECK(flat(other.message()) == viewer.messages["H" + std::to_string(sequence)]);
  }
}

TEST_CASE("nothing is told of packets before their tracks are known") {
  WireRig rig;
  Packets packets;
  Remuxed remuxed(rig.maker);
  packets.tables();
  packets.audio(90'000);
  rig.append(packets.take(rig, 90'000, true));
  CHECK(remuxed.remux(newest(rig)).bytes.empty());
  packets.video(90'000, true);
  rig.append(packets.take(rig, 90'000, true));
  const Chunk& out = remuxed.remux(newest(rig));
  CHECK(out.sync);
  CHECK(remuxed.message().samples.size() == 2);
  REQUIRE(out.wire_tracks);
  CHECK_FALSE(out.wire_tracks->tracks[0].config.empty());
  CHECK_FALSE(out.wire_tracks->tracks[1].config.empty());
}

TEST_CASE("publishers of all kinds follow one another over the wire") {
  WireRig rig;
  rig.publish(E, 0, 2);
  WireViewer& viewer = rig.watch(Position{E, 0});
  Packets packets;
  rig.home.on_discontinuity();
  rig.append(packets.take(rig, 2'000'000, true));  // nothing in it yet
  packets.tables();
  packets.audio(2'000'000);
  packets.video(2'000'000, true);
  rig.append(packets.take(rig, 2'000'000, true));
  rig.home.on_discontinuity();
  Chunk samples = rig.to_log(rig.make({0, 0}, true));
  samples.container = Container::fmp4;
  samples.wire_tracks.reset();
  samples.checksum.reset();
  samples.wire_offset = 0;
  rig.append(std::move(samples));
  rig.publish(F, 0, 2);
  const std::string told = rig.told(viewer);
  const auto version =
      rig.home.stream().feed(Container::wire, Framing::websocket).log().at(4).wire_tracks->version;
  CHECK(told == "begin=E0 E0 E1 gap=H3(publisher E2) H3 tracks=H4/" + std::to_string(version) +
                    " H4 gap=F0(publisher H5) F0 F1");
}

TEST_CASE("a camera can be watched as MP4 and as MPEG-TS") {
  WireRig rig;
  rig.publish(E, 0, 1);
  const auto& mp4 = rig.home.stream().feed(Container::fmp4, Framing::none).log();
  const auto& packets = rig.home.stream().feed(Container::mpegts, Framing::none).log();
  rig.publish(E, 1, 10);
  rig.serve();
  fmp4::Reader reader(rig.maker.pool);
  const auto feed = [&reader](const memory::WindowList& list) {
    for (const memory::Window& window : list) REQUIRE(reader.feed(window));
  };
  REQUIRE(mp4.at(0).join);
  feed(mp4.at(0).join->start);
  std::size_t samples = 0;
  for (std::uint64_t sequence = 0; sequence < 10; ++sequence) {
    feed(mp4.at(sequence).bytes);
    const Chunk& source = rig.home.stream().log().at(sequence);
    while (auto sample = reader.poll()) {
      ++samples;
      const media::Sample& sent = source.samples[sample->track == 0 ? 1 : 0];
      CHECK(sample->dts == sent.dts);
      CHECK(sample->pts == sent.pts);
      CHECK(test::to_text(sample->payload).ends_with(test::to_text(sent.payload)));
    }
    const std::string image = test::to_text(packets.at(sequence).bytes);
    CHECK(image.size() % 188 == 0);
    CHECK(image.find(test::to_text(source.samples[0].payload)) != std::string::npos);
    CHECK(packets.at(sequence).sync == (sequence % 5 == 0));
  }
  CHECK(samples == 20);  // the third track is unknown to it
  rig.home.stream().drop_unused_feeds();
}

}  // namespace stream
