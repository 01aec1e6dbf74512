#include "tests/unit/media/container/fmp4/mp4_builder.hpp"

#include <array>

namespace test {

Fields& Fields::integer(std::uint64_t value, int size) {
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<std::byte>(value >> shift & 0xFF));
  }
  return *this;
}

Fields& Fields::zeros(std::size_t count) {
  bytes.resize(bytes.size() + count);
  return *this;
}

Fields& Fields::text(std::string_view text) {
  for (const char character : text) bytes.push_back(static_cast<std::byte>(character));
  return *this;
}

Fields& Fields::add(std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
  return *this;
}

Bytes join(std::initializer_list<Bytes> parts) {
  Fields out;
  for (const Bytes& part : parts) out.add(part);
  return out.bytes;
}

Bytes noise(std::size_t size, unsigned seed) {
  Bytes out(size);
  std::uint32_t state = seed * 2'654'435'761U + 1;
  for (std::byte& byte : out) {
    state = state * 1'664'525U + 1'013'904'223U;
    byte = static_cast<std::byte>(state >> 24);
  }
  return out;
}

Bytes box(std::string_view type, const Bytes& payload) {
  return Fields().u32(8 + payload.size()).text(type).add(payload).bytes;
}

Bytes large_box(std::string_view type, const Bytes& payload) {
  return Fields().u32(1).text(type).u64(16 + payload.size()).add(payload).bytes;
}

Bytes full_box(std::string_view type, unsigned version, std::uint32_t flags, const Bytes& payload) {
  return box(type, Fields().u8(version).u24(flags).add(payload).bytes);
}

Bytes ftyp() { return box("ftyp", Fields().text("iso5").u32(0).text("iso5").bytes); }

Bytes video_entry(std::string_view type, const Bytes& boxes, unsigned width, unsigned height) {
  return box(type, Fields()
                       .zeros(6)
                       .u16(1)
                       .zeros(16)
                       .u16(width)
                       .u16(height)
                       .zeros(14 + 32)
                       .u16(24)
                       .u16(0xFFFF)
                       .add(boxes)
                       .bytes);
}

Bytes audio_entry(std::string_view type, const Bytes& boxes, unsigned channels, unsigned rate,
                  unsigned version) {
  return box(type, Fields()
                       .zeros(6)
                       .u16(1)
                       .u16(version)
                       .zeros(6)
                       .u16(channels)
                       .u16(16)
                       .zeros(4)
                       .u16(rate)
                       .u16(0)
                       .zeros(version == 1   ? 16
                              : version == 2 ? 36
                                             : 0)
                       .add(boxes)
                       .bytes);
}

Bytes esds(unsigned object_type, const Bytes& config) {
  Fields info;
  if (!config.empty()) info.u8(5).u24(0x808080).u8(config.size()).add(config);
  const Bytes decoder = Fields().u8(object_type).zeros(12).add(info.bytes).bytes;
  const Bytes es = Fields().u16(1).u8(0).u8(4).u8(decoder.size()).add(decoder).bytes;
  return full_box("esds", 0, 0, Fields().u8(3).u8(es.size()).add(es).bytes);
}

Bytes avcc(unsigned length_bytes, const std::vector<Bytes>& all_sps,
           const std::vector<Bytes>& all_pps) {
  Fields out;
  out.u8(1).u8(66).u8(0xC0).u8(10).u8(0xFC | (length_bytes - 1)).u8(0xE0 | all_sps.size());
  for (const Bytes& unit : all_sps) out.u16(unit.size()).add(unit);
  out.u8(all_pps.size());
  for (const Bytes& unit : all_pps) out.u16(unit.size()).add(unit);
  return box("avcC", out.bytes);
}

Bytes vp9_entry() {
  return video_entry("vp09", full_box("vpcC", 1, 0, Fields().u64(0x000A820202020000).bytes));
}

Bytes mp3_entry() { return audio_entry(".mp3", {}); }

