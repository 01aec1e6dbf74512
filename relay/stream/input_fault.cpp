#include "relay/stream/input_fault.hpp"

namespace stream {

const char* name_of(InputFault fault) noexcept {
  switch (fault) {
    case InputFault::sync_lost:
      return "sync_lost";
    case InputFault::bad_section:
      return "bad_section";
    case InputFault::packets_lost:
      return "packets_lost";
    case InputFault::bad_packet:
      return "bad_packet";
    case InputFault::bad_pes:
      return "bad_pes";
    case InputFault::too_many_pids:
      return "too_many_pids";
    case InputFault::long_frame:
      return "long_frame";
    case InputFault::bad_sample:
      return "bad_sample";
    case InputFault::cut:
      return "cut";
    case InputFault::clock_jump:
      return "clock_jump";
    case InputFault::bad_time:
      return "bad_time";
    case InputFault::no_keyframe:
      return "no_keyframe";
    case InputFault::no_block:
      return "no_block";
    case InputFault::input_lost:
      return "input_lost";
  }
  return "unknown";
}

}  // namespace stream
