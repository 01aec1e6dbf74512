#pragma once

#include "relay/stream/chunk.hpp"

namespace stream {

/// Puts the chunks of a log, one after the other, into one container.
class Remuxer {
 public:
  virtual ~Remuxer() = default;
  /// `out` has the numbers of `source`; its payload, join images and flags are set here. The
  /// payload is empty where nothing can be shown yet or no block was free.
  virtual void remux(const Chunk& source, Chunk& out) = 0;
  /// What comes next does not follow what was before: the log began anew.
  virtual void on_gap() = 0;
};

}  // namespace stream
