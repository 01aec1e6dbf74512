#include "relay/protocol/wire/reader.hpp"

#include <array>
#include <limits>
#include <span>
#include <string>
#include <utility>

#include "relay/protocol/wire/rules.hpp"
#include "schemas/wire.pb.h"

namespace wire {
namespace {

namespace pb = spancast::wire;

// The numbers of the schema's enumerations are those of ours.
static_assert(static_cast<int>(Slow::disconnect) == pb::Play::DISCONNECT);
static_assert(static_cast<int>(Slow::disconnect) == pb::Play::Slow_MAX);
static_assert(static_cast<int>(GapReason::unexplained) == pb::Gap::UNEXPLAINED);
static_assert(static_cast<int>(GapReason::unexplained) == pb::Gap::Reason_MAX);
static_assert(static_cast<int>(ByeReason::bad_message) == pb::Bye::BAD_MESSAGE);
static_assert(static_cast<int>(ByeReason::too_many_tracks) == pb::Bye::Reason_MAX);

/// Collects what is wrong: the first thing counts.
class Check {
 public:
  bool require(bool holds, Errc errc) noexcept {
    if (!holds && !error_) error_ = errc;
    return holds;
  }
  const base::Error& error() const noexcept { return error_; }

  std::string text(const std::string& text, std::size_t bytes_max) {
    return require(text.size() <= bytes_max, Errc::text_too_long) ? text : std::string();
  }
  std::string token(const std::string& token) {
    return require(token.size() <= token_bytes_max, Errc::bad_token) ? token : std::string();
  }
  Position position(const pb::Position& read) noexcept {
    require(read.epoch() != 0 && read.sequence() <= sequence_max, Errc::bad_position);
    return {read.epoch(), read.sequence()};
  }
  base::Utc utc(std::int64_t us) noexcept {
    require(us >= 0 && us <= utc_us_max, Errc::bad_utc);
    return base::Utc(std::chrono::microseconds(us));
  }
  std::uint32_t speed(std::uint32_t percent) noexcept {
    require(percent <= speed_max, Errc::bad_speed);
    return percent == 0 ? speed_normal : percent;
  }

