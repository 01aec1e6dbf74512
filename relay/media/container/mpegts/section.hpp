#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace mpegts {

/// PAT and PMT sections are at most so long (ISO/IEC 13818-1, 2.4.4.3: section_length up to 1021).
inline constexpr std::size_t section_bytes_max = 1024;

/// CRC-32 of MPEG-2 (annex A): 0 over a section with its CRC.
std::uint32_t crc32(std::span<const std::byte> bytes) noexcept;

/// Puts the sections of one PID together, wherever packets cut them.
class SectionReader {
 public:
  /// With an `extension` (in a PMT the program number) it takes only sections with that one.
  explicit SectionReader(std::uint8_t table_id,
                         std::optional<std::uint16_t> extension = std::nullopt) noexcept
      : table_id_(table_id), extension_(extension) {}

  /// The payload of one packet. A section that was received before is not reported again.
  void take(std::span<const std::byte> payload, bool is_unit_start) noexcept;
  /// The next section whose CRC is right and that is new, table header and CRC included; valid
  /// until the next call.
  bool has_new() const noexcept { return is_new_; }
  std::span<const std::byte> take_new() noexcept {
    is_new_ = false;
    return section_;
  }
  /// The last good section; empty before the first.
  std::span<const std::byte> section() const noexcept { return section_; }
  /// Packets were lost: a section in the making is void.
  void on_loss() noexcept { making_.clear(); }
  /// With a wrong CRC, or longer than one may be.
  std::uint32_t bad_sections() const noexcept { return bad_sections_; }

 private:
  std::span<const std::byte> add(std::span<const std::byte> bytes) noexcept;
  void finish() noexcept;

  std::uint8_t table_id_;
  std::optional<std::uint16_t> extension_;
  bool is_new_ = false;
  std::uint32_t bad_sections_ = 0;
  std::vector<std::byte> making_;   // at most section_bytes_max
  std::vector<std::byte> section_;  // likewise
};

}  // namespace mpegts
