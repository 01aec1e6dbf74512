#include "relay/protocol/wire/message.hpp"

namespace wire {

const char* name_of(GapReason reason) noexcept {
  switch (reason) {
    case GapReason::unspecified:
      break;
    case GapReason::publisher:
      return "publisher";
    case GapReason::lost:
      return "lost";
    case GapReason::skip:
      return "skip";
    case GapReason::tail:
      return "tail";
    case GapReason::replica:
      return "replica";
    case GapReason::restart:
      return "restart";
    case GapReason::memory:
      return "memory";
    case GapReason::corrupt:
      return "corrupt";
    case GapReason::unexplained:
      return "unexplained";
  }
  return "unspecified";
}

const char* name_of(ByeReason reason) noexcept {
  static constexpr const char* names[bye_reason_count] = {
      "unspecified", "drain",        "ended",        "until",     "replaced",  "in_use",
      "not_found",   "not_allowed",  "overload",     "too_slow",  "stalled",   "flood",
      "bad_message", "bad_sequence", "bad_checksum", "bad_token", "too_large", "too_many_tracks"};
  const auto index = static_cast<std::size_t>(reason);
  return names[index < bye_reason_count ? index : 0];
}

bool is_final(ByeReason reason) noexcept {
  switch (reason) {
    case ByeReason::ended:
    case ByeReason::until:
    case ByeReason::replaced:
    case ByeReason::not_allowed:
    case ByeReason::bad_token:
    case ByeReason::too_large:
    case ByeReason::too_many_tracks:
      return true;
    default:
      return false;
  }
}

}  // namespace wire
