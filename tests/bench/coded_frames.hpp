#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bench {

/// The coded frames of every container: H.264 of a grey picture and AAC of silence. A slice is as
/// short as x264 makes it and is followed, inside its NAL unit, by filler up to the wanted size,
/// which decoders do not read. The filler has no start code and needs no escape.
class CodedFrames {
 public:
  static constexpr std::size_t audio_bytes = 334;  ///< raw; 128 kbit/s with a head of 7

  explicit CodedFrames(std::size_t slice_bytes_max);

  /// NAL units without start code.
  static std::span<const std::byte> sps();
  static std::span<const std::byte> pps();
  static std::uint16_t width() { return 320; }
  static std::uint16_t height() { return 180; }

  /// Appends the slice of a frame as one NAL unit of this size. `in_group`: its place after the
  /// IDR frame, which has 0.
  void append_slice(std::uint64_t frame, std::uint64_t in_group, std::size_t size,
                    std::vector<std::byte>& to) const;
  /// AAC-LC, 48 kHz, stereo; every frame is the same.
  std::span<const std::byte> audio() const { return audio_; }

 private:
  std::vector<std::byte> filler_;
  std::vector<std::byte> audio_;
};

}  // namespace bench
