#include "relay/protocol/wire/admission.hpp"

namespace wire {

Decision admit(std::string_view token, const std::optional<Incumbent>& incumbent,
               base::Duration idle, base::Time now) noexcept {
  if (!incumbent) return {};
  const Admission granted = incumbent->connected ? Admission::replace : Admission::accept;
  if (!token.empty() && token == incumbent->token) return {granted, {}};
  const base::Duration left = incumbent->last_message + idle - now;
  if (left <= base::Duration::zero()) return {granted, {}};
  return {Admission::in_use, std::chrono::ceil<Milliseconds>(left)};
}

}  // namespace wire
