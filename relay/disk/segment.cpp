#include "relay/disk/segment.hpp"

namespace disk {

const char* name_of(GapReason reason) noexcept {
  constexpr const char* names[] = {"none",    "publisher", "lost",    "memory",  "restart",
                                   "backlog", "failed",    "damaged", "stopped", "not_kept"};
  static_assert(sizeof names / sizeof *names == gap_reason_count);
  return names[static_cast<std::size_t>(reason)];
}

wire::GapReason to_wire(GapReason reason) noexcept {
  switch (reason) {
    case GapReason::none:
      return wire::GapReason::unspecified;
    case GapReason::publisher:
      return wire::GapReason::publisher;
    case GapReason::memory:
      return wire::GapReason::memory;
    case GapReason::restart:
      return wire::GapReason::restart;
    case GapReason::not_kept:
      return wire::GapReason::tail;
    case GapReason::lost:
    case GapReason::backlog:
    case GapReason::failed:
    case GapReason::damaged:
    case GapReason::stopped:
      break;
  }
  return wire::GapReason::lost;
}

GapReason gap_before(const Segment& next, wire::Position wanted) noexcept {
  if (next.first == wanted) return next.gap;  // its publisher paused
  const bool is_same = next.first.epoch == wanted.epoch;
  if (is_same && next.first.sequence <= wanted.sequence) return GapReason::none;
  if (next.gap != GapReason::none) return next.gap;
  return is_same ? GapReason::lost : GapReason::publisher;
}

}  // namespace disk
