#include "relay/protocol/wire/writer.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

using test::Memory;

template <class T>
T there_and_back(Memory& memory, const T& message) {
  return test::read_as<T>(memory, test::flat(write_message(message)));
}

}  // namespace

TEST_CASE("Hello and Welcome come back as they went") {
  Memory memory;
  const Hello hello = there_and_back(
      memory, Hello{"live/cam", "token", test::epoch, test::make_tracks(3), 5, 6, sequence_max});
  CHECK(hello.stream == "live/cam");
  CHECK(hello.token == "token");
  CHECK(hello.epoch == test::epoch);
  CHECK(hello.tracks == test::make_tracks(3));
  CHECK(hello.first_sequence == 5);
  CHECK(hello.sync_sequence == 6);
  CHECK(hello.next_sequence == sequence_max);
  const Welcome welcome = there_and_back(memory, Welcome{std::string("\0\xff", 2), 17});
  CHECK(welcome.token == std::string("\0\xff", 2));
  CHECK(welcome.next_sequence == 17);
}

TEST_CASE("Ack comes back as it went") {
  Memory memory;
  const Ack ack = there_and_back(memory, Ack{{test::epoch, 9}, {test::epoch, 4}});
  CHECK(ack.received == Position{test::epoch, 9});
  CHECK(ack.durable == Position{test::epoch, 4});
}

TEST_CASE("Play and Seek come back as they went wherever they start") {
  Memory memory;
  for (const Start& start :
       {Start(Live{}), Start(test::utc_of(0)), Start(base::Utc{}), Start(Position{1, 2})}) {
    Play play;
    play.start = start;
    CHECK(there_and_back(memory, play).start == start);
    CHECK(!there_and_back(memory, play).until);
    CHECK(!there_and_back(memory, play).flush);
    const Seek seek = there_and_back(memory, Seek{start, 7});
    CHECK(seek.start == start);
    CHECK(seek.request == 7);
    CHECK(seek.speed == 100);
  }
  const Play play = there_and_back(memory, Play{Live{}, Position{3, 4}, Slow::catch_up,
                                                Milliseconds(2500), Milliseconds(0), "t"});
  CHECK(play.until == Position{3, 4});
  CHECK(play.slow == Slow::catch_up);
  CHECK(play.max_lag == Milliseconds(2500));
  CHECK(play.flush == Milliseconds(0));
  CHECK(play.token == "t");
  CHECK(play.speed == 100);
}

