#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/session/wire_link.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"
#include "tests/unit/protocol/websocket/client_frames.hpp"
#include "tests/unit/protocol/wire/messages.hpp"

namespace session::test {

namespace wt = wire::test;

/// A frame of the relay's.
struct Frame {
  websocket::Opcode opcode;
  std::string payload;
};

/// The client's end of a wire connection.
class WirePeer {
 public:
  /// Another connection.
  void use(::test::Peer peer) {
    peer_ = std::move(peer);
    at_ = 0;
    frames_.clear();
  }

  void send_raw(const std::string& bytes) const { peer_.send(bytes); }
  void send(const wire::Message& message) const {
    send_raw(::test::write({.payload = wt::flat(wire::write_message(message))}));
  }
  void send_close(unsigned code = 1000) const {
    send_raw(::test::write(
        {.opcode = websocket::Opcode::close, .payload = ::test::close_payload(code, "")}));
  }
  ::test::Peer& socket() { return peer_; }

  /// All whole frames that came up to now.
  const std::vector<Frame>& frames() {
    const std::string& text = peer_.read();
    while (const auto frame = next_frame(text)) frames_.push_back(*frame);
    return frames_;
  }
  /// Those of them that are messages of this kind.
  template <class T>
  std::vector<T> messages() {
    std::vector<T> found;
    for (const Frame& frame : frames()) {
      if (frame.opcode != websocket::Opcode::binary) continue;
      wire::Message message = wt::read_back(memory_, frame.payload);
      if (auto* one = std::get_if<T>(&message)) found.push_back(std::move(*one));
    }
    return found;
  }
  std::optional<unsigned> close_code() {
    for (const Frame& frame : frames()) {
      if (frame.opcode != websocket::Opcode::close) continue;
      REQUIRE(frame.payload.size() >= 2);
      return static_cast<unsigned char>(frame.payload[0]) * 256u +
             static_cast<unsigned char>(frame.payload[1]);
    }
    return std::nullopt;
  }
  wt::Memory& memory() { return memory_; }

 private:
  std::optional<Frame> next_frame(const std::string& text) {
    const auto byte = [&](std::size_t index) {
      return static_cast<std::size_t>(static_cast<unsigned char>(text[at_ + index]));
    };
    if (text.size() < at_ + 2) return std::nullopt;
    std::size_t size = byte(1);
    REQUIRE(size < 128);  // a server masks nothing
    const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (text.size() < at_ + 2 + more) return std::nullopt;
    if (more > 0) size = 0;
    for (std::size_t index = 0; index < more; ++index) size = size << 8 | byte(2 + index);
    if (text.size() < at_ + 2 + more + size) return std::nullopt;
    REQUIRE((byte(0) & 0x80) != 0);
    Frame frame{static_cast<websocket::Opcode>(byte(0) & 15), text.substr(at_ + 2 + more, size)};
    at_ += 2 + more + size;
    return frame;
  }

  ::test::Peer peer_;
  wt::Memory memory_{16 << 20};
  std::size_t at_ = 0;
  std::vector<Frame> frames_;
};

/// A link over a socket pair.
inline std::unique_ptr<WireLink> make_link(loop::Worker& worker, WirePeer& peer,
                                           int buffer_bytes = 0) {
  auto [fd, other] = ::test::tcp_pair(buffer_bytes, buffer_bytes);
  peer.use(std::move(other));
  websocket::Limits limits;
  limits.message_bytes_max = wire::message_bytes_max;
  limits.accepts_text = false;
  return std::make_unique<WireLink>(worker, loop::Tcp::from_socket(worker, fd), limits);
}

}  // namespace session::test
