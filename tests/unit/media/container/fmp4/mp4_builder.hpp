#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

namespace test {

using Bytes = std::vector<std::byte>;

/// Big-endian integers, one behind the other.
class Fields {
 public:
  Fields& u8(std::uint64_t value) { return integer(value, 1); }
  Fields& u16(std::uint64_t value) { return integer(value, 2); }
  Fields& u24(std::uint64_t value) { return integer(value, 3); }
  Fields& u32(std::uint64_t value) { return integer(value, 4); }
  Fields& u64(std::uint64_t value) { return integer(value, 8); }
  Fields& zeros(std::size_t count);
  Fields& text(std::string_view text);
  Fields& add(std::span<const std::byte> bytes);
  Bytes bytes;

 private:
  Fields& integer(std::uint64_t value, int size);
};

Bytes join(std::initializer_list<Bytes> parts);
/// `size` bytes that depend on `seed`.
Bytes noise(std::size_t size, unsigned seed);

Bytes box(std::string_view type, const Bytes& payload = {});
/// With its size in 64 bits.
Bytes large_box(std::string_view type, const Bytes& payload = {});
Bytes full_box(std::string_view type, unsigned version, std::uint32_t flags,
               const Bytes& payload = {});

Bytes ftyp();
Bytes video_entry(std::string_view type, const Bytes& boxes, unsigned width = 64,
                  unsigned height = 48);
Bytes audio_entry(std::string_view type, const Bytes& boxes, unsigned channels = 2,
                  unsigned rate = 48'000, unsigned version = 0);
Bytes esds(unsigned object_type, const Bytes& config);
Bytes avcc(unsigned length_bytes, const std::vector<Bytes>& sps, const std::vector<Bytes>& pps);
/// Sample entries whose samples are any bytes.
Bytes vp9_entry();
Bytes mp3_entry();
/// Small and real: 64 by 64 pixels.
Bytes sps();
Bytes pps();

struct TrackSpec {
  std::uint32_t id = 1;
  std::string_view handler = "vide";
  Bytes entry = vp9_entry();
  std::uint32_t timescale = 1000;
  Bytes elst = {};  ///< a box, or nothing
  std::uint32_t default_duration = 0;
  std::uint32_t default_size = 0;
  std::uint32_t default_flags = 0;
  std::uint32_t description_index = 1;
  unsigned version = 0;  ///< of tkhd and mdhd
  std::uint16_t language = 0x55C4;
};
Bytes trak(const TrackSpec& spec);
Bytes trex(const TrackSpec& spec);
Bytes mvhd(std::uint32_t timescale = 1000, unsigned version = 0);
Bytes moov(const std::vector<TrackSpec>& tracks);

inline constexpr std::uint32_t base_is_moof = 0x20000;
Bytes tfhd(std::uint32_t track, std::uint32_t flags = base_is_moof, const Bytes& fields = {});
Bytes tfdt(std::uint64_t dts, unsigned version = 1);
/// `fields`: what `flags` ask for, from the data offset on.
Bytes trun(std::uint32_t count, std::uint32_t flags, const Bytes& fields = {},
           unsigned version = 0);
Bytes moof(std::initializer_list<Bytes> trafs);

struct RunSample {
  std::uint32_t size = 0;
  std::uint32_t duration = 10;
  std::uint32_t flags = 0;
  std::int32_t offset = 0;  ///< of composition
};
/// A traf with one run of samples, all fields in it, whose data begins `data` bytes behind the
/// moof.
struct RunSpec {
  std::uint32_t track = 1;
  std::uint64_t dts = 0;
  std::uint32_t data = 0;
  std::vector<RunSample> samples = {};
};
/// A moof with these runs; their offsets count from the first byte of the mdat that follows.
Bytes moof_of(const std::vector<RunSpec>& runs);

}  // namespace test
