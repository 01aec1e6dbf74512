#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "relay/protocol/wire/message.hpp"
#include "relay/protocol/wire/writer.hpp"

namespace wire {

/// To be sent as one binary WebSocket message.
struct Send {
  Encoded message;
};

/// The connection is over: close it once everything before was sent. What a Bye said, or is said.
struct Close {
  ByeReason reason = ByeReason::unspecified;
  Milliseconds retry_after{};
  std::string detail;
  bool by_peer = false;
};

/// Outputs in order. Drained after every input, so it holds what one input can make: a handful.
template <class Output>
class OutputQueue {
 public:
  template <class T>
  void push(T&& output) {
    outputs_.emplace_back(std::in_place_type<std::decay_t<T>>, std::forward<T>(output));
  }
  bool empty() const noexcept { return next_ == outputs_.size(); }
  std::optional<Output> pop() {
    if (empty()) {
      outputs_.clear();
      next_ = 0;
      return std::nullopt;
    }
    return std::move(outputs_[next_++]);
  }
  void clear() noexcept {
    outputs_.clear();
    next_ = 0;
  }
  /// Lets its memory go, too: only while empty.
  void release() noexcept { outputs_ = {}; }

 private:
  std::vector<Output> outputs_;
  std::size_t next_ = 0;
};

}  // namespace wire
