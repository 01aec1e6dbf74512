#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace codec {

/// Where the first 00 00 01 begins; the size if there is none. Fast: for whole payloads.
std::size_t find_start_code(std::span<const std::byte> bytes) noexcept;

/// Walks an Annex B byte stream that arrives in pieces; a start code may lie across two of them.
/// Emulation prevention bytes are taken out on the way. A NAL unit may end with zeros that belong
/// to the next start code: a parser stops at what it needs.
class AnnexBWalk {
 public:
  void begin() noexcept { *this = AnnexBWalk{}; }

  /// Calls `sink.on_start()` after each start code, `sink.on_byte(byte)` for each byte of a NAL
  /// unit until that returns true; returns whether it did.
  template <class Sink>
  bool walk(std::span<const std::byte> bytes, Sink& sink) {
    for (const std::byte byte : bytes) {
      if (zeros_ >= 2) {
        if (byte == std::byte{1}) {
          zeros_ = 0;
          is_inside_ = true;
          sink.on_start();
          continue;
        }
        if (byte == std::byte{3} && is_inside_) {
          zeros_ = 0;
          continue;
        }
      }
      if (byte != std::byte{0}) {
        zeros_ = 0;
      } else if (zeros_ < 2) {
        ++zeros_;
      }
      if (is_inside_ && sink.on_byte(byte)) return true;
    }
    return false;
  }

 private:
  std::uint8_t zeros_ = 0;
  bool is_inside_ = false;
};

/// A NAL unit, or the part behind its header, without emulation prevention bytes (ISO/IEC 14496-10,
/// 7.4.1). A copy: for parameter sets.
std::vector<std::byte> copy_without_emulation(std::span<const std::byte> nal);

}  // namespace codec
