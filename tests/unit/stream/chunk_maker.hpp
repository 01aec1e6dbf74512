#pragma once

#include <doctest/doctest.h>
#include <sys/uio.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <span>
#include <string>

#include "relay/memory/block_writer.hpp"
#include "relay/stream/chunk.hpp"
#include "relay/stream/feed.hpp"

namespace test {

inline std::string to_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline std::string to_text(const memory::WindowList& list) {
  std::string text;
  for (const memory::Window& window : list) text += to_text(window.bytes());
  return text;
}
inline std::string to_text(std::span<const iovec> buffers) {
  std::string text;
  for (const iovec& buffer : buffers) {
    text.append(static_cast<const char*>(buffer.iov_base), buffer.iov_len);
  }
  return text;
}
inline std::string to_text(const stream::ImageRest& rest) {
  return rest.framing + to_text(rest.windows);
}

/// As the image of a payload has to look.
inline std::string framed(const std::string& payload, stream::Framing framing) {
  if (framing == stream::Framing::none || payload.empty()) return payload;
  if (framing == stream::Framing::websocket) {
    // RFC 6455, 5.2: FIN and binary; the length in 7, 16 or 64 bits.
    const std::size_t length_bytes = payload.size() < 126 ? 0 : payload.size() < 65'536 ? 2 : 8;
    std::string frame = "\x82";
    frame += static_cast<char>(length_bytes == 0 ? payload.size() : length_bytes == 2 ? 126 : 127);
    for (std::size_t left = length_bytes; left > 0; --left) {
      frame += static_cast<char>(payload.size() >> (8 * (left - 1)));
    }
    return frame + payload;
  }
  char size[20];
  char* const end = std::to_chars(size, size + sizeof size, payload.size(), 16).ptr;
  return std::string(size, static_cast<std::size_t>(end - size)) + "\r\n" + payload + "\r\n";
}

/// Makes chunks of an arena of its own; every byte differs from those around it.
class ChunkMaker {
 public:
  struct Kind {
    bool sync = false;
    std::size_t bytes = 100;
    std::size_t window_bytes = 4096;  ///< a new window, not joined to the last, after so many
    std::chrono::milliseconds time{0};
    bool join = false;
    std::uint32_t generation = 0;
  };

  explicit ChunkMaker(std::size_t arena_bytes = 32 << 20) : arena(arena_bytes, 4096) {}

  stream::Chunk make(std::uint64_t sequence, const Kind& kind) {
    stream::Chunk chunk;
    chunk.sequence = sequence;
    chunk.sync = kind.sync;
    chunk.generation = kind.generation;
    chunk.time = 900'000 + stream::to_media_time(kind.time);
    chunk.bytes = write(kind.bytes, kind.window_bytes);
    if (kind.join) {
      chunk.join =
          std::make_unique<stream::JoinImages>(stream::JoinImages{write(7, 4096), write(11, 4)});
    }
    return chunk;
  }
  memory::WindowList write(std::size_t bytes, std::size_t window_bytes) {
    memory::WindowList list;
    while (list.bytes() < bytes) {
      const std::size_t size = std::min(window_bytes, bytes - list.bytes());
      const auto space = writer.space(1).value();
      const auto part = space.first(std::min(size, space.size()));
      for (std::byte& byte : part) byte = static_cast<std::byte>('0' + next_++ % 71);
      list.push_back(writer.window(part));
      writer.advance(std::min(part.size() + hole, space.size()));
    }
    return list;
  }

  std::size_t hole = 1;  ///< bytes between windows; without it they lie at one stretch
  memory::Arena arena;
  memory::BlockPool pool{arena};
  memory::BlockWriter writer{pool};

 private:
  unsigned next_ = 0;
};

}  // namespace test
