#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

/// AAC, ISO/IEC 14496-3.
namespace codec::aac {

inline constexpr std::size_t adts_header_bytes = 7;
inline constexpr std::uint32_t frame_samples = 1024;

/// The head of an ADTS frame (1.A.2.2): `frame_bytes` counts the header too.
struct AdtsHeader {
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;  ///< 0: told inside the frame
  std::uint32_t frame_bytes = 0;
  std::uint8_t header_bytes = adts_header_bytes;  ///< 9 with a CRC
  std::uint8_t object_type = 2;                   ///< 1 to 4; 2 is AAC-LC
  std::uint8_t rate_index = 0;
  std::uint8_t channel_config = 0;
  std::uint8_t raw_blocks = 1;  ///< 1 to 4 in the frame; in MP4 each is a sample of its own
};

/// Nothing when there are fewer than seven bytes or they are no ADTS header.
std::optional<AdtsHeader> parse_adts(std::span<const std::byte> bytes) noexcept;
/// The AudioSpecificConfig that says the same. Empty if `channel_config` is 0: it would have to
/// repeat the program_config_element from inside the frame.
std::vector<std::byte> make_config(const AdtsHeader& header);

/// An AudioSpecificConfig (1.6.2.1). With SBR signalled explicitly, `sample_rate` and the indices
/// are those of the core, as in ADTS.
struct Config {
  std::uint8_t object_type = 2;  ///< of the core
  std::uint32_t sample_rate = 0;
  std::uint32_t channels = 0;   ///< 0: told by a program_config_element
  std::uint8_t rate_index = 0;  ///< 15: the rate is none of the table's
  std::uint8_t channel_config = 0;
  std::uint16_t samples_per_frame = frame_samples;  ///< or 960
};
/// Nothing if it makes no sense or uses a reserved value.
std::optional<Config> parse_config(std::span<const std::byte> config) noexcept;
/// Whether ADTS has words for it: the first four object types, 1024 samples, a rate and channels of
/// its short tables.
bool fits_adts(const Config& config) noexcept;

inline constexpr std::size_t adts_payload_bytes_max = 0x1FFF - adts_header_bytes;
/// The ADTS header of a raw frame of at most so many bytes. Of what does not fit, it says something
/// else.
std::array<std::byte, adts_header_bytes> make_adts(const Config& config,
                                                   std::size_t payload_bytes) noexcept;

}  // namespace codec::aac
