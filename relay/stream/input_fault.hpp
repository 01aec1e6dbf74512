#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace stream {

/// What was wrong with a publisher's input and did not end it: a metric's label.
enum class InputFault : std::uint8_t {
  sync_lost,      ///< MPEG-TS: a packet did not begin where the last one ended
  bad_section,    ///< MPEG-TS: a PAT or PMT with a wrong CRC or with lengths that lie
  packets_lost,   ///< MPEG-TS: a continuity counter jumped
  bad_packet,     ///< MPEG-TS: its error bit is set, or its adaptation field is longer than it is
  bad_pes,        ///< MPEG-TS: without a start code, or of another length than it says
  too_many_pids,  ///< MPEG-TS: packets of PIDs that are not followed any more
  long_frame,     ///< MPEG-TS: a frame that did not end within a piece's bound
  bad_sample,     ///< fMP4: without bytes, or the lengths of its NAL units do not add up
  cut,            ///< what the end of the body cut: a packet, a sample, a box
  clock_jump,     ///< timestamps went on somewhere else: a discontinuity
  bad_time,       ///< a frame whose dts is not after that of the one before
  no_keyframe,    ///< frames before the first that a decoder may begin with
  no_block,       ///< no block was free for what had to be generated for viewers
  input_lost,     ///< the arena was full: input was dropped up to a sync frame
};
constexpr std::size_t input_fault_count = 14;
const char* name_of(InputFault fault) noexcept;

/// How often each was seen.
class InputFaults {
 public:
  std::uint64_t& operator[](InputFault fault) noexcept {
    return counts_[static_cast<std::size_t>(fault)];
  }
  std::uint64_t operator[](InputFault fault) const noexcept {
    return counts_[static_cast<std::size_t>(fault)];
  }
  void add(const InputFaults& other) noexcept {
    for (std::size_t index = 0; index < counts_.size(); ++index) {
      counts_[index] += other.counts_[index];
    }
  }

 private:
  std::array<std::uint64_t, input_fault_count> counts_{};
};

}  // namespace stream
