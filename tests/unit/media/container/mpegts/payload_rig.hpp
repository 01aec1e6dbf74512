#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "relay/media/sample.hpp"
#include "relay/memory/block_writer.hpp"
#include "tests/unit/media/container/mpegts/reader_rig.hpp"

namespace test {

/// Samples with generated payloads in an arena.
struct PayloadRig {
  explicit PayloadRig(std::size_t arena_bytes = 8 << 20, std::size_t block_bytes = 64 << 10)
      : arena(arena_bytes, block_bytes), pool(arena), payloads(pool) {}

  /// In windows of at most `step` bytes, none of which follows the one before.
  memory::WindowList list(std::span<const std::byte> bytes, std::size_t step = 1 << 15) {
    constexpr std::byte gap{0};
    memory::WindowList out;
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min({step, bytes.size(), arena.block_bytes() / 2}));
      auto window = payloads.copy_header(piece);
      REQUIRE(window.has_value());
      out.push_back(*window);
      REQUIRE(payloads.copy_header({&gap, 1}).has_value());
      bytes = bytes.subspan(piece.size());
    }
    return out;
  }

  media::Sample sample(std::uint8_t track, std::int64_t dts, std::int64_t pts, bool is_sync,
                       const Bytes& bytes) {
    media::Sample out;
    out.track = track;
    out.sync = is_sync;
    out.dts = dts;
    out.pts = pts;
    out.payload = list(bytes);
    return out;
  }

  memory::Arena arena;
  memory::BlockPool pool;
  memory::BlockWriter payloads;
};

/// A NAL unit behind its length.
inline Bytes nal(std::initializer_list<unsigned> head, std::size_t bytes) {
  Bytes out(4);
  for (const unsigned value : head) out.push_back(static_cast<std::byte>(value));
  while (out.size() < 4 + bytes) out.push_back(static_cast<std::byte>(1 + out.size() % 200));
  for (std::size_t index = 0; index < 4; ++index) {
    out[index] = static_cast<std::byte>((out.size() - 4) >> (24 - 8 * index) & 0xFF);
  }
  return out;
}

inline Bytes join(std::initializer_list<Bytes> parts) {
  Bytes out;
  for (const Bytes& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// With a start code instead of the length.
inline Bytes annex_b(Bytes nal) {
  for (std::size_t index = 0; index < 4; ++index) nal[index] = std::byte{index == 3};
  return nal;
}

inline mpegts::Packet packet_at(const Bytes& bytes, std::size_t index) {
  return mpegts::Packet(std::span(bytes).subspan(index * 188).first<188>());
}

/// The payloads of one PID's packets.
inline Bytes payload_of(const Bytes& bytes, std::uint16_t pid) {
  Bytes out;
  for (std::size_t index = 0; index < bytes.size() / 188; ++index) {
    const auto packet = packet_at(bytes, index);
    if (packet.pid() != pid) continue;
    const auto payload = packet.payload();
    out.insert(out.end(), payload.begin(), payload.end());
  }
  return out;
}

}  // namespace test
