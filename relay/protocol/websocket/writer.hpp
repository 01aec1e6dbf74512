#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "relay/protocol/websocket/close_code.hpp"
#include "relay/protocol/websocket/frame.hpp"

namespace websocket {

/// A header, or a whole control frame, that lies in the object itself.
template <std::size_t bytes_max>
class FrameBytes {
 public:
  std::span<const std::byte> bytes() const noexcept { return {bytes_.data(), size_}; }
  std::size_t size() const noexcept { return size_; }

  void push_back(std::uint64_t byte) noexcept { bytes_[size_++] = static_cast<std::byte>(byte); }

 private:
  std::array<std::byte, bytes_max> bytes_;
  std::uint8_t size_ = 0;
};

using FrameHeader = FrameBytes<10>;
using ControlFrame = FrameBytes<2 + control_bytes_max>;

/// What stands before `payload_bytes` (under 2^63) of payload in a server's frame. It is the same
/// for every viewer: the server masks nothing (RFC 6455, 5.1), so payload and header are shared.
FrameHeader frame_header(Opcode opcode, std::uint64_t payload_bytes, bool is_final = true) noexcept;

/// A whole ping, or the pong that answers one. `payload` has at most `control_bytes_max` bytes.
ControlFrame ping_frame(std::span<const std::byte> payload) noexcept;
ControlFrame pong_frame(std::span<const std::byte> payload) noexcept;

/// A whole close frame. `code` may be sent, or is CloseCode::no_status: then it is empty. A reason
/// (UTF-8) that is too long is cut between two characters.
ControlFrame close_frame(CloseCode code, std::string_view reason = {}) noexcept;

}  // namespace websocket
