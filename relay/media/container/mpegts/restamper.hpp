#pragma once

#include <cstdint>

#include "relay/memory/window_list.hpp"

namespace mpegts {

/// Moves the clock of a continuing publisher's packets, in place: adds `delta` (90 kHz) to every
/// PCR, OPCR, PTS and DTS, modulo 2^33, and gives PAT and PMT sections another version number (with
/// a new CRC). To be called once for all packets of a publisher, in order, before anybody reads
/// them.
class Restamper {
 public:
  /// `tables_version`: 0 to 31.
  Restamper(std::int64_t delta, std::uint8_t tables_version);

  /// Whole packets, in windows cut anywhere, which lie in the publisher's own blocks. A PES header
  /// or section that the end of the call cuts is left as it is.
  void restamp(const memory::WindowList& packets);
};

}  // namespace mpegts
