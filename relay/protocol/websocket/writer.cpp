#include "relay/protocol/websocket/writer.hpp"

#include "relay/base/assert.hpp"

namespace websocket {
namespace {

constexpr std::size_t reason_bytes_max = control_bytes_max - 2;

std::uint8_t first_byte(Opcode opcode, bool is_final) noexcept {
  return static_cast<std::uint8_t>(static_cast<std::uint8_t>(opcode) | (is_final ? fin_bit : 0));
}

ControlFrame control_header(Opcode opcode, std::size_t payload_bytes) noexcept {
  RELAY_ASSERT(payload_bytes <= control_bytes_max);
  ControlFrame frame;
  frame.push_back(first_byte(opcode, true));
  frame.push_back(payload_bytes);
  return frame;
}

ControlFrame control_frame(Opcode opcode, std::span<const std::byte> payload) noexcept {
  ControlFrame frame = control_header(opcode, payload.size());
  for (const std::byte byte : payload) frame.push_back(std::to_integer<std::uint8_t>(byte));
  return frame;
}

bool is_inside_character(char byte) noexcept {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

}  // namespace

FrameHeader frame_header(Opcode opcode, std::uint64_t payload_bytes, bool is_final) noexcept {
  RELAY_ASSERT(payload_bytes >> 63 == 0);
  FrameHeader header;
  header.push_back(first_byte(opcode, is_final));
  int length_bits_left = 0;
  if (payload_bytes < length_in_16) {
    header.push_back(payload_bytes);
  } else if (payload_bytes <= 0xffff) {
    header.push_back(length_in_16);
    length_bits_left = 16;
  } else {
    header.push_back(length_in_64);
    length_bits_left = 64;
  }
  while (length_bits_left > 0) {
    length_bits_left -= 8;
    header.push_back(payload_bytes >> length_bits_left);
  }
  return header;
}

ControlFrame ping_frame(std::span<const std::byte> payload) noexcept {
  return control_frame(Opcode::ping, payload);
}

ControlFrame pong_frame(std::span<const std::byte> payload) noexcept {
  return control_frame(Opcode::pong, payload);
}

ControlFrame close_frame(CloseCode code, std::string_view reason) noexcept {
  if (code == CloseCode::no_status) return control_header(Opcode::close, 0);
  RELAY_ASSERT(may_be_sent(code));
  if (reason.size() > reason_bytes_max) {
    std::size_t size = reason_bytes_max;
    while (size > 0 && is_inside_character(reason[size])) --size;
    reason = reason.substr(0, size);
  }
  ControlFrame frame = control_header(Opcode::close, 2 + reason.size());
  const auto value = static_cast<std::uint16_t>(code);
  frame.push_back(value >> 8);
  frame.push_back(value);
  for (const char byte : reason) frame.push_back(static_cast<unsigned char>(byte));
  return frame;
}

}  // namespace websocket
