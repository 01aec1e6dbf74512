#include "relay/disk/index_box.hpp"

#include <vector>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/disk/chunk_box.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/uuid_box.hpp"
#include "relay/protocol/wire/checksum.hpp"

namespace disk {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t fixed_bytes = 88;
constexpr std::size_t chunk_bytes = 20;
constexpr std::size_t end_bytes = 8;
constexpr std::uint32_t is_sync = 0x8000'0000;
// Beyond it no sum overflows.
constexpr std::int64_t time_max = std::int64_t{1} << 62;
constexpr std::uint64_t offset_max = std::uint64_t{1} << 62;

std::int64_t to_us(base::Utc utc) noexcept { return utc.time_since_epoch().count(); }
base::Utc read_utc(base::ByteReader& reader) noexcept {
  return base::Utc(std::chrono::microseconds(static_cast<std::int64_t>(reader.u64())));
}
bool is_utc(base::Utc utc) noexcept { return to_us(utc) >= 0 && to_us(utc) <= wire::utc_us_max; }
bool is_time(stream::MediaTime time) noexcept { return -time_max < time && time < time_max; }

std::uint32_t checksum_of(std::span<const std::byte> bytes) noexcept {
  wire::Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

bool read_chunks(base::ByteReader& reader, std::size_t count, std::uint64_t offset,
                 std::vector<ChunkEntry>& out) {
  out.reserve(count);
  for (; count > 0; --count) {
    const std::uint32_t bytes = reader.u32();
    ChunkEntry& entry = out.emplace_back();
    entry.offset = offset;
    entry.bytes = bytes & ~is_sync;
    entry.sync = (bytes & is_sync) != 0;
    entry.utc = read_utc(reader);
    entry.time = static_cast<std::int64_t>(reader.u64());
    if (entry.bytes < chunk_box_size_bytes || entry.bytes > record_bytes_max ||
        !is_utc(entry.utc) || !is_time(entry.time)) {
      return false;
    }
    offset += entry.bytes;
  }
  return true;
}

bool are_places_possible(const Segment& segment) noexcept {
  return segment.first.epoch != 0 && segment.first.sequence < wire::sequence_max &&
         segment.chunks < wire::sequence_max - segment.first.sequence &&
         segment.last_sync >= segment.first.sequence &&
         segment.last_sync < segment.next().sequence && is_utc(segment.end) &&
         is_time(segment.end_time);
}

// The entries are read before; what they say is not said again.
void take_over(SegmentTable& table, std::size_t index_bytes) noexcept {
  const ChunkEntry& first = table.chunks.front();
  const ChunkEntry& last = table.chunks.back();
  table.segment.start = first.utc;
  table.segment.start_time = first.time;
  const std::uint64_t sync = table.segment.last_sync - table.segment.first.sequence;
  table.segment.last_sync_time = table.chunks[sync].time;
  table.segment.bytes = last.offset + last.bytes + index_bytes;
  table.segment.is_open = false;
}

}  // namespace

std::string write_index(const SegmentTable& table) {
  const Segment& segment = table.segment;
  RELAY_ASSERT(!table.chunks.empty() && segment.chunks == table.chunks.size());
  std::vector<std::byte> bytes(fixed_bytes + segment.stream.size() +
                               table.chunks.size() * chunk_bytes + end_bytes);
  RELAY_ASSERT(bytes.size() <= index_bytes_max);
  fmp4::BoxWriter out(bytes);
  const std::size_t box = begin_uuid_box(out, index_type);
  out.u8(version);
  out.u8(static_cast<std::uint32_t>(segment.gap));
  out.u16(static_cast<std::uint32_t>(segment.stream.size()));
  out.u32(static_cast<std::uint32_t>(table.chunks.size()));
  out.u64(segment.first.epoch);
  out.u64(segment.first.sequence);
  out.u64(segment.last_sync);
  out.u64(static_cast<std::uint64_t>(to_us(segment.end)));
  out.u64(static_cast<std::uint64_t>(segment.end_time));
  out.u32(segment.number);
  out.u32(segment.discontinuity);
  out.u64(table.chunks.front().offset);
  out.bytes(std::as_bytes(std::span(segment.stream)));
  std::uint64_t offset = table.chunks.front().offset;
  for (const ChunkEntry& entry : table.chunks) {
    RELAY_ASSERT(entry.offset == offset && entry.bytes <= record_bytes_max);
    out.u32(entry.bytes | (entry.sync ? is_sync : 0));
    out.u64(static_cast<std::uint64_t>(to_us(entry.utc)));
    out.u64(static_cast<std::uint64_t>(entry.time));
    offset += entry.bytes;
  }
  out.end(box);
  // The box ends with what is not in it yet.
  fmp4::BoxWriter(bytes).u32(static_cast<std::uint32_t>(bytes.size()));
  out.u32(checksum_of(std::span(bytes).first(out.size())));
  out.u32(static_cast<std::uint32_t>(bytes.size()));
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

base::Result<SegmentTable> read_index_box(std::span<const std::byte> bytes) {
  const auto size = uuid_box_bytes(bytes, index_type);
  if (!size || *size != bytes.size() || bytes.size() < fixed_bytes + end_bytes) {
    return Errc::bad_index;
  }
  const auto checked = bytes.first(bytes.size() - end_bytes);
  base::ByteReader end(bytes.subspan(checked.size()));
  if (end.u32() != checksum_of(checked)) return Errc::bad_checksum;
  if (end.u32() != *size) return Errc::bad_index;

  base::ByteReader reader(checked.subspan(uuid_head_bytes));
  SegmentTable table;
  Segment& segment = table.segment;
  const std::uint8_t read_version = reader.u8();
  const std::uint8_t gap = reader.u8();
  const std::size_t stream_bytes = reader.u16();
  const std::size_t count = reader.u32();
  segment.chunks = count;
  segment.first.epoch = reader.u64();
  segment.first.sequence = reader.u64();
  segment.last_sync = reader.u64();
  segment.end = read_utc(reader);
  segment.end_time = static_cast<std::int64_t>(reader.u64());
  segment.number = reader.u32();
  segment.discontinuity = reader.u32();
  const std::uint64_t offset = reader.u64();
  const auto stream = reader.take(stream_bytes);
  if (!reader.ok() || read_version != version || gap >= gap_reason_count || count == 0 ||
      reader.remaining() != count * chunk_bytes || offset > offset_max ||
      !are_places_possible(segment) || !read_chunks(reader, count, offset, table.chunks)) {
    return Errc::bad_index;
  }
  segment.gap = static_cast<GapReason>(gap);
  segment.stream.assign(reinterpret_cast<const char*>(stream.data()), stream.size());
  take_over(table, bytes.size());
  return table;
}

}  // namespace disk
