#include "relay/protocol/wire/reader.hpp"

#include <doctest/doctest.h>

#include <functional>

#include "schemas/wire.pb.h"
#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {
namespace {

namespace pb = spancast::wire;
using test::Memory;

std::string varint(std::size_t value) {
  std::string text;
  for (; value >= 0x80; value >>= 7) text += static_cast<char>(value | 0x80);
  return text + static_cast<char>(value);
}

std::string delimited(const pb::Envelope& envelope, std::string_view payload = {}) {
  const std::string bytes = envelope.SerializeAsString();
  return varint(bytes.size()) + bytes + std::string(payload);
}

base::Error error_of(const std::string& text) {
  Memory memory;
  return read_message(memory.put_whole(text)).error();
}

/// A chunk with one sample of `abcd`, changed.
base::Error chunk_error(const std::function<void(pb::Chunk&)>& change,
                        std::string_view payload = "abcd") {
  pb::Envelope envelope;
  pb::Chunk& chunk = *envelope.mutable_chunk();
  chunk.set_epoch(1);
  chunk.add_samples()->set_size(4);
  change(chunk);
  return error_of(delimited(envelope, payload));
}

base::Error hello_error(const std::function<void(pb::Hello&)>& change) {
  pb::Envelope envelope;
  envelope.mutable_hello()->set_epoch(1);
  change(*envelope.mutable_hello());
  return error_of(delimited(envelope));
}

base::Error track_error(const std::function<void(pb::Track&)>& change) {
  pb::Envelope envelope;
  envelope.mutable_tracks()->set_version(1);
  pb::Track& track = *envelope.mutable_tracks()->add_tracks();
  track.set_timescale(1);
  change(track);
  return error_of(delimited(envelope));
}

void fill(pb::Position& position) { position.set_epoch(1); }

}  // namespace

TEST_CASE("a chunk reads the same wherever its message is cut into windows") {
  Memory memory;
  const Chunk chunk = test::make_chunk(memory, {test::epoch, 7}, true);
  const std::string text = test::flat(write_message(chunk));
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    CAPTURE(cut);
    auto message = read_message(memory.put_cut(text, cut));
    REQUIRE(message.has_value());
    const Chunk read = std::get<Chunk>(std::move(*message));
    CHECK(read.position == chunk.position);
    CHECK(test::payload_of(read) == "video 7.audio 7.");
    CHECK(checksum_of(read.samples) == read.checksum);
  }
}

TEST_CASE("every message is refused when it ends early") {
  Memory memory;
  const std::string text = test::flat(write_message(test::make_chunk(memory, {1, 2}, true)));
  for (std::size_t size = 0; size < text.size(); ++size) {
    CAPTURE(size);
    const bool has_envelope = size >= text.size() - std::string("video 2audio 2").size();
    CHECK(error_of(text.substr(0, size)) ==
          make_error_code(has_envelope ? Errc::bad_sizes : Errc::bad_envelope));
  }
}

TEST_CASE("a payload stays where it was received") {
  Memory memory;
  const std::string text = test::flat(write_message(test::make_chunk(memory, {1, 2}, true)));
  const memory::WindowList received = memory.put_whole(text);
  const Message message = *read_message(received);
  const Chunk& chunk = std::get<Chunk>(message);
  CHECK(chunk.samples[0].payload[0].data() > received[0].data());
  CHECK(chunk.samples[1].payload[0].data() + chunk.samples[1].payload.bytes() ==
        received[0].data() + received[0].size());
}

TEST_CASE("the length before the envelope is a varint of at most five bytes") {
  CHECK(error_of("") == make_error_code(Errc::bad_envelope));
  CHECK(error_of("\x80") == make_error_code(Errc::bad_envelope));
  CHECK(error_of("\x80\x80\x80\x80\x80") == make_error_code(Errc::bad_envelope));
  CHECK(error_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01") ==
        make_error_code(Errc::bad_envelope));
  CHECK(error_of("\xff\xff\xff\xff\x7f") == make_error_code(Errc::envelope_too_large));
  CHECK(error_of("\x01") == make_error_code(Errc::bad_envelope));
  CHECK(error_of(std::string("\0", 1)) == base::Error{});            // says nothing
  CHECK(error_of(std::string("\x80\x80\x00", 3)) == base::Error{});  // a longer way to say 0
}

TEST_CASE("what is no Protobuf message is refused") {
  CHECK(error_of("\x02\x0a\x05") == make_error_code(Errc::bad_envelope));
  CHECK(error_of("\x01\xff") == make_error_code(Errc::bad_envelope));
}

TEST_CASE("an envelope has a limit") {
  const auto envelope = [](std::size_t size) {  // an unknown field fills it
    std::string text = varint(size) + "\xfa\x01" + varint(size - 5);
    return text + std::string(size - 5, 'x');
  };
  CHECK(error_of(envelope(envelope_bytes_max)) == base::Error{});
  CHECK(error_of(envelope(envelope_bytes_max + 1)) == make_error_code(Errc::envelope_too_large));
}

