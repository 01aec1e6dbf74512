#include "tests/bench/coded_frames.hpp"

#include <array>
#include <random>

namespace bench {
namespace {

// What x264 wrote for 320×180 of one grey: High profile, CABAC, frame_num of four bits, POC type 2.
constexpr std::array<std::uint8_t, 23> sps_bytes = {0x67, 0x64, 0x00, 0x0d, 0xac, 0xb4, 0x0a, 0x0c,
                                                    0xfc, 0xf0, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80,
                                                    0x00, 0x00, 0x1e, 0x07, 0x8a, 0x15, 0x50};
constexpr std::array<std::uint8_t, 5> pps_bytes = {0x68, 0xee, 0x32, 0xc8, 0xb0};
constexpr std::array<std::uint8_t, 45> idr_slice = {
    0x65, 0x88, 0x84, 0x3a, 0xfe, 0xda, 0xce, 0x1c, 0xa8, 0x81, 0x18, 0x3d, 0xed, 0x95, 0x56,
    0x89, 0xb3, 0x32, 0x06, 0x7d, 0x00, 0x00, 0x63, 0x09, 0xee, 0xf1, 0x25, 0x83, 0xd1, 0xca,
    0x66, 0x02, 0x16, 0x00, 0x01, 0x3b, 0x1d, 0x5d, 0xca, 0xeb, 0x5a, 0x20, 0x04, 0xba, 0x81};
// Every macroblock is skipped.
constexpr std::array<std::uint8_t, 8> other_slice = {0x41, 0x9a, 0x03, 0x5f,
                                                     0x00, 0x00, 0x2c, 0xa0};
constexpr std::size_t filler_starts = 4096;

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

/// Of an AAC frame, most significant bit first.
class Bits {
 public:
  void put(unsigned count, unsigned value) {
    while (count-- > 0) {
      if (used_ % 8 == 0) bytes_.push_back(std::byte{0});
      bytes_.back() |= static_cast<std::byte>(((value >> count) & 1) << (7 - used_ % 8));
      ++used_;
    }
  }
  void put_zeros(std::size_t count) {
    for (; count > 0; --count) put(1, 0);
  }
  std::size_t used() const { return used_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
  std::size_t used_ = 0;
};

// ISO/IEC 14496-3, 4.4.2.7: a fill element of `count` bytes, 15 at least and 269 at most.
void put_fill(Bits& bits, std::size_t count) {
  bits.put(3, 6);
  bits.put(4, 15);
  bits.put(8, static_cast<unsigned>(count - 14));
  bits.put_zeros(8 * count);
}

// ISO/IEC 14496-3, 4.4.2.1: two channels without a scale factor band, and fill.
std::vector<std::byte> make_audio() {
  constexpr std::size_t channel_bits = 22;
  constexpr std::size_t fill_head = 15;
  constexpr std::size_t fill_max = 269;
  Bits bits;
  bits.put(3, 1);
  bits.put_zeros(4 + 1 + 2 * channel_bits);
  put_fill(bits, fill_max);
  const std::size_t left = CodedFrames::audio_bytes * 8 - bits.used() - 3;
  put_fill(bits, (left - fill_head) / 8);
  bits.put(3, 7);
  return bits.take();
}

}  // namespace

CodedFrames::CodedFrames(std::size_t slice_bytes_max) : audio_(make_audio()) {
  filler_.resize(slice_bytes_max + filler_starts);
  std::minstd_rand random(1);
  // Bytes above 0x80 hold no start code, no marker and no ADTS sync word but 0xff 0xf.
  for (std::byte& byte : filler_) byte = static_cast<std::byte>(0x80 + random() % 0x60);
}

std::span<const std::byte> CodedFrames::sps() { return std::as_bytes(std::span(sps_bytes)); }
std::span<const std::byte> CodedFrames::pps() { return std::as_bytes(std::span(pps_bytes)); }

void CodedFrames::append_slice(std::uint64_t frame, std::uint64_t in_group, std::size_t size,
                               std::vector<std::byte>& to) const {
  const std::size_t end = to.size() + size;
  if (in_group == 0) {
    append(to, std::as_bytes(std::span(idr_slice)));
  } else {
    const std::uint64_t number = in_group % 16;  // frame_num, which lies across two bytes
    auto slice = other_slice;
    slice[1] = static_cast<std::uint8_t>(slice[1] | (number >> 3));
    slice[2] = static_cast<std::uint8_t>(slice[2] | ((number & 7) << 5));
    append(to, std::as_bytes(std::span(slice)));
  }
  // Another place in the filler for each frame, so that no two frames are the same.
  append(to, std::span(filler_).subspan(frame * 37 % filler_starts, end - to.size()));
}

}  // namespace bench
