#include "tests/bench/wire_client.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/bench/sockets.hpp"

namespace bench {
namespace {

namespace schema = spancast::wire;

constexpr std::array<unsigned char, 4> mask{0x5a, 0xc3, 0x17, 0x88};

std::string frame_of(unsigned char opcode, std::string_view payload) {
  std::string frame;
  frame.reserve(payload.size() + 14);
  const auto put = [&frame](std::uint64_t value, unsigned bytes) {
    while (bytes-- > 0) frame.push_back(static_cast<char>(value >> (8 * bytes) & 0xff));
  };
  put(0x80u | opcode, 1);
  if (payload.size() < 126) {
    put(0x80 | payload.size(), 1);
  } else if (payload.size() < 65536) {
    put(0x80 | 126, 1);
    put(payload.size(), 2);
  } else {
    put(0x80 | 127, 1);
    put(payload.size(), 8);
  }
  for (const unsigned char byte : mask) frame.push_back(static_cast<char>(byte));
  const std::size_t begin = frame.size();
  frame.append(payload);
  // Eight bytes at a time: a hundred megabytes a second go through here.
  std::array<unsigned char, 8> twice{};
  std::copy_n(mask.begin(), 4, std::copy_n(mask.begin(), 4, twice.begin()));
  const auto pattern = std::bit_cast<std::uint64_t>(twice);
  std::size_t place = begin;
  for (; place + sizeof pattern <= frame.size(); place += sizeof pattern) {
    std::uint64_t word = 0;
    std::memcpy(&word, frame.data() + place, sizeof word);
    word ^= pattern;
    std::memcpy(frame.data() + place, &word, sizeof word);
  }
  for (; place < frame.size(); ++place) {
    frame[place] = static_cast<char>(static_cast<unsigned char>(frame[place]) ^
                                     mask[(place - begin) % mask.size()]);
  }
  return frame;
}

[[noreturn]] void give_up(std::string_view what) {
  std::fprintf(stderr, "wire: %.*s\n", static_cast<int>(what.size()), what.data());
  std::exit(1);
}

std::string receive(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  if (::recv(fd, bytes.data(), size, MSG_WAITALL) != static_cast<ssize_t>(size)) {
    give_up("the relay closed the connection");
  }
  return bytes;
}

std::string receive_head(int fd) {
  std::string head;
  while (!head.ends_with("\r\n\r\n")) head += receive(fd, 1);
  return head;
}

// One unmasked frame of at most 64 KiB.
std::string receive_message(int fd) {
  const std::string begin = receive(fd, 2);
  std::size_t size = static_cast<unsigned char>(begin[1]);
  if (size == 126) {
    const std::string length = receive(fd, 2);
    size = static_cast<unsigned char>(length[0]) * 256u + static_cast<unsigned char>(length[1]);
  }
  return receive(fd, size);
}

}  // namespace

std::string websocket_request(std::string_view target) {
  std::string request = "GET ";
  request.append(target).append(
      " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
      "Sec-WebSocket-Protocol: spancast.v1\r\n\r\n");
  return request;
}

std::string client_frame(std::string_view message) { return frame_of(0x2, message); }
std::string pong_frame() { return frame_of(0xa, {}); }

std::string message_of(const schema::Envelope& envelope) {
  std::string message;
  google::protobuf::io::StringOutputStream stream(&message);
  google::protobuf::io::CodedOutputStream out(&stream);
  out.WriteVarint32(static_cast<std::uint32_t>(envelope.ByteSizeLong()));
  envelope.SerializeToCodedStream(&out);
  out.Trim();
  return message;
}

void join_as_publisher(int fd, std::string_view target, const schema::Hello& hello) {
  send_all(fd, websocket_request(target));
  const std::string head = receive_head(fd);
  if (!head.starts_with("HTTP/1.1 101")) give_up(head.substr(0, head.find('\r')));
  schema::Envelope envelope;
  *envelope.mutable_hello() = hello;
  send_all(fd, client_frame(message_of(envelope)));
  const std::string message = receive_message(fd);
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  std::uint32_t size = 0;
  schema::Envelope answer;
  if (!in.ReadVarint32(&size) || !answer.ParseFromCodedStream(&in) || !answer.has_welcome()) {
    give_up("the relay did not say Welcome");
  }
}

std::string play_frame() {
  schema::Envelope envelope;
  envelope.mutable_play()->set_live(true);
  return client_frame(message_of(envelope));
}

std::string bye_frame() {
  schema::Envelope envelope;
  envelope.mutable_bye()->set_reason(schema::Bye::ENDED);
  return client_frame(message_of(envelope));
}

}  // namespace bench
