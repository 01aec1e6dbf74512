#include "relay/protocol/wire/writer.hpp"

#include <google/protobuf/io/coded_stream.h>

#include <algorithm>
#include <limits>
#include <type_traits>

#include "relay/base/assert.hpp"
#include "schemas/wire.pb.h"

namespace wire {
namespace {

namespace pb = spancast::wire;

std::string to_text(std::string text, std::size_t bytes_max) {
  if (text.size() > bytes_max) text.resize(bytes_max);
  for (char& c : text) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return text;
}

std::uint32_t to_ms(Milliseconds time) noexcept {
  constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(time.count(), 0, most));
}

std::int64_t to_us(base::Utc utc) noexcept { return utc.time_since_epoch().count(); }

void write(const Position& position, pb::Position& out) {
  out.set_epoch(position.epoch);
  out.set_sequence(position.sequence);
}

void write(const Tracks& tracks, pb::Tracks& out) {
  RELAY_ASSERT(tracks.tracks.size() <= tracks_max);
  out.set_version(tracks.version);
  for (const Track& track : tracks.tracks) {
    RELAY_ASSERT(track.config.size() <= config_bytes_max);
    pb::Track& added = *out.add_tracks();
    added.set_codec(to_text(track.codec, codec_bytes_max));
    added.set_timescale(track.timescale);
    added.set_config(track.config.data(), track.config.size());
    added.set_width(track.width);
    added.set_height(track.height);
    added.set_sample_rate(track.sample_rate);
    added.set_channels(track.channels);
    added.set_language(to_text(track.language, language_bytes_max));
  }
}

void write(const Hello& hello, pb::Hello& out) {
  out.set_stream(to_text(hello.stream, stream_bytes_max));
  out.set_token(hello.token);
  out.set_epoch(hello.epoch);
  write(hello.tracks, *out.mutable_tracks());
  out.set_first_sequence(hello.first_sequence);
  out.set_sync_sequence(hello.sync_sequence);
  out.set_next_sequence(hello.next_sequence);
}

void write(const Welcome& welcome, pb::Welcome& out) {
  out.set_token(welcome.token);
  out.set_next_sequence(welcome.next_sequence);
}

void write(const Ack& ack, pb::Ack& out) {
  write(ack.received, *out.mutable_received());
  write(ack.durable, *out.mutable_durable());
}

template <class Out>
void write(const Start& start, Out& out) {
  if (const auto* utc = std::get_if<base::Utc>(&start)) {
    out.set_at_utc_us(to_us(*utc));
  } else if (const auto* position = std::get_if<Position>(&start)) {
    write(*position, *out.mutable_cursor());
  } else {
    out.set_live(true);
  }
}

void write(const Play& play, pb::Play& out) {
  write(play.start, out);
  if (play.until) write(*play.until, *out.mutable_until());
  out.set_slow(static_cast<pb::Play::Slow>(play.slow));
  out.set_max_lag_ms(to_ms(play.max_lag));
  if (play.flush) out.set_flush_ms(to_ms(*play.flush));
  out.set_token(play.token);
  if (play.speed != speed_normal) out.set_speed(play.speed);
}

void write(const Playing& playing, pb::Playing& out) {
  out.set_token(playing.token);
  write(playing.tracks, *out.mutable_tracks());
  write(playing.start, *out.mutable_start());
  out.set_utc_us(to_us(playing.utc));
  out.set_request(playing.request);
}

void write(const Chunk& chunk, pb::Chunk& out) {
  RELAY_ASSERT(chunk.samples.size() <= samples_max);
  out.set_epoch(chunk.position.epoch);
  out.set_sequence(chunk.position.sequence);
  out.set_utc_us(to_us(chunk.utc));
  out.set_sync(chunk.sync);
  out.set_discontinuity(chunk.discontinuity);
  out.set_segment(chunk.segment);
  out.set_part(chunk.part);
  out.set_tracks_version(chunk.tracks_version);
  out.set_checksum(chunk.checksum);
  out.mutable_samples()->Reserve(static_cast<int>(chunk.samples.size()));
  for (const media::Sample& sample : chunk.samples) {
    pb::Sample& added = *out.add_samples();
    added.set_track(sample.track);
    added.set_dts(sample.dts);
    added.set_pts_offset(sample.pts - sample.dts);
    added.set_duration(sample.duration);
    added.set_sync(sample.sync);
    added.set_size(static_cast<std::uint32_t>(sample.payload.bytes()));
  }
}

void write(const Gap& gap, pb::Gap& out) {
  write(gap.from, *out.mutable_from());
  write(gap.to, *out.mutable_to());
  if (gap.from_utc) out.set_from_utc_us(to_us(*gap.from_utc));
  if (gap.to_utc) out.set_to_utc_us(to_us(*gap.to_utc));
  out.set_reason(static_cast<pb::Gap::Reason>(gap.reason));
}

void write(const Bye& bye, pb::Bye& out) {
  out.set_reason(static_cast<pb::Bye::Reason>(bye.reason));
  out.set_retry_after_ms(to_ms(bye.retry_after));
  out.set_detail(to_text(bye.detail, detail_bytes_max));
}

void write(const Seek& seek, pb::Seek& out) {
  write(seek.start, out);
  out.set_request(seek.request);
  if (seek.speed != speed_normal) out.set_speed(seek.speed);
}

// Sets the message of the envelope; one overload for each kind.
void put(const Unknown&, pb::Envelope&) {}
void put(const Hello& message, pb::Envelope& out) { write(message, *out.mutable_hello()); }
void put(const Welcome& message, pb::Envelope& out) { write(message, *out.mutable_welcome()); }
void put(const Ack& message, pb::Envelope& out) { write(message, *out.mutable_ack()); }
void put(const Play& message, pb::Envelope& out) { write(message, *out.mutable_play()); }
void put(const Playing& message, pb::Envelope& out) { write(message, *out.mutable_playing()); }
void put(const Chunk& message, pb::Envelope& out) { write(message, *out.mutable_chunk()); }
void put(const Tracks& message, pb::Envelope& out) { write(message, *out.mutable_tracks()); }
void put(const Gap& message, pb::Envelope& out) { write(message, *out.mutable_gap()); }
void put(const Bye& message, pb::Envelope& out) { write(message, *out.mutable_bye()); }
void put(const Pause&, pb::Envelope& out) { out.mutable_pause(); }
void put(const Resume&, pb::Envelope& out) { out.mutable_resume(); }
void put(const Seek& message, pb::Envelope& out) { write(message, *out.mutable_seek()); }

std::string serialise(const pb::Envelope& envelope) {
  using google::protobuf::io::CodedOutputStream;
  const std::size_t size = envelope.ByteSizeLong();
  RELAY_ASSERT(size <= envelope_bytes_max);
  const auto length = static_cast<std::uint32_t>(size);
  std::string bytes(CodedOutputStream::VarintSize32(length) + size, '\0');
  auto* const begin = reinterpret_cast<std::uint8_t*>(bytes.data());
  envelope.SerializeWithCachedSizesToArray(CodedOutputStream::WriteVarint32ToArray(length, begin));
  return bytes;
}

}  // namespace

std::string write_header(const Chunk& chunk) {
  pb::Envelope envelope;
  put(chunk, envelope);
  return serialise(envelope);
}

std::string write_header(const Message& message) {
  pb::Envelope envelope;
  std::visit([&](const auto& alternative) { put(alternative, envelope); }, message);
  return serialise(envelope);
}

Encoded write_message(const Message& message) {
  Encoded encoded{write_header(message), {}};
  if (const auto* chunk = std::get_if<Chunk>(&message)) {
    for (const media::Sample& sample : chunk->samples) encoded.payload.append(sample.payload);
  }
  return encoded;
}

}  // namespace wire
