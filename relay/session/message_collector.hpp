#pragma once

#include <optional>
#include <string>

#include "relay/base/result.hpp"
#include "relay/protocol/websocket/reader.hpp"
#include "relay/protocol/wire/message.hpp"

namespace session {

/// Puts messages without payload together, from parts that lie where they are only for the moment.
/// Keeps an unfinished one, and nothing between two.
class MessageCollector {
 public:
  static constexpr std::size_t message_bytes_max =
      wire::length_bytes_max + wire::envelope_bytes_max;

  /// The message that `part` completes, or what is wrong with it; nothing when more is to come.
  /// After an error it is of no more use.
  std::optional<base::Result<wire::Message>> add(const websocket::Part& part);

 private:
  std::string unfinished_;
};

}  // namespace session
