#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/disk/segment.hpp"
#include "relay/stream/chunk.hpp"

namespace disk {

/// The box in front of each moof: what a chunk of the log was, exactly. A record is this box and,
/// if the chunk had payload, one moof and one mdat. The mdat's content is the payload of all
/// samples in the order of the log, also of those that MP4 cannot hold: its moof leaves them out,
/// this box does not. So the payload is the end of the record, and its checksum is the chunk's.
///
///      0  size 4 | "uuid" 4 | user type 16
///     24  CRC32C 4: of all of the record but this field and the payload
///     28  CRC32C 4: of the payload
///     32  version 1 | flags 1: 1 sync, 2 it came over the wire | number of samples 2
///     36  bytes of the record 4
///     40  position: epoch 8, sequence 8
///     56  UTC in microseconds 8 | time 8
///     72  varints: length, segment, part, discontinuity, video frames, audio frames; with a sign:
///         wire_offset, stamp_offset
///         for each sample:
///           1 byte: its track (0x0F), 0x10 sync, 0x20 pts is dts, 0x40 dts is where the track's
///           sample before it in this chunk ended
///           varints: size, duration; with a sign: dts (without 0x40), pts - dts (without 0x20)
///
/// Integers are big-endian; a varint has seven bits a byte, the low ones first, and one with a sign
/// is folded (0, -1, 1, -2, ...). The mfhd of the moof has `Chunk::sequence`, modulo 2^32.
struct ChunkBox {
  struct Sample {
    std::uint8_t track = 0;
    bool sync = false;
    std::int64_t dts = 0;  ///< in log time, in the track's timescale; likewise pts
    std::int64_t pts = 0;
    std::uint32_t duration = 0;
    std::uint32_t bytes = 0;

    bool operator==(const Sample&) const = default;
  };

  std::uint32_t header_checksum = 0;
  std::uint32_t payload_checksum = 0;
  bool sync = false;
  bool is_wire = false;
  std::uint32_t record_bytes = 0;
  wire::Position position;
  base::Utc utc{};
  stream::MediaTime time = 0;
  std::uint32_t length = 0;  ///< media time until it ends
  std::uint32_t segment = 0;
  std::uint32_t part = 0;
  std::uint32_t discontinuity = 0;
  std::uint16_t video_frames = 0;
  std::uint16_t audio_frames = 0;
  stream::MediaTime wire_offset = 0;
  stream::MediaTime stamp_offset = 0;
  std::vector<Sample> samples;

  std::uint32_t box_bytes = 0;      ///< of this box alone
  std::uint32_t payload_bytes = 0;  ///< the end of the record

  /// What is before the payload: this box, the moof and the head of the mdat.
  std::uint32_t header_bytes() const noexcept { return record_bytes - payload_bytes; }
  stream::MediaTime end_time() const noexcept { return time + length; }

  bool operator==(const ChunkBox&) const = default;
};

inline constexpr std::size_t record_samples_max = 8192;
/// Of a chunk's box, and of that with its moof.
inline constexpr std::size_t chunk_box_bytes_max = 512 << 10;
inline constexpr std::size_t record_header_bytes_max = 1 << 20;
inline constexpr std::size_t record_bytes_max = 64 << 20;

/// `bytes` begins with a chunk's box: how long it says that it is, and the record. Nothing when it
/// is none, or cut before that. Not checked yet.
struct ChunkBoxSize {
  std::uint32_t box_bytes = 0;
  std::uint32_t record_bytes = 0;
};
inline constexpr std::size_t chunk_box_size_bytes = 40;
std::optional<ChunkBoxSize> find_chunk_box(std::span<const std::byte> bytes) noexcept;

/// Reads the box that `bytes` begins with (more may follow). Its checksums are read, not checked:
/// see RecordCheck. `out` keeps its memory from one call to the next. Errc::bad_record.
base::Result<void> read_chunk_box(std::span<const std::byte> bytes, ChunkBox& out);

/// No box with so many samples is longer.
std::size_t chunk_box_bytes_bound(std::size_t samples) noexcept;
/// Writes the box into `out`, which is as large as that says, in front of `following_bytes` of the
/// record. Sets what `box` says of sizes.
void write_chunk_box(ChunkBox& box, std::uint32_t following_bytes,
                     std::span<std::byte> out) noexcept;
/// `header`: of a record, from its box to the head of its mdat. Writes its checksum into it.
void seal_record(std::span<std::byte> header) noexcept;
std::uint32_t record_checksum(std::span<const std::byte> header) noexcept;

}  // namespace disk
