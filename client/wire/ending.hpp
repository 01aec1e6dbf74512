#pragma once

#include <cstdint>
#include <string>

#include "relay/protocol/wire/message.hpp"

namespace client {

/// How a Publisher or Player came to its end: it connects no more.
struct Ending {
  enum class Cause : std::uint8_t {
    done,         ///< all is said: the stream ended, or all that was asked for has come
    refused,      ///< the peer said why, and would only say it again
    unreachable,  ///< the retries that were allowed are used up
  };

  Cause cause = Cause::done;
  wire::ByeReason reason = wire::ByeReason::unspecified;  ///< of the Bye, if there was one
  std::string detail;                                     ///< a sentence for people
};

}  // namespace client
