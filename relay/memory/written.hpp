#pragma once

#include <cstddef>

#include "relay/base/result.hpp"

namespace memory {

/// What became of a write: the hot path's `Result`, which fits two registers.
struct Written {
  std::size_t bytes;  ///< taken; fewer than offered when the peer does not read
  int error_number;   ///< of errno, 0 when the connection is well

  bool is_broken() const noexcept { return error_number != 0; }
  base::Error error() const noexcept { return {error_number, boost::system::system_category()}; }
};

}  // namespace memory
