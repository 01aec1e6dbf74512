#include "relay/disk/head_box.hpp"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/disk/errc.hpp"
#include "relay/disk/uuid_box.hpp"
#include "relay/media/container/fmp4/box.hpp"
#include "relay/media/container/fmp4/writer.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/reader.hpp"
#include "relay/protocol/wire/tracks.hpp"
#include "relay/protocol/wire/writer.hpp"

namespace disk {
namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t fixed_bytes = uuid_head_bytes + 14;
constexpr std::size_t checksum_bytes = 4;
constexpr std::size_t track_bytes = 9;  // without its configuration
constexpr std::uint8_t has_pids_flag = 0x80;

std::uint32_t checksum_of(std::span<const std::byte> bytes) noexcept {
  wire::Checksum checksum;
  checksum.add(bytes);
  return checksum.value();
}

// The wire leaves out what is longer than its limit.
std::span<const std::byte> own_config(const media::Track& track, const wire::Track& told) noexcept {
  if (track.config == told.config) return {};
  return track.config;
}

std::size_t box_bytes(const Head& head, const std::string& told) noexcept {
  std::size_t bytes = fixed_bytes + head.stream.size() + 4 + told.size() + checksum_bytes;
  for (std::size_t index = 0; index < head.tracks->tracks.size(); ++index) {
    const auto& track = head.tracks->tracks[index];
    bytes += track_bytes + own_config(track, head.wire_tracks->tracks[index]).size();
  }
  return bytes;
}

std::optional<wire::Tracks> read_wire_tracks(std::span<const std::byte> bytes) {
  memory::WindowList windows;
  windows.push_back(memory::Window::on_static(bytes));  // only for this call
  auto message = wire::read_message(std::move(windows));
  if (!message || !std::holds_alternative<wire::Tracks>(*message)) return std::nullopt;
  return std::get<wire::Tracks>(std::move(*message));
}

bool read_tracks(base::ByteReader& reader, std::vector<media::Track>& tracks) {
  for (media::Track& track : tracks) {
    track.id = reader.u32();
    const std::uint8_t kind = reader.u8();
    if (kind > static_cast<std::uint8_t>(media::Kind::data)) return false;
    track.kind = static_cast<media::Kind>(kind);
    const auto config = reader.take(reader.u32());
    if (!config.empty()) track.config.assign(config.begin(), config.end());
  }
  return reader.ok();
}

// What is behind the user type, without the checksum.
base::Result<Head> read_box(base::ByteReader reader) {
  Head head;
  const std::uint8_t read_version = reader.u8();
  const std::uint8_t gap = reader.u8();
  const std::uint8_t tables = reader.u8();
  const std::size_t count = reader.u8();
  head.epoch = reader.u64();
  const auto stream = reader.take(reader.u16());
  const auto told = reader.take(reader.u32());
  if (!reader.ok() || read_version != version || gap >= gap_reason_count || head.epoch == 0) {
    return Errc::bad_head;
  }
  head.gap = static_cast<GapReason>(gap);
  head.stream.assign(reinterpret_cast<const char*>(stream.data()), stream.size());
  auto wire_tracks = read_wire_tracks(told);
  if (!wire_tracks || count != wire_tracks->tracks.size()) return Errc::bad_head;
  media::TrackSet tracks{wire::to_media(*wire_tracks),
                         static_cast<std::uint8_t>(tables & ~has_pids_flag),
                         (tables & has_pids_flag) != 0};
  if (!read_tracks(reader, tracks.tracks) || reader.remaining() > 0) return Errc::bad_head;
  head.tracks = std::make_shared<const media::TrackSet>(std::move(tracks));
  head.wire_tracks = std::make_shared<const wire::Tracks>(std::move(*wire_tracks));
  return head;
}

bool are_alike(const media::Track& a, const media::Track& b) {
  return a.id == b.id && a.codec == b.codec && a.kind == b.kind && a.width == b.width &&
         a.height == b.height && a.sample_rate == b.sample_rate && a.channels == b.channels &&
         a.language == b.language && a.timescale == b.timescale && a.config == b.config;
}

}  // namespace

