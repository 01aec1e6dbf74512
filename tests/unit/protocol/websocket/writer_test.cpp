#include "relay/protocol/websocket/writer.hpp"

#include <doctest/doctest.h>

#include <string>

#include "relay/protocol/websocket/utf8.hpp"

namespace websocket {
namespace {

template <class Frame>
std::string text_of(const Frame& frame) {
  return {reinterpret_cast<const char*>(frame.bytes().data()), frame.size()};
}
template <std::size_t count>
std::string bytes(const unsigned char (&values)[count]) {
  return {reinterpret_cast<const char*>(values), count};
}

}  // namespace

TEST_CASE("a frame header says its length in the shortest form") {  // RFC 6455, 5.2
  const auto header = [](std::uint64_t size) {
    return text_of(frame_header(Opcode::binary, size));
  };
  CHECK(header(0) == bytes({0x82, 0}));
  CHECK(header(125) == bytes({0x82, 125}));
  CHECK(header(126) == bytes({0x82, 126, 0, 126}));
  CHECK(header(0xffff) == bytes({0x82, 126, 0xff, 0xff}));
  CHECK(header(0x10000) == bytes({0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
  CHECK(header(0x7fffffffffffffff) ==
        bytes({0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
}

TEST_CASE("a message may be text and in fragments") {
  CHECK(text_of(frame_header(Opcode::text, 5)) == bytes({0x81, 5}));
  CHECK(text_of(frame_header(Opcode::text, 3, false)) == bytes({0x01, 3}));
  CHECK(text_of(frame_header(Opcode::continuation, 2)) == bytes({0x80, 2}));
}

TEST_CASE("ping and pong have their payload") {
  const std::string payload(control_bytes_max, 'x');
  CHECK(text_of(ping_frame({})) == bytes({0x89, 0}));
  CHECK(text_of(ping_frame(std::as_bytes(std::span("ab", 2)))) == bytes({0x89, 2, 'a', 'b'}));
  CHECK(text_of(pong_frame(std::as_bytes(std::span(payload)))) == bytes({0x8a, 125}) + payload);
}

TEST_CASE("a close frame has a code and a reason or neither") {
  CHECK(text_of(close_frame(CloseCode::no_status, "not sent")) == bytes({0x88, 0}));
  CHECK(text_of(close_frame(CloseCode::normal)) == bytes({0x88, 2, 0x03, 0xe8}));
  CHECK(text_of(close_frame(static_cast<CloseCode>(4999), "bye")) ==
        bytes({0x88, 5, 0x13, 0x87, 'b', 'y', 'e'}));
}

TEST_CASE("a close reason that is too long is cut between two characters") {
  const std::string head = bytes({0x88, 125, 0x03, 0xea});
  CHECK(text_of(close_frame(CloseCode::protocol_error, std::string(123, 'x'))) ==
        head + std::string(123, 'x'));
  CHECK(text_of(close_frame(CloseCode::protocol_error, std::string(124, 'x'))) ==
        head + std::string(123, 'x'));
  for (std::size_t ascii = 115; ascii <= 123; ++ascii) {
    const std::string reason = std::string(ascii, 'x') + "\xf0\x9f\x8e\xa5\xf0\x9f\x8e\xa5";
    const ControlFrame frame = close_frame(CloseCode::protocol_error, reason);
    const auto sent = frame.bytes().subspan(4);
    CHECK(is_utf8(sent));
    CHECK(sent.size() > 119);
    CHECK(sent.size() <= 123);
  }
}

}  // namespace websocket
