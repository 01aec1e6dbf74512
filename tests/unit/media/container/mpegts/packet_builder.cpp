#include "tests/unit/media/container/mpegts/packet_builder.hpp"

#include "relay/media/container/mpegts/section.hpp"

namespace test {
namespace {

void put(Bytes& out, std::uint64_t value, unsigned bytes) {
  while (bytes-- > 0) out.push_back(static_cast<std::byte>(value >> (8 * bytes) & 0xFF));
}

void put_stamp(Bytes& out, unsigned mark, std::uint64_t stamp) {
  put(out, mark << 4 | (stamp >> 30 & 7) << 1 | 1, 1);
  put(out, (stamp >> 15 & 0x7FFF) << 1 | 1, 2);
  put(out, (stamp & 0x7FFF) << 1 | 1, 2);
}

Bytes from(std::initializer_list<unsigned> values) {
  Bytes out;
  for (const unsigned value : values) put(out, value, 1);
  return out;
}

// The head of a PES packet without length.
Bytes make_head(std::optional<std::uint64_t> pts, std::optional<std::uint64_t> dts) {
  Bytes out = from({0, 0, 1, 0xE0, 0, 0, 0x80});
  put(out, (pts ? 0x80U : 0U) | (dts ? 0x40U : 0U), 1);
  put(out, (pts ? 5U : 0U) + (dts ? 5U : 0U), 1);
  if (pts) put_stamp(out, dts ? 3 : 2, *pts);
  if (dts) put_stamp(out, 1, *dts);
  return out;
}

}  // namespace

Bytes PacketBuilder::make_section(unsigned table_id, unsigned extension, unsigned version,
                                  const Bytes& body) {
  Bytes out;
  put(out, table_id, 1);
  put(out, 0xB000 | (body.size() + 9), 2);
  put(out, extension, 2);
  put(out, 0xC1 | version << 1, 1);
  put(out, 0, 2);
  out.insert(out.end(), body.begin(), body.end());
  put(out, mpegts::crc32(out), 4);
  return out;
}

Bytes PacketBuilder::make_pmt(unsigned program, const std::vector<Stream>& streams,
                              unsigned version) {
  Bytes body;
  put(body, 0xE000 | (streams.empty() ? 0x1FFF : streams[0].pid), 2);
  put(body, 0xF000, 2);
  for (const Stream& stream : streams) {
    put(body, stream.type, 1);
    put(body, 0xE000 | stream.pid, 2);
    put(body, 0xF000 | stream.descriptors.size(), 2);
    body.insert(body.end(), stream.descriptors.begin(), stream.descriptors.end());
  }
  return make_section(2, program, version, body);
}

void PacketBuilder::pat(const std::vector<std::pair<unsigned, unsigned>>& programs,
                        unsigned version) {
  Bytes body;
  for (const auto& [number, pid] : programs) {
    put(body, number, 2);
    put(body, 0xE000 | pid, 2);
  }
  section(0, make_section(0, 1, version, body));
}

void PacketBuilder::pmt(unsigned pid, unsigned program, const std::vector<Stream>& streams,
                        unsigned version) {
  section(pid, make_pmt(program, streams, version));
}

void PacketBuilder::section(unsigned pid, const Bytes& section) {
  Bytes payload{std::byte{0}};
  payload.insert(payload.end(), section.begin(), section.end());
  payload.resize((payload.size() + 183) / 184 * 184, std::byte{0xFF});
  for (std::size_t at = 0; at < payload.size(); at += 184) {
    packet(pid, at == 0, std::span(payload).subspan(at, 184));
  }
}

void PacketBuilder::unit(const Unit& unit) {
  Bytes bytes = make_head(unit.pts, unit.dts);
  bytes.insert(bytes.end(), unit.payload.begin(), unit.payload.end());
  if (unit.has_length) {
    bytes[4] = static_cast<std::byte>((bytes.size() - 6) >> 8);
    bytes[5] = static_cast<std::byte>((bytes.size() - 6) & 0xFF);
  }
  for (std::size_t at = 0; at < bytes.size(); at += unit.most) {
    packet(unit.pid, at == 0, std::span(bytes).subspan(at, std::min(unit.most, bytes.size() - at)));
  }
}

void PacketBuilder::pes(const Pes& pes) {
  Bytes unit = make_head(pes.pts, pes.dts);
  unit.insert(unit.end(), pes.head.begin(), pes.head.end());
  // The first packet has room for 182 bytes where it says random_access_indicator.
  const std::size_t room = pes.packets * 184 - (pes.has_random_access ? 2 : 0);
  unit.resize(pes.is_stuffed ? room - 20 : room, std::byte{0x55});
  if (pes.has_length) {
    unit[4] = static_cast<std::byte>((unit.size() - 6) >> 8);
    unit[5] = static_cast<std::byte>((unit.size() - 6) & 0xFF);
  }
  auto rest = std::span<const std::byte>(unit);
  for (std::size_t index = 0; index < pes.packets; ++index) {
    const bool is_first = index == 0;
    const std::size_t most = is_first && pes.has_random_access ? 182 : 184;
    const std::size_t count = std::min(most, rest.size());
    packet(pes.pid, is_first, rest.first(count), is_first && pes.has_random_access);
    rest = rest.subspan(count);
  }
}

void PacketBuilder::adaptation_only(unsigned pid) {
  put(bytes_, 0x47, 1);
  put(bytes_, pid, 2);
  put(bytes_, 0x20 | ((counters_[pid] + 15) & 15), 1);
  put(bytes_, 183, 1);
  put(bytes_, 0, 1);
  bytes_.resize(bytes_.size() + 182, std::byte{0xFF});
}

void PacketBuilder::packet(unsigned pid, bool is_unit_start, std::span<const std::byte> payload,
                           bool has_random_access) {
  unsigned& counter = counters_[pid];
  const std::size_t field = 184 - payload.size();
  put(bytes_, 0x47, 1);
  put(bytes_, (is_unit_start ? 0x4000U : 0U) | pid, 2);
  put(bytes_, (field > 0 ? 0x30U : 0x10U) | counter, 1);
  counter = (counter + 1) & 15;
  if (field > 0) put(bytes_, field - 1, 1);
  if (field > 1) put(bytes_, has_random_access ? 0x40 : 0, 1);
  if (field > 2) bytes_.resize(bytes_.size() + field - 2, std::byte{0xFF});
  bytes_.insert(bytes_.end(), payload.begin(), payload.end());
}

void PacketBuilder::repeat_last() {
  const Bytes last(bytes_.end() - 188, bytes_.end());
  raw(last);
}

Bytes idr_slice() { return from({0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x65, 0x88}); }
Bytes other_slice() { return from({0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x41, 0x9A}); }
Bytes parameter_sets() { return from({0, 0, 1, 0x09, 0xF0, 0, 0, 1, 0x68, 0xEB}); }

}  // namespace test
