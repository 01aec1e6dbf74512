#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "relay/protocol/websocket/reader.hpp"

namespace test {

using websocket::Opcode;

inline std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::vector<std::byte> to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// A frame as a client may send it, or must not.
struct ClientFrame {
  Opcode opcode = Opcode::binary;
  std::string payload{};
  bool is_final = true;
  std::array<unsigned char, 4> key = {0x37, 0xfa, 0x21, 0x3d};
  unsigned reserved = 0;  ///< RSV1 is 4
  bool is_masked = true;
  int length_bytes = -1;  ///< 0, 2 or 8; the shortest when negative
};

inline std::string write(const ClientFrame& frame) {
  std::string text;
  const auto push = [&text](std::uint64_t byte) { text += static_cast<char>(byte); };
  push((frame.is_final ? 0x80u : 0u) | frame.reserved << 4 | static_cast<unsigned>(frame.opcode));
  const std::uint64_t size = frame.payload.size();
  const int length_bytes = frame.length_bytes >= 0 ? frame.length_bytes
                           : size < 126            ? 0
                           : size < 65536          ? 2
                                                   : 8;
  const unsigned mask = frame.is_masked ? 0x80 : 0;
  push(mask | (length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127));
  for (int byte = length_bytes - 1; byte >= 0; --byte) push(size >> (8 * byte));
  if (!frame.is_masked) return text + frame.payload;
  for (const unsigned char byte : frame.key) push(byte);
  for (std::size_t at = 0; at < frame.payload.size(); ++at) {
    push(static_cast<unsigned char>(frame.payload[at]) ^ frame.key[at % 4]);
  }
  return text;
}

/// As a client sends a message: in frames of these payloads.
inline std::string write_message(Opcode opcode, const std::vector<std::string>& payloads) {
  std::string text;
  for (std::size_t index = 0; index < payloads.size(); ++index) {
    text += write({.opcode = index == 0 ? opcode : Opcode::continuation,
                   .payload = payloads[index],
                   .is_final = index + 1 == payloads.size()});
  }
  return text;
}

/// The payload of a close frame.
inline std::string close_payload(unsigned code, std::string_view reason = {}) {
  std::string text;
  text += static_cast<char>(code >> 8);
  text += static_cast<char>(code);
  return text + std::string(reason);
}

/// What a reader made of its input: whole messages and control frames, as lines.
struct Outcome {
  std::vector<std::string> events;
  std::string unfinished;  ///< of a message whose end did not come
  base::Error error;

  bool operator==(const Outcome&) const = default;
};

/// A reader that is fed texts.
class ReaderRig {
 public:
  explicit ReaderRig(const websocket::Limits& limits = {}) : reader(limits) {}

  void feed(std::string_view text) {
    std::vector<std::byte> bytes = to_bytes(text);
    reader.feed(bytes);
    for (;;) {
      const auto event = reader.next();
      if (!event) {
        outcome.error = event.error();
        return;
      }
      if (!*event) return;
      std::visit([this](const auto& each) { take(each); }, **event);
    }
  }

  websocket::Reader reader;
  Outcome outcome;
  unsigned parts = 0;

 private:
  void take(const websocket::Part& part) {
    ++parts;
    if (part.begins != is_at_start_) outcome.events.push_back("wrong begin");
    outcome.unfinished += to_text(part.bytes);
    is_at_start_ = part.ends;
    if (!part.ends) return;
    outcome.events.push_back((part.is_text ? "text " : "binary ") + outcome.unfinished);
    outcome.unfinished.clear();
  }
  void take(const websocket::Ping& ping) {
    outcome.events.push_back("ping " + to_text(ping.payload));
  }
  void take(const websocket::Pong& pong) {
    outcome.events.push_back("pong " + to_text(pong.payload));
  }
  void take(const websocket::Close& close) {
    outcome.events.push_back("close " + std::to_string(static_cast<unsigned>(close.code)) + " " +
                             std::string(close.reason));
  }

  bool is_at_start_ = true;
};

inline Outcome read(std::string_view text, const websocket::Limits& limits = {}) {
  ReaderRig rig(limits);
  rig.feed(text);
  return rig.outcome;
}

/// In pieces of `size` bytes, at most.
inline Outcome read_in_pieces(std::string_view text, std::size_t size,
                              const websocket::Limits& limits = {}) {
  ReaderRig rig(limits);
  for (; !text.empty() && !rig.outcome.error; text.remove_prefix(std::min(size, text.size()))) {
    rig.feed(text.substr(0, size));
  }
  return rig.outcome;
}

}  // namespace test
