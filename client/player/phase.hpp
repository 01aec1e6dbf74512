#pragma once

#include <string>

#include "relay/base/time.hpp"

namespace client {

/// How far a stream has come, as people are told.
struct Phase {
  enum class Kind {
    connecting,
    waiting,  ///< connected; nothing came yet
    playing,
    reconnecting,  ///< at `retry_at`
    ended,
  };

  Kind kind = Kind::connecting;
  base::Time retry_at{};
  std::string sentence;  ///< why it is reconnecting, or how it has ended
};

}  // namespace client