// Baseline, 4 by 4 macroblocks.
Bytes sps() {
  // profile 66, constraints, level 10; ue: id 0, log2_max_frame_num 0, poc type 2, 1 reference
  // frame; no gaps; width 3, height 3; frames only, direct 8x8, no cropping, no VUI; stop bit.
  return Fields().u32(0x6742C00A).u24(0xDA1099).bytes;
}

Bytes pps() { return Fields().u32(0x68CE3C80).bytes; }

Bytes trak(const TrackSpec& spec) {
  const std::size_t times = spec.version == 0 ? 8 : 16;
  const Bytes tkhd =
      full_box("tkhd", spec.version, 3, Fields().zeros(times).u32(spec.id).zeros(68).bytes);
  const Bytes mdhd = full_box(
      "mdhd", spec.version, 0,
      Fields().zeros(times).u32(spec.timescale).zeros(times / 2).u16(spec.language).u16(0).bytes);
  const Bytes hdlr =
      full_box("hdlr", 0, 0, Fields().u32(0).text(spec.handler).zeros(12).text("x").u8(0).bytes);
  const Bytes stsd = full_box("stsd", 0, 0, Fields().u32(1).add(spec.entry).bytes);
  const Bytes minf = box("minf", box("stbl", join({stsd, full_box("stts", 0, 0, Bytes(4))})));
  return box("trak", join({tkhd, spec.elst.empty() ? Bytes() : box("edts", spec.elst),
                           box("mdia", join({mdhd, hdlr, minf}))}));
}

Bytes trex(const TrackSpec& spec) {
  return full_box("trex", 0, 0,
                  Fields()
                      .u32(spec.id)
                      .u32(spec.description_index)
                      .u32(spec.default_duration)
                      .u32(spec.default_size)
                      .u32(spec.default_flags)
                      .bytes);
}

Bytes mvhd(std::uint32_t timescale, unsigned version) {
  const std::size_t times = version == 0 ? 8 : 16;
  return full_box("mvhd", version, 0,
                  Fields().zeros(times).u32(timescale).zeros(times / 2 + 80).bytes);
}

Bytes moov(const std::vector<TrackSpec>& tracks) {
  Fields traks;
  Fields trexes;
  for (const TrackSpec& spec : tracks) {
    traks.add(trak(spec));
    trexes.add(trex(spec));
  }
  return box("moov", join({mvhd(), traks.bytes, box("mvex", trexes.bytes)}));
}

Bytes tfhd(std::uint32_t track, std::uint32_t flags, const Bytes& fields) {
  return full_box("tfhd", 0, flags, Fields().u32(track).add(fields).bytes);
}

Bytes tfdt(std::uint64_t dts, unsigned version) {
  Fields fields;
  return full_box("tfdt", version, 0, version == 0 ? fields.u32(dts).bytes : fields.u64(dts).bytes);
}

Bytes trun(std::uint32_t count, std::uint32_t flags, const Bytes& fields, unsigned version) {
  return full_box("trun", version, flags, Fields().u32(count).add(fields).bytes);
}

Bytes moof(std::initializer_list<Bytes> trafs) {
  Fields out;
  out.add(full_box("mfhd", 0, 0, Bytes(4)));
  for (const Bytes& traf : trafs) out.add(box("traf", traf));
  return box("moof", out.bytes);
}

Bytes moof_of(const std::vector<RunSpec>& runs) {
  const auto build = [&](std::size_t moof_bytes) {
    Fields trafs;
    trafs.add(full_box("mfhd", 0, 0, Bytes(4)));
    for (const RunSpec& run : runs) {
      Fields rows;
      rows.u32(moof_bytes + 8 + run.data);
      for (const RunSample& sample : run.samples) {
        rows.u32(sample.duration).u32(sample.size).u32(sample.flags);
        rows.u32(static_cast<std::uint32_t>(sample.offset));
      }
      const auto count = static_cast<std::uint32_t>(run.samples.size());
      trafs.add(
          box("traf", join({tfhd(run.track), tfdt(run.dts), trun(count, 0xF01, rows.bytes, 1)})));
    }
    return box("moof", trafs.bytes);
  };
  return build(build(0).size());
}

}  // namespace test