TEST_CASE("a speed comes back as it went and the usual one takes no bytes") {
  Memory memory;
  Play play;
  for (const std::uint32_t speed : {1U, 50U, 101U, 1'600U, speed_max}) {
    play.speed = speed;
    CHECK(there_and_back(memory, play).speed == speed);
    CHECK(there_and_back(memory, Seek{Live{}, 1, speed}).speed == speed);
  }
  play.speed = speed_normal;
  CHECK(test::flat(write_message(play)) == test::flat(write_message(Play{})));
  CHECK(test::flat(write_message(Seek{Live{}, 1, 100})) == test::flat(write_message(Seek{{}, 1})));
}

TEST_CASE("Playing comes back as it went") {
  Memory memory;
  const Playing playing = there_and_back(
      memory, Playing{"t", test::make_tracks(2), {test::epoch, 8}, test::utc_of(1), 5});
  CHECK(playing.token == "t");
  CHECK(playing.tracks == test::make_tracks(2));
  CHECK(playing.start == Position{test::epoch, 8});
  CHECK(playing.utc == test::utc_of(1));
  CHECK(playing.request == 5);
}

TEST_CASE("a chunk comes back as it went") {
  Memory memory;
  Chunk chunk = test::make_chunk(memory, {test::epoch, 11}, true, 4);
  chunk.discontinuity = 1;
  chunk.segment = 2;
  chunk.part = 3;
  chunk.samples[0].pts = chunk.samples[0].dts - 5;
  chunk.samples[1].dts = -9;
  const Chunk read = there_and_back(memory, chunk);
  CHECK(read.position == chunk.position);
  CHECK(read.utc == chunk.utc);
  CHECK(read.sync);
  CHECK(read.discontinuity == 1);
  CHECK(read.segment == 2);
  CHECK(read.part == 3);
  CHECK(read.tracks_version == 4);
  CHECK(read.checksum == chunk.checksum);
  REQUIRE(read.samples.size() == 2);
  for (std::size_t index = 0; index < 2; ++index) {
    CHECK(read.samples[index].track == chunk.samples[index].track);
    CHECK(read.samples[index].sync == chunk.samples[index].sync);
    CHECK(read.samples[index].dts == chunk.samples[index].dts);
    CHECK(read.samples[index].pts == chunk.samples[index].pts);
    CHECK(read.samples[index].duration == chunk.samples[index].duration);
  }
  CHECK(test::payload_of(read) == test::payload_of(chunk));
}

TEST_CASE("the payload of a written chunk is not copied") {
  Memory memory;
  const Chunk chunk = test::make_chunk(memory, {1, 2});
  const Encoded encoded = write_message(chunk);
  CHECK(encoded.header == write_header(chunk));
  CHECK(encoded.payload[0].data() == chunk.samples[0].payload[0].data());
  CHECK(encoded.bytes() == test::flat(encoded).size());
}

TEST_CASE("Gap and Bye come back as they went with every reason") {
  Memory memory;
  for (int reason = 0; reason <= static_cast<int>(GapReason::unexplained); ++reason) {
    const auto gap_reason = static_cast<GapReason>(reason);
    CHECK(there_and_back(memory, Gap{{1, 2}, {1, 3}, {}, {}, gap_reason}).reason == gap_reason);
  }
  const Gap gap = there_and_back(
      memory, Gap{{1, 2}, {5, 0}, test::utc_of(1), test::utc_of(9), GapReason::publisher});
  CHECK(gap.from == Position{1, 2});
  CHECK(gap.to == Position{5, 0});
  CHECK(gap.from_utc == test::utc_of(1));
  CHECK(gap.to_utc == test::utc_of(9));
  CHECK(!there_and_back(memory, Gap{{1, 2}, {5, 0}, {}, {}, {}}).from_utc);
  for (std::size_t reason = 0; reason < bye_reason_count; ++reason) {
    const auto bye_reason = static_cast<ByeReason>(reason);
    const Bye bye = there_and_back(memory, Bye{bye_reason, Milliseconds(1500), "why"});
    CHECK(bye.reason == bye_reason);
    CHECK(bye.retry_after == Milliseconds(1500));
    CHECK(bye.detail == "why");
  }
}

TEST_CASE("Tracks and the messages without fields come back as they went") {
  Memory memory;
  CHECK(there_and_back(memory, test::make_tracks(9)) == test::make_tracks(9));
  there_and_back(memory, Pause{});
  there_and_back(memory, Resume{});
  there_and_back(memory, Unknown{});
}

TEST_CASE("the largest chunk and the largest tracks fit an envelope") {
  Memory memory;
  Chunk chunk = test::make_chunk(memory, {~std::uint64_t{}, 1});
  chunk.position.sequence = sequence_max - 1;
  chunk.utc = base::Utc(std::chrono::microseconds(utc_us_max));
  chunk.discontinuity = chunk.segment = chunk.part = chunk.tracks_version = 0xffffffff;
  media::Sample sample = chunk.samples[0];
  sample.track = 15;
  sample.sync = true;
  sample.dts = -std::numeric_limits<std::int64_t>::max() / 2;
  sample.pts = sample.dts + std::numeric_limits<std::int64_t>::max();
  sample.duration = 0xffffffff;
  chunk.samples.assign(samples_max, sample);
  CHECK(there_and_back(memory, chunk).samples.size() == samples_max);
  Track track;
  track.codec = std::string(codec_bytes_max, 'x');
  track.language = std::string(language_bytes_max, 'x');
  track.config.resize(config_bytes_max);
  track.width = track.height = track.sample_rate = track.channels = track.timescale = 0xffffffff;
  Hello hello{
      std::string(stream_bytes_max, 'x'), std::string(token_bytes_max, 'x'), 1, {}, 0, 0, 0};
  hello.tracks = {1, std::vector<Track>(tracks_max, track)};
  CHECK(there_and_back(memory, hello).tracks == hello.tracks);
}

TEST_CASE("text that is too long is cut and stays ASCII") {
  Memory memory;
  CHECK(there_and_back(memory, Bye{{}, {}, std::string(1000, 'x')}).detail ==
        std::string(detail_bytes_max, 'x'));
  CHECK(there_and_back(memory, Bye{{}, {}, "a\nb\xc3\xa9"}).detail == "a?b??");
}

TEST_CASE("times beyond what a field holds are cut") {
  Memory memory;
  CHECK(there_and_back(memory, Bye{{}, Milliseconds(std::int64_t{1} << 40), {}}).retry_after ==
        Milliseconds(0xffffffff));
  CHECK(there_and_back(memory, Bye{{}, Milliseconds(-5), {}}).retry_after == Milliseconds(0));
}

}  // namespace wire