TEST_CASE("a chunk has at most so many bytes") {
  const auto sized = [](std::size_t bytes) {
    return chunk_error(
        [&](pb::Chunk& chunk) { chunk.mutable_samples(0)->set_size(bytes & 0xffffffff); },
        std::string());
  };
  CHECK(sized(payload_bytes_max) == make_error_code(Errc::bad_sizes));
  // The payload of the message counts, whatever the samples say.
  Memory memory(40 << 20);
  const std::string block(60'000, 'x');
  pb::Envelope envelope;
  envelope.mutable_chunk()->set_epoch(1);
  envelope.mutable_chunk()->add_samples()->set_size(payload_bytes_max);
  memory::WindowList bytes = memory.put_whole(delimited(envelope));
  const std::size_t header = bytes.bytes();
  while (bytes.bytes() < header + payload_bytes_max) {
    const std::size_t left = header + payload_bytes_max - bytes.bytes();
    bytes.push_back(memory.put(std::string_view(block).substr(0, std::min(left, block.size()))));
  }
  CHECK(read_message(bytes).has_value());
  bytes.push_back(memory.put("x"));
  CHECK(read_message(bytes).error() == make_error_code(Errc::payload_too_large));
}

TEST_CASE("samples and payload must have the same size") {
  const auto keep = [](pb::Chunk&) {};
  CHECK(chunk_error(keep, "abcd") == base::Error{});
  CHECK(chunk_error(keep, "abc") == make_error_code(Errc::bad_sizes));
  CHECK(chunk_error(keep, "abcde") == make_error_code(Errc::bad_sizes));
  const auto overflowing = [](pb::Chunk& chunk) {
    chunk.add_samples()->set_size(0xffffffff);
    chunk.add_samples()->set_size(1);
  };
  CHECK(chunk_error(overflowing, "abcd") == make_error_code(Errc::bad_sizes));
}

TEST_CASE("a chunk has at most so many samples and may have none") {
  CHECK(chunk_error([](pb::Chunk& chunk) { chunk.clear_samples(); }, "") == base::Error{});
  const auto with = [](std::size_t count) {
    return chunk_error([&](pb::Chunk& chunk) {
      while (static_cast<std::size_t>(chunk.samples_size()) < count) chunk.add_samples();
    });
  };
  CHECK(with(samples_max) == base::Error{});
  CHECK(with(samples_max + 1) == make_error_code(Errc::too_many_samples));
}

TEST_CASE("numbers and times of a chunk have their ranges") {
  using Change = std::function<void(pb::Chunk&)>;
  const std::pair<Change, Errc> cases[] = {
      {[](pb::Chunk& chunk) { chunk.set_epoch(0); }, Errc::bad_position},
      {[](pb::Chunk& chunk) { chunk.set_sequence(sequence_max); }, Errc::bad_position},
      {[](pb::Chunk& chunk) { chunk.set_utc_us(-1); }, Errc::bad_utc},
      {[](pb::Chunk& chunk) { chunk.set_utc_us(utc_us_max + 1); }, Errc::bad_utc},
      {[](pb::Chunk& chunk) { chunk.mutable_samples(0)->set_track(16); }, Errc::bad_sample},
      {[](pb::Chunk& chunk) { chunk.mutable_samples(0)->set_track(256); }, Errc::bad_sample},
      {[](pb::Chunk& chunk) {
         chunk.mutable_samples(0)->set_dts(std::numeric_limits<std::int64_t>::max());
         chunk.mutable_samples(0)->set_pts_offset(1);
       },
       Errc::bad_sample}};
  for (const auto& [change, errc] : cases) CHECK(chunk_error(change) == make_error_code(errc));
  CHECK(chunk_error([](pb::Chunk& chunk) {
          chunk.set_sequence(sequence_max - 1);
          chunk.set_utc_us(utc_us_max);
          chunk.mutable_samples(0)->set_track(15);
        }) == base::Error{});
}

TEST_CASE("a stream has at most sixteen tracks") {
  const auto with = [](int count) {
    return hello_error([&](pb::Hello& hello) {
      hello.mutable_tracks()->set_version(1);
      for (int track = 0; track < count; ++track) {
        hello.mutable_tracks()->add_tracks()->set_timescale(1);
      }
    });
  };
  CHECK(with(16) == base::Error{});
  CHECK(with(17) == make_error_code(Errc::too_many_tracks));
}

TEST_CASE("what a track says has limits") {
  const auto keep = [](pb::Track&) {};
  CHECK(track_error(keep) == base::Error{});
  CHECK(track_error([](pb::Track& track) { track.set_codec("a-codec-of-the-future"); }) ==
        base::Error{});
  CHECK(track_error([](pb::Track& track) { track.set_timescale(0); }) ==
        make_error_code(Errc::bad_track));
  CHECK(track_error([](pb::Track& track) { track.set_codec(std::string(32, 'x')); }) ==
        base::Error{});
  CHECK(track_error([](pb::Track& track) { track.set_codec(std::string(33, 'x')); }) ==
        make_error_code(Errc::text_too_long));
  CHECK(track_error([](pb::Track& track) { track.set_language(std::string(17, 'x')); }) ==
        make_error_code(Errc::text_too_long));
  CHECK(track_error([](pb::Track& track) { track.set_config(std::string(2048, 'x')); }) ==
        base::Error{});
  CHECK(track_error([](pb::Track& track) { track.set_config(std::string(2049, 'x')); }) ==
        make_error_code(Errc::text_too_long));
  pb::Envelope envelope;
  envelope.mutable_tracks()->add_tracks()->set_timescale(1);
  CHECK(error_of(delimited(envelope)) == make_error_code(Errc::bad_track));  // version 0
}

TEST_CASE("what Hello says has limits") {
  const auto keep = [](pb::Hello&) {};
  CHECK(hello_error(keep) == base::Error{});
  using Change = std::function<void(pb::Hello&)>;
  const std::pair<Change, Errc> cases[] = {
      {[](pb::Hello& hello) { hello.set_epoch(0); }, Errc::bad_position},
      {[](pb::Hello& hello) { hello.set_first_sequence(1); }, Errc::bad_position},
      {[](pb::Hello& hello) { hello.set_sync_sequence(1); }, Errc::bad_position},
      {[](pb::Hello& hello) {
         hello.set_first_sequence(2);
         hello.set_sync_sequence(1);
         hello.set_next_sequence(3);
       },
       Errc::bad_position},
      {[](pb::Hello& hello) { hello.set_next_sequence(sequence_max + 1); }, Errc::bad_position},
      {[](pb::Hello& hello) { hello.set_stream(std::string(1025, 'x')); }, Errc::text_too_long},
      {[](pb::Hello& hello) { hello.set_token(std::string(513, 'x')); }, Errc::bad_token}};
  for (const auto& [change, errc] : cases) CHECK(hello_error(change) == make_error_code(errc));
}

TEST_CASE("what the other messages say has limits") {
  using Change = std::function<void(pb::Envelope&)>;
  const std::pair<Change, Errc> cases[] = {
      {[](pb::Envelope& e) { e.mutable_welcome()->set_token(std::string(513, 'x')); },
       Errc::bad_token},
      {[](pb::Envelope& e) { e.mutable_welcome()->set_next_sequence(sequence_max + 1); },
       Errc::bad_position},
      {[](pb::Envelope& e) { e.mutable_ack(); }, Errc::bad_position},
      {[](pb::Envelope& e) { e.mutable_play()->mutable_cursor(); }, Errc::bad_position},
      {[](pb::Envelope& e) { e.mutable_play()->mutable_until(); }, Errc::bad_position},
      {[](pb::Envelope& e) { e.mutable_play()->set_at_utc_us(-1); }, Errc::bad_utc},
      {[](pb::Envelope& e) { e.mutable_play()->set_token(std::string(513, 'x')); },
       Errc::bad_token},
      {[](pb::Envelope& e) { e.mutable_play()->set_speed(speed_max + 1); }, Errc::bad_speed},
      {[](pb::Envelope& e) { e.mutable_playing(); }, Errc::bad_position},
      {[](pb::Envelope& e) {
         fill(*e.mutable_playing()->mutable_start());
         e.mutable_playing()->set_utc_us(utc_us_max + 1);
       },
       Errc::bad_utc},
      {[](pb::Envelope& e) { e.mutable_seek()->mutable_cursor(); }, Errc::bad_position},
      {[](pb::Envelope& e) { e.mutable_seek()->set_at_utc_us(utc_us_max + 1); }, Errc::bad_utc},
      {[](pb::Envelope& e) { e.mutable_seek()->set_speed(speed_max + 1); }, Errc::bad_speed},
      {[](pb::Envelope& e) { e.mutable_gap(); }, Errc::bad_position},
      {[](pb::Envelope& e) {
         fill(*e.mutable_gap()->mutable_from());
         fill(*e.mutable_gap()->mutable_to());
       },
       Errc::bad_gap},
      {[](pb::Envelope& e) { e.mutable_bye()->set_detail(std::string(257, 'x')); },
       Errc::text_too_long}};
  for (const auto& [change, errc] : cases) {
    pb::Envelope envelope;
    change(envelope);
    CAPTURE(envelope.ShortDebugString());
    CHECK(error_of(delimited(envelope)) == make_error_code(errc));
  }
}

TEST_CASE("text that is no text is read and later said with question marks") {
  pb::Envelope envelope;
  envelope.mutable_bye()->set_detail("\xff\xfe\n");
  Memory memory;
  Bye bye = test::read_as<Bye>(memory, delimited(envelope));
  CHECK(bye.detail == "\xff\xfe\n");
  CHECK(test::read_as<Bye>(memory, write_header(bye)).detail == "???");
}

}  // namespace wire
