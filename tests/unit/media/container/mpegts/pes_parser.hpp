#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "relay/base/byte_reader.hpp"
#include "relay/media/container/mpegts/writer.hpp"
#include "tests/unit/media/container/mpegts/payload_rig.hpp"

namespace test {

/// What one PES packet says.
struct Pes {
  std::uint16_t pid = 0;
  unsigned stream_id = 0;
  unsigned length = 0;
  std::int64_t pts = 0;
  std::int64_t dts = 0;
  std::optional<std::int64_t> pcr;
  bool is_random_access = false;
  Bytes payload;
};

inline std::int64_t read_stamp(base::ByteReader& in) {
  const std::uint64_t high = in.u8() >> 1 & 7;
  const std::uint64_t middle = in.u16() >> 1;
  const std::uint64_t low = in.u16() >> 1;
  return static_cast<std::int64_t>(high << 30 | middle << 15 | low);
}

inline void parse_pes_header(Pes& pes) {
  base::ByteReader in(pes.payload);
  CHECK(in.u24() == 1);
  pes.stream_id = in.u8();
  pes.length = in.u16();
  in.u8();
  const bool has_dts = in.u8() >> 6 == 3;
  base::ByteReader data(in.take(in.u8()));
  pes.pts = read_stamp(data);
  pes.dts = has_dts ? read_stamp(data) : pes.pts;
  REQUIRE((in.ok() && data.ok()));
  if (pes.length > 0) CHECK(pes.length == pes.payload.size() - 6);
  const auto rest = in.rest();
  pes.payload = Bytes(rest.begin(), rest.end());
}

/// All PES packets, in the order in which they begin; those of one PID do not overlap.
inline std::vector<Pes> parse_pes(const Bytes& bytes) {
  std::vector<Pes> out;
  for (std::size_t at = 0; at < bytes.size(); at += 188) {
    const auto packet = packet_at(bytes, at / 188);
    if (packet.pid() < mpegts::Writer::first_pid || packet.pid() >= mpegts::Writer::pmt_pid)
      continue;
    if (!packet.has_payload()) continue;
    if (packet.is_unit_start()) {
      Pes& pes = out.emplace_back();
      pes.pid = packet.pid();
      pes.is_random_access = packet.has_random_access();
      if (packet.has_adaptation() && (bytes[at + 5] & std::byte{0x10}) != std::byte{0}) {
        base::ByteReader in(std::span<const std::byte>(bytes).subspan(at + 6, 6));
        const std::uint64_t high = in.u32();
        pes.pcr = static_cast<std::int64_t>(high << 1 | in.u16() >> 15);
      }
    }
    for (std::size_t index = out.size(); index-- > 0;) {
      if (out[index].pid != packet.pid()) continue;
      const auto payload = packet.payload();
      out[index].payload.insert(out[index].payload.end(), payload.begin(), payload.end());
      break;
    }
  }
  for (Pes& pes : out) parse_pes_header(pes);
  return out;
}

}  // namespace test
