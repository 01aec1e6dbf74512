#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/time.hpp"

namespace control {

/// A session of a publisher or viewer, as an operator sees it.
struct SessionReport {
  std::string id;  ///< of its token, as token::to_text() has it
  bool is_publisher = false;
  std::string stream;
  std::string protocol;
  base::Utc start{};
  std::uint64_t bytes = 0;
  base::Utc expires{};             ///< its token
  std::optional<base::Utc> lease;  ///< until when it may come back; nothing: it is connected
};

struct SessionPage {
  std::vector<SessionReport> sessions;  ///< in order of their ids
  bool has_more = false;
};

struct RevocationReport {
  std::string id;
  base::Utc expires{};
};

struct RevocationPage {
  std::vector<RevocationReport> revocations;  ///< in order of their ids
  bool has_more = false;
};

}  // namespace control
