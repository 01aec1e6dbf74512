#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/media/sample.hpp"

// The messages of schemas/wire.proto as plain values. What each field means stands there.
namespace wire {

constexpr std::size_t envelope_bytes_max = 64 * 1024;  ///< without its length and the payload
constexpr std::size_t length_bytes_max = 5;            ///< of the varint before the envelope
constexpr std::size_t payload_bytes_max = 16 * 1024 * 1024;
/// What a WebSocket message may have.
constexpr std::size_t message_bytes_max = length_bytes_max + envelope_bytes_max + payload_bytes_max;
constexpr std::size_t samples_max = 1024;  ///< of a chunk
constexpr std::size_t tracks_max = 16;
constexpr std::size_t stream_bytes_max = 1024;  ///< of a stream's name
constexpr std::size_t token_bytes_max = 512;
constexpr std::size_t codec_bytes_max = 32;
constexpr std::size_t config_bytes_max = 2048;
constexpr std::size_t language_bytes_max = 16;
constexpr std::size_t detail_bytes_max = 256;
/// Of a position; a chunk has a smaller one, so that there is a position behind it.
constexpr std::uint64_t sequence_max = (std::uint64_t{1} << 62) - 1;
constexpr std::int64_t utc_us_max = 253'402'300'799'999'999;  ///< the end of the year 9999
/// Times of samples are nearer to 0, so that nanoseconds of them fit 63 bits.
constexpr std::int64_t seconds_max = std::int64_t{1} << 32;

constexpr std::uint32_t speed_normal = 100;  ///< percent
constexpr std::uint32_t speed_max = 10'000;

using Milliseconds = std::chrono::milliseconds;

struct Position {
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  bool operator==(const Position&) const = default;
  Position next() const noexcept { return {epoch, sequence + 1}; }
};

struct Track {
  std::string codec;
  std::uint32_t timescale = 90'000;
  std::vector<std::byte> config;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;
  std::string language;

  bool operator==(const Track&) const = default;
};

struct Tracks {
  std::uint32_t version = 0;  ///< 0: none
  std::vector<Track> tracks;

  bool operator==(const Tracks&) const = default;
};

struct Hello {
  std::string stream;
  std::string token;
  std::uint64_t epoch = 0;
  Tracks tracks;
  std::uint64_t first_sequence = 0;
  std::uint64_t sync_sequence = 0;
  std::uint64_t next_sequence = 0;
};

struct Welcome {
  std::string token;
  std::uint64_t next_sequence = 0;
};

struct Ack {
  Position received;
  Position durable;
};

struct Live {
  bool operator==(const Live&) const = default;
};
/// Live, at a UTC, or at a position.
using Start = std::variant<Live, base::Utc, Position>;

enum class Slow : std::uint8_t { unspecified, skip, catch_up, disconnect };

struct Play {
  Start start;
  std::optional<Position> until;
  Slow slow = Slow::unspecified;
  Milliseconds max_lag{};             ///< 0: as the relay is configured
  std::optional<Milliseconds> flush;  ///< nothing: the relay chooses
  std::string token;
  std::uint32_t speed = speed_normal;  ///< percent; above 100: sync chunks only
};

struct Playing {
  std::string token;
  Tracks tracks;
  Position start;
  base::Utc utc{};
  std::uint32_t request = 0;
};

/// With its payload, whose windows belong to one worker.
struct Chunk {
  Position position;
  base::Utc utc{};
  bool sync = false;
  std::uint32_t discontinuity = 0;
  std::uint32_t segment = 0;
  std::uint32_t part = 0;
  std::uint32_t tracks_version = 0;
  std::uint32_t checksum = 0;
  std::vector<media::Sample> samples;
};

enum class GapReason : std::uint8_t {
  unspecified,
  publisher,
  lost,
  skip,
  tail,
  replica,
  restart,
  memory,
  corrupt,
  unexplained,
};
const char* name_of(GapReason reason) noexcept;

struct Gap {
  Position from;
  Position to;
  std::optional<base::Utc> from_utc;
  std::optional<base::Utc> to_utc;
  GapReason reason = GapReason::unspecified;
};

enum class ByeReason : std::uint8_t {
  unspecified,
  drain,
  ended,
  until,
  replaced,
  in_use,
  not_found,
  not_allowed,
  overload,
  too_slow,
  stalled,
  flood,
  bad_message,
  bad_sequence,
  bad_checksum,
  bad_token,
  too_large,
  too_many_tracks,
};
constexpr std::size_t bye_reason_count = 18;
const char* name_of(ByeReason reason) noexcept;
/// A client that reconnects would only hear it again.
bool is_final(ByeReason reason) noexcept;

struct Bye {
  ByeReason reason = ByeReason::unspecified;
  Milliseconds retry_after{};
  std::string detail;
};

struct Pause {};
struct Resume {};
struct Seek {
  Start start;
  std::uint32_t request = 0;
  std::uint32_t speed = speed_normal;  ///< as in Play
};

/// What a newer peer says and we do not know: ignored.
struct Unknown {};

using Message = std::variant<Unknown, Hello, Welcome, Ack, Play, Playing, Chunk, Tracks, Gap, Bye,
                             Pause, Resume, Seek>;

}  // namespace wire
