#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <span>

#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"
#include "tests/unit/media/container/fmp4/mp4_builder.hpp"

namespace test {

inline Bytes gather(const memory::WindowList& list) {
  Bytes out;
  for (const auto& window : list) {
    const auto bytes = window.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

/// Writes into blocks as recv does.
struct ArenaRig {
  explicit ArenaRig(std::size_t arena_bytes = 4 << 20, std::size_t block_bytes = 64 << 10)
      : arena(arena_bytes, block_bytes), pool(arena), writer(pool) {}

  /// The next window: at most a block's rest, at most `most` bytes off the front of `bytes`.
  memory::Window receive(std::span<const std::byte>& bytes, std::size_t most) {
    const auto space = writer.space(1);
    REQUIRE(space.has_value());
    const std::size_t count = std::min({bytes.size(), space->size(), most});
    std::copy_n(bytes.begin(), count, space->begin());
    memory::Window window = writer.window(space->first(count));
    writer.advance(count);
    bytes = bytes.subspan(count);
    return window;
  }
  memory::WindowList receive_all(const Bytes& bytes, std::size_t step = 1 << 20) {
    memory::WindowList list;
    std::span<const std::byte> rest(bytes);
    while (!rest.empty()) list.push_back(receive(rest, step));
    return list;
  }

  memory::Arena arena;
  memory::BlockPool pool;
  memory::BlockWriter writer;
};

}  // namespace test
