#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "relay/base/time.hpp"
#include "relay/protocol/wire/message.hpp"

namespace wire {

/// The publisher that a stream has or had last.
struct Incumbent {
  std::string token;          ///< empty: it has none, as over HTTP
  base::Time last_message{};  ///< when something came from it last
  bool connected = false;
};

enum class Admission : std::uint8_t {
  accept,   ///< nobody is in the way
  replace,  ///< takes its place: the old connection gets Bye `replaced`
  in_use,   ///< Bye `in_use`
};

struct Decision {
  Admission admission = Admission::accept;
  Milliseconds retry_after{};  ///< with `in_use`
};

/// Whether a publisher that shows `token` may publish. The session of the incumbent may at once,
/// any other when nothing came from that one for `idle`, connected or not: so that nobody slips in
/// between while it reconnects.
Decision admit(std::string_view token, const std::optional<Incumbent>& incumbent,
               base::Duration idle, base::Time now) noexcept;

}  // namespace wire
