#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace test {

using Bytes = std::vector<std::byte>;

/// Writes an MPEG-TS by hand, packet by packet, so that a test can say exactly how frames end.
class PacketBuilder {
 public:
  struct Stream {
    unsigned type;
    unsigned pid;
    Bytes descriptors = {};
  };
  struct Pes {
    unsigned pid;
    std::size_t packets;  ///< that the unit takes
    Bytes head = {};      ///< the elementary stream begins with it
    std::optional<std::uint64_t> pts = {};
    std::optional<std::uint64_t> dts = {};
    bool has_length = false;
    bool is_stuffed = true;  ///< the last packet has stuffing, else the unit fills its packets
    bool has_random_access = false;
  };

  const Bytes& bytes() const { return bytes_; }
  std::size_t packets() const { return bytes_.size() / 188; }
  Bytes take() { return std::exchange(bytes_, {}); }

  /// One program, number 1, its PMT on PID 0x1000.
  void tables(const std::vector<Stream>& streams, unsigned version = 0) {
    pat({{1, 0x1000}}, version);
    pmt(0x1000, 1, streams, version);
  }
  void pat(const std::vector<std::pair<unsigned, unsigned>>& programs, unsigned version = 0);
  void pmt(unsigned pid, unsigned program, const std::vector<Stream>& streams,
           unsigned version = 0);
  void section(unsigned pid, const Bytes& section);
  void pes(const Pes& pes);
  /// A PES packet with exactly this payload, of which `most` bytes go into each packet; video has
  /// no length.
  struct Unit {
    unsigned pid;
    Bytes payload;
    std::optional<std::uint64_t> pts = {};
    std::optional<std::uint64_t> dts = {};
    bool has_length = false;
    std::size_t most = 184;
  };
  void unit(const Unit& unit);
  /// A packet without payload, as for a PCR between frames.
  void adaptation_only(unsigned pid);
  /// Any packet; `payload` of at most 184 bytes, filled with stuffing.
  void packet(unsigned pid, bool is_unit_start, std::span<const std::byte> payload,
              bool has_random_access = false);
  void repeat_last();
  void raw(const Bytes& bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }

  static Bytes make_section(unsigned table_id, unsigned extension, unsigned version,
                            const Bytes& body);
  static Bytes make_pmt(unsigned program, const std::vector<Stream>& streams, unsigned version);

 private:
  Bytes bytes_;
  std::map<unsigned, unsigned> counters_;  // the next
};

/// Elementary stream heads of H.264: a whole picture's first slice, and a parameter set alone.
Bytes idr_slice();
Bytes other_slice();
Bytes parameter_sets();

}  // namespace test
