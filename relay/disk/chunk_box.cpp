#include "relay/disk/chunk_box.hpp"

#include <array>
#include <limits>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/uuid_box.hpp"
#include "relay/disk/varint.hpp"
#include "relay/protocol/wire/checksum.hpp"

namespace disk {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::uint8_t is_sync = 0x01;
constexpr std::uint8_t came_over_wire = 0x02;
// Of a sample.
constexpr std::uint8_t track_bits = 0x0F;
constexpr std::uint8_t sample_is_sync = 0x10;
constexpr std::uint8_t pts_is_dts = 0x20;
constexpr std::uint8_t dts_follows = 0x40;
static_assert(wire::tracks_max == track_bits + 1);

constexpr std::size_t checksum_at = uuid_head_bytes;
constexpr std::size_t fixed_bytes = 72;
constexpr std::size_t numbers_bytes_max = 8 * varint_bytes_max;
constexpr std::size_t sample_bytes_max = 1 + 4 * varint_bytes_max;
static_assert(fixed_bytes + numbers_bytes_max + record_samples_max * sample_bytes_max <=
              chunk_box_bytes_max);
constexpr std::uint32_t mdat_head_bytes = 8;
// Beyond it no sum overflows.
constexpr stream::MediaTime time_max = std::int64_t{1} << 62;

// What wraps around comes back the same way.
std::int64_t sum(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t difference(std::int64_t a, std::int64_t b) noexcept {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

// Where the next sample of each track begins, if it follows.
using Ends = std::array<std::optional<std::int64_t>, wire::tracks_max>;

// Fails the reader when it does not fit.
template <class Integer>
Integer read_number(base::ByteReader& reader) noexcept {
  const std::uint64_t value = read_varint(reader);
  if (value <= std::numeric_limits<Integer>::max()) return static_cast<Integer>(value);
  reader.skip(reader.remaining() + 1);
  return 0;
}

void write_sample(fmp4::BoxWriter& out, const ChunkBox::Sample& sample, Ends& ends) noexcept {
  std::optional<std::int64_t>& end = ends[sample.track];
  const bool follows = end == sample.dts;
  out.u8(sample.track | (sample.sync ? sample_is_sync : 0U) |
         (sample.pts == sample.dts ? pts_is_dts : 0U) | (follows ? dts_follows : 0U));
  write_varint(out, sample.bytes);
  write_varint(out, sample.duration);
  if (!follows) write_signed_varint(out, sample.dts);
  if (sample.pts != sample.dts) write_signed_varint(out, difference(sample.pts, sample.dts));
  end = sum(sample.dts, sample.duration);
}

// There is one way to write a sample, and only that is read.
bool read_sample(base::ByteReader& reader, ChunkBox::Sample& sample, Ends& ends) noexcept {
  const std::uint8_t what = reader.u8();
  sample.track = what & track_bits;
  sample.sync = (what & sample_is_sync) != 0;
  sample.bytes = read_number<std::uint32_t>(reader);
  sample.duration = read_number<std::uint32_t>(reader);
  std::optional<std::int64_t>& end = ends[sample.track];
  const bool follows = (what & dts_follows) != 0;
  if (follows && !end) return false;
  sample.dts = follows ? *end : read_signed_varint(reader);
  if (!follows && end == sample.dts) return false;
  sample.pts = sample.dts;
  if ((what & pts_is_dts) == 0) {
    sample.pts = sum(sample.dts, read_signed_varint(reader));
    if (sample.pts == sample.dts) return false;
  }
  end = sum(sample.dts, sample.duration);
  return what < 0x80 && reader.ok();
}

bool read_samples(base::ByteReader& reader, std::size_t count, ChunkBox& out) {
  Ends ends;
  out.samples.clear();
  std::uint64_t payload_bytes = 0;
  for (; count > 0; --count) {
    // A few bytes cannot ask for much memory: each sample has some.
    if (!read_sample(reader, out.samples.emplace_back(), ends)) return false;
    payload_bytes += out.samples.back().bytes;
  }
  if (payload_bytes > record_bytes_max) return false;
  out.payload_bytes = static_cast<std::uint32_t>(payload_bytes);
  return true;
}

bool are_sizes_possible(const ChunkBox& box) noexcept {
  if (box.box_bytes > chunk_box_bytes_max || box.record_bytes > record_bytes_max) return false;
  if (box.payload_bytes == 0) return box.record_bytes == box.box_bytes;
  const std::uint64_t least = std::uint64_t{box.box_bytes} + mdat_head_bytes + box.payload_bytes;
  return box.record_bytes >= least && box.header_bytes() <= record_header_bytes_max;
}

bool are_places_possible(const ChunkBox& box) noexcept {
  return box.position.epoch != 0 && box.position.sequence < wire::sequence_max &&
         box.utc.time_since_epoch().count() >= 0 &&
         box.utc.time_since_epoch().count() <= wire::utc_us_max && box.time > -time_max &&
         box.time < time_max;
}

void read_numbers(base::ByteReader& reader, ChunkBox& out) noexcept {
  out.length = read_number<std::uint32_t>(reader);
  out.segment = read_number<std::uint32_t>(reader);
  out.part = read_number<std::uint32_t>(reader);
  out.discontinuity = read_number<std::uint32_t>(reader);
  out.video_frames = read_number<std::uint16_t>(reader);
  out.audio_frames = read_number<std::uint16_t>(reader);
  out.wire_offset = read_signed_varint(reader);
  out.stamp_offset = read_signed_varint(reader);
}

}  // namespace

std::optional<ChunkBoxSize> find_chunk_box(std::span<const std::byte> bytes) noexcept {
  const auto box_bytes = uuid_box_bytes(bytes, chunk_type);
  if (!box_bytes || bytes.size() < chunk_box_size_bytes) return std::nullopt;
  base::ByteReader reader(bytes.subspan(chunk_box_size_bytes - 4));
  return ChunkBoxSize{*box_bytes, reader.u32()};
}

base::Result<void> read_chunk_box(std::span<const std::byte> bytes, ChunkBox& out) {
  const auto size = uuid_box_bytes(bytes, chunk_type);
  if (!size || *size > bytes.size()) return Errc::bad_record;
  out.box_bytes = *size;
  base::ByteReader reader(bytes.first(*size).subspan(uuid_head_bytes));
  out.header_checksum = reader.u32();
  out.payload_checksum = reader.u32();
  const std::uint8_t read_version = reader.u8();
  const std::uint8_t flags = reader.u8();
  out.sync = (flags & is_sync) != 0;
  out.is_wire = (flags & came_over_wire) != 0;
  const std::size_t count = reader.u16();
  out.record_bytes = reader.u32();
  out.position.epoch = reader.u64();
  out.position.sequence = reader.u64();
  out.utc = base::Utc(std::chrono::microseconds(static_cast<std::int64_t>(reader.u64())));
  out.time = static_cast<std::int64_t>(reader.u64());
  read_numbers(reader, out);
  const bool is_known = read_version == version && (flags & ~(is_sync | came_over_wire)) == 0 &&
                        count <= record_samples_max;
  if (!reader.ok() || !is_known || !are_places_possible(out)) return Errc::bad_record;
  if (!read_samples(reader, count, out) || reader.remaining() > 0 || !are_sizes_possible(out)) {
    return Errc::bad_record;
  }
  return {};
}

std::size_t chunk_box_bytes_bound(std::size_t samples) noexcept {
  return fixed_bytes + numbers_bytes_max + samples * sample_bytes_max;
}

void write_chunk_box(ChunkBox& box, std::uint32_t following_bytes,
                     std::span<std::byte> out) noexcept {
  RELAY_ASSERT(box.samples.size() <= record_samples_max);
  fmp4::BoxWriter writer(out);
  const std::size_t begin = begin_uuid_box(writer, chunk_type);
  writer.u32(0);  // sealed later
  writer.u32(box.payload_checksum);
  writer.u8(version);
  writer.u8((box.sync ? is_sync : 0U) | (box.is_wire ? came_over_wire : 0U));
  writer.u16(static_cast<std::uint32_t>(box.samples.size()));
  writer.u32(0);  // known below
  writer.u64(box.position.epoch);
  writer.u64(box.position.sequence);
  writer.u64(static_cast<std::uint64_t>(box.utc.time_since_epoch().count()));
  writer.u64(static_cast<std::uint64_t>(box.time));
  write_varint(writer, box.length);
  write_varint(writer, box.segment);
  write_varint(writer, box.part);
  write_varint(writer, box.discontinuity);
  write_varint(writer, box.video_frames);
  write_varint(writer, box.audio_frames);
  write_signed_varint(writer, box.wire_offset);
  write_signed_varint(writer, box.stamp_offset);
  Ends ends;
  box.payload_bytes = 0;
  for (const ChunkBox::Sample& sample : box.samples) {
    write_sample(writer, sample, ends);
    box.payload_bytes += sample.bytes;
  }
  writer.end(begin);
  box.box_bytes = static_cast<std::uint32_t>(writer.size());
  box.record_bytes = box.box_bytes + following_bytes;
  fmp4::BoxWriter(out.subspan(chunk_box_size_bytes - 4)).u32(box.record_bytes);
}

std::uint32_t record_checksum(std::span<const std::byte> header) noexcept {
  wire::Checksum checksum;
  checksum.add(header.first(checksum_at));
  checksum.add(header.subspan(checksum_at + 4));
  return checksum.value();
}

void seal_record(std::span<std::byte> header) noexcept {
  fmp4::BoxWriter(header.subspan(checksum_at)).u32(record_checksum(header));
}

}  // namespace disk