 private:
  base::Error error_;
};

template <class Enum>
Enum enum_of(int value, Enum last) noexcept {
  return value >= 0 && value <= static_cast<int>(last) ? static_cast<Enum>(value) : Enum{};
}

Track read_track(const pb::Track& read, Check& check) {
  Track track;
  track.codec = check.text(read.codec(), codec_bytes_max);
  track.timescale = read.timescale();
  check.require(track.timescale != 0, Errc::bad_track);
  if (check.require(read.config().size() <= config_bytes_max, Errc::text_too_long)) {
    const auto config = std::as_bytes(std::span(read.config()));
    track.config.assign(config.begin(), config.end());
  }
  track.width = read.width();
  track.height = read.height();
  track.sample_rate = read.sample_rate();
  track.channels = read.channels();
  track.language = check.text(read.language(), language_bytes_max);
  return track;
}

Tracks read(const pb::Tracks& read, Check& check) {
  Tracks tracks;
  const auto count = static_cast<std::size_t>(read.tracks_size());
  if (!check.require(count <= tracks_max, Errc::too_many_tracks)) return tracks;
  check.require(read.version() != 0 || count == 0, Errc::bad_track);
  tracks.version = read.version();
  for (const pb::Track& track : read.tracks()) tracks.tracks.push_back(read_track(track, check));
  return tracks;
}

Hello read(const pb::Hello& read_from, Check& check) {
  Hello hello;
  hello.stream = check.text(read_from.stream(), stream_bytes_max);
  hello.token = check.token(read_from.token());
  hello.epoch = read_from.epoch();
  hello.tracks = read(read_from.tracks(), check);
  hello.first_sequence = read_from.first_sequence();
  hello.sync_sequence = read_from.sync_sequence();
  hello.next_sequence = read_from.next_sequence();
  check.require(hello.epoch != 0 && hello.next_sequence <= sequence_max &&
                    hello.first_sequence <= hello.sync_sequence &&
                    hello.sync_sequence <= hello.next_sequence,
                Errc::bad_position);
  return hello;
}

Welcome read(const pb::Welcome& read_from, Check& check) {
  check.require(read_from.next_sequence() <= sequence_max, Errc::bad_position);
  return {check.token(read_from.token()), read_from.next_sequence()};
}

Ack read(const pb::Ack& read_from, Check& check) {
  Ack ack;
  ack.received = check.position(read_from.received());
  ack.durable = read_from.has_durable() ? check.position(read_from.durable())
                                        : Position{ack.received.epoch, 0};
  return ack;
}

// Of Play and of Seek, which have the same choice.
template <class From>
Start read_start(const From& read_from, Check& check) {
  if (read_from.has_at_utc_us()) return check.utc(read_from.at_utc_us());
  if (read_from.has_cursor()) return check.position(read_from.cursor());
  return Live{};
}

Play read(const pb::Play& read_from, Check& check) {
  Play play;
  play.start = read_start(read_from, check);
  if (read_from.has_until()) play.until = check.position(read_from.until());
  play.slow = enum_of(read_from.slow(), Slow::disconnect);
  play.max_lag = Milliseconds(read_from.max_lag_ms());
  if (read_from.has_flush_ms()) play.flush = Milliseconds(read_from.flush_ms());
  play.token = check.token(read_from.token());
  play.speed = check.speed(read_from.speed());
  return play;
}

Seek read(const pb::Seek& read_from, Check& check) {
  return {read_start(read_from, check), read_from.request(), check.speed(read_from.speed())};
}

Playing read(const pb::Playing& read_from, Check& check) {
  Playing playing;
  playing.token = check.token(read_from.token());
  playing.tracks = read(read_from.tracks(), check);
  playing.start = check.position(read_from.start());
  playing.utc = check.utc(read_from.utc_us());
  playing.request = read_from.request();
  return playing;
}

Gap read(const pb::Gap& read_from, Check& check) {
  Gap gap;
  gap.from = check.position(read_from.from());
  gap.to = check.position(read_from.to());
  check.require(gap.from.epoch != gap.to.epoch || gap.from.sequence < gap.to.sequence,
                Errc::bad_gap);
  if (read_from.from_utc_us() != 0) gap.from_utc = check.utc(read_from.from_utc_us());
  if (read_from.to_utc_us() != 0) gap.to_utc = check.utc(read_from.to_utc_us());
  gap.reason = enum_of(read_from.reason(), GapReason::unexplained);
  return gap;
}

Bye read(const pb::Bye& read_from, Check& check) {
  return {enum_of(read_from.reason(), ByeReason::too_many_tracks),
          Milliseconds(read_from.retry_after_ms()),
          check.text(read_from.detail(), detail_bytes_max)};
}

// What lies behind the envelope is cut into the samples, which must be all of it.
void cut_samples(const pb::Chunk& read_from, memory::WindowList& payload, Chunk& chunk,
                 Check& check) {
  std::uint64_t bytes = 0;
  for (const pb::Sample& sample : read_from.samples()) bytes += sample.size();
  if (!check.require(bytes == payload.bytes(), Errc::bad_sizes)) return;
  chunk.samples.reserve(static_cast<std::size_t>(read_from.samples_size()));
  for (const pb::Sample& from : read_from.samples()) {
    media::Sample& sample = chunk.samples.emplace_back();
    const bool is_track = check.require(from.track() < tracks_max, Errc::bad_sample);
    sample.track = static_cast<std::uint8_t>(is_track ? from.track() : 0);
    sample.sync = from.sync();
    sample.dts = from.dts();
    const bool overflows = __builtin_add_overflow(from.dts(), from.pts_offset(), &sample.pts);
    check.require(!overflows, Errc::bad_sample);
    sample.duration = from.duration();
    sample.payload = payload.take_front(from.size());
  }
}

Chunk read(const pb::Chunk& read_from, memory::WindowList& payload, Check& check) {
  Chunk chunk;
  chunk.position = {read_from.epoch(), read_from.sequence()};
  check.require(chunk.position.epoch != 0 && chunk.position.sequence < sequence_max,
                Errc::bad_position);
  chunk.utc = check.utc(read_from.utc_us());
  chunk.sync = read_from.sync();
  chunk.discontinuity = read_from.discontinuity();
  chunk.segment = read_from.segment();
  chunk.part = read_from.part();
  chunk.tracks_version = read_from.tracks_version();
  chunk.checksum = read_from.checksum();
  check.require(static_cast<std::size_t>(read_from.samples_size()) <= samples_max,
                Errc::too_many_samples);
  check.require(payload.bytes() <= payload_bytes_max, Errc::payload_too_large);
  if (!check.error()) cut_samples(read_from, payload, chunk, check);
  return chunk;
}

Message read(const pb::Envelope& envelope, memory::WindowList& payload, Check& check) {
  switch (envelope.message_case()) {
    case pb::Envelope::kHello:
      return read(envelope.hello(), check);
    case pb::Envelope::kWelcome:
      return read(envelope.welcome(), check);
    case pb::Envelope::kAck:
      return read(envelope.ack(), check);
    case pb::Envelope::kPlay:
      return read(envelope.play(), check);
    case pb::Envelope::kPlaying:
      return read(envelope.playing(), check);
    case pb::Envelope::kChunk:
      return read(envelope.chunk(), payload, check);
    case pb::Envelope::kTracks:
      return read(envelope.tracks(), check);
    case pb::Envelope::kGap:
      return read(envelope.gap(), check);
    case pb::Envelope::kBye:
      return read(envelope.bye(), check);
    case pb::Envelope::kPause:
      return Pause{};
    case pb::Envelope::kResume:
      return Resume{};
    case pb::Envelope::kSeek:
      return read(envelope.seek(), check);
    case pb::Envelope::MESSAGE_NOT_SET:
      break;
  }
  return Unknown{};
}

// The varint before the envelope, which is taken off. Over five bytes is no length of ours.
base::Result<std::size_t> take_length(memory::WindowList& bytes) {
  std::array<std::byte, length_bytes_max> head;
  const std::size_t size = bytes.copy_out(0, head);
  std::uint64_t length = 0;
  for (std::size_t index = 0; index < size; ++index) {
    const auto byte = std::to_integer<std::uint64_t>(head[index]);
    length |= (byte & 0x7f) << (7 * index);
    if (byte >= 0x80) continue;
    if (length > envelope_bytes_max) return Errc::envelope_too_large;
    bytes.drop_front(index + 1);
    return static_cast<std::size_t>(length);
  }
  return Errc::bad_envelope;
}

bool parse(const memory::WindowList& bytes, std::size_t length, pb::Envelope& envelope) {
  const auto size = static_cast<int>(length);
  if (length == 0) return true;
  if (bytes[0].size() >= length) return envelope.ParseFromArray(bytes[0].data(), size);
  // Across windows: a header is small, so it is copied together instead of read in pieces.
  std::string copy(length, '\0');
  bytes.copy_out(0, std::as_writable_bytes(std::span(copy)));
  return envelope.ParseFromArray(copy.data(), size);
}

}  // namespace

base::Result<Message> read_message(memory::WindowList bytes) {
  const auto length = take_length(bytes);
  if (!length) return length.error();
  if (*length > bytes.bytes()) return Errc::bad_envelope;
  pb::Envelope envelope;
  if (!parse(bytes, *length, envelope)) return Errc::bad_envelope;
  bytes.drop_front(*length);
  Check check;
  Message message = read(envelope, bytes, check);
  if (check.error()) return check.error();
  return message;
}

}  // namespace wire
