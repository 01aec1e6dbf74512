#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "relay/media/track.hpp"

namespace mpegts {

/// The section of a PAT with one program, number 1 (ISO/IEC 13818-1, 2.4.4.3).
std::vector<std::byte> make_pat(std::uint16_t pmt_pid, std::uint8_t version);

/// A track on its PID.
struct ProgramStream {
  std::uint16_t pid = 0;
  const media::Track* track = nullptr;
};
/// The section of that program's PMT (2.4.4.8), with registration and language descriptors. At most
/// `tracks_max` streams.
std::vector<std::byte> make_pmt(std::span<const ProgramStream> streams, std::uint16_t pcr_pid,
                                std::uint8_t version);

}  // namespace mpegts
