#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/media/track.hpp"

namespace mpegts {

/// Programs beyond so many pass through without being looked at.
inline constexpr std::size_t programs_max = 16;
inline constexpr std::size_t tracks_max = 16;

struct ProgramEntry {
  std::uint16_t number;
  std::uint16_t pmt_pid;
};

/// A PAT or PMT section as received.
struct TableSection {
  std::uint16_t pid;
  std::span<const std::byte> bytes;
};

/// The programs of a PAT section whose CRC is right; the network entry is left out.
std::vector<ProgramEntry> parse_pat(std::span<const std::byte> section);

/// The elementary streams of a PMT section; may be more than `tracks_max`.
std::vector<media::Track> parse_pmt(std::span<const std::byte> section);
/// The lengths inside a PMT section fill it exactly.
bool is_whole_pmt(std::span<const std::byte> section);

}  // namespace mpegts