bool are_alike(const media::TrackSet& a, const media::TrackSet& b) {
  const auto is_like = [](const media::Track& left, const media::Track& right) {
    return are_alike(left, right);
  };
  return a.tables_version == b.tables_version && a.has_pids == b.has_pids &&
         std::ranges::equal(a.tracks, b.tracks, is_like);
}

std::string write_head(const Head& head) {
  const auto& tracks = head.tracks->tracks;
  RELAY_ASSERT(tracks.size() == head.wire_tracks->tracks.size() && head.stream.size() <= 0xFFFF);
  const std::string told = wire::write_message(*head.wire_tracks).header;
  std::vector<std::byte> bytes = fmp4::write_init(tracks);
  const std::size_t begin = bytes.size();
  bytes.resize(begin + box_bytes(head, told));
  fmp4::BoxWriter out{std::span(bytes).subspan(begin)};
  const std::size_t box = begin_uuid_box(out, head_type);
  out.u8(version);
  out.u8(static_cast<std::uint32_t>(head.gap));
  const std::uint8_t pids = head.tracks->has_pids ? has_pids_flag : 0;
  out.u8(std::uint32_t{head.tracks->tables_version} | pids);
  out.u8(static_cast<std::uint32_t>(tracks.size()));
  out.u64(head.epoch);
  out.u16(static_cast<std::uint32_t>(head.stream.size()));
  out.bytes(std::as_bytes(std::span(head.stream)));
  out.u32(static_cast<std::uint32_t>(told.size()));
  out.bytes(std::as_bytes(std::span(told)));
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    const auto config = own_config(tracks[index], head.wire_tracks->tracks[index]);
    out.u32(tracks[index].id);
    out.u8(static_cast<std::uint32_t>(tracks[index].kind));
    out.u32(static_cast<std::uint32_t>(config.size()));
    out.bytes(config);
  }
  const std::size_t end = begin + out.size();
  out.u32(0);
  out.end(box);
  fmp4::BoxWriter(std::span(bytes).subspan(end)).u32(checksum_of(std::span(bytes).first(end)));
  RELAY_ASSERT(end + checksum_bytes == bytes.size() && bytes.size() <= head_bytes_max);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

base::Result<std::size_t> find_head(std::span<const std::byte> bytes) noexcept {
  bytes = bytes.first(std::min(bytes.size(), head_bytes_max));
  std::size_t at = 0;
  for (const char* type : {"ftyp", "moov"}) {
    base::ByteReader reader(bytes.subspan(at));
    const std::uint32_t size = reader.u32();
    const auto name = reader.take(4);
    if (!reader.ok() || !std::ranges::equal(name, std::as_bytes(std::span(type, 4))) || size < 8 ||
        size > bytes.size() - at) {
      return Errc::bad_head;
    }
    at += size;
  }
  const auto size = uuid_box_bytes(bytes.subspan(at), head_type);
  if (!size || *size < fixed_bytes + checksum_bytes || *size > bytes.size() - at) {
    return Errc::bad_head;
  }
  return at + *size;
}

base::Result<Head> read_head(std::span<const std::byte> bytes) {
  const auto size = find_head(bytes);
  if (!size) return size.error();
  if (*size != bytes.size()) return Errc::bad_head;
  const auto checked = bytes.first(*size - checksum_bytes);
  base::ByteReader checksum(bytes.subspan(checked.size()));
  if (checksum.u32() != checksum_of(checked)) return Errc::bad_checksum;
  // The box is the last; before its user type are the sizes that have been looked at.
  std::size_t at = 0;
  for (int box = 0; box < 2; ++box) at += base::ByteReader(checked.subspan(at)).u32();
  return read_box(base::ByteReader(checked.subspan(at + uuid_head_bytes)));
}

}  // namespace disk
