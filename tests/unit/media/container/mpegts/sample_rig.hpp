#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "relay/media/container/mpegts/sample_reader.hpp"
#include "relay/memory/block_writer.hpp"
#include "tests/unit/media/container/mpegts/packet_builder.hpp"

namespace test {

inline Bytes to_bytes(const memory::WindowList& list) {
  Bytes out;
  for (const auto& window : list) {
    out.insert(out.end(), window.bytes().begin(), window.bytes().end());
  }
  return out;
}

/// A sample whose windows are gone.
struct Got {
  unsigned track = 0;
  bool sync = false;
  std::int64_t dts = 0;
  std::int64_t pts = 0;
  std::uint32_t duration = 0;
  Bytes payload;
  bool operator==(const Got&) const = default;
};

/// Bytes in an arena, in windows that do not follow each other, as between HTTP chunk headers.
class Receiver {
 public:
  explicit Receiver(memory::BlockPool& pool) : writer_(pool) {}
  memory::WindowList receive(std::span<const std::byte> bytes, std::size_t step) {
    memory::WindowList out;
    while (!bytes.empty()) {
      const auto space = writer_.space(2);
      REQUIRE(space.has_value());
      const std::size_t count = std::min({bytes.size(), space->size() - 1, step});
      std::copy_n(bytes.begin(), count, space->begin());
      out.push_back(writer_.window(space->first(count)));
      writer_.advance(count + 1);
      bytes = bytes.subspan(count);
    }
    return out;
  }

 private:
  memory::BlockWriter writer_;
};

/// A SampleReader fed through an arena.
struct SampleRig {
  explicit SampleRig(std::size_t arena_bytes = 4 << 20, std::size_t block_bytes = 64 << 10)
      : arena(arena_bytes, block_bytes), pool(arena), receiver(pool), reader(pool) {}

  base::Result<void> feed(const memory::WindowList& packets, bool is_frame_open = false) {
    auto fed = reader.feed(packets, stamps, is_frame_open);
    while (auto sample = reader.poll()) {
      samples.push_back({sample->track, sample->sync, sample->dts, sample->pts, sample->duration,
                         to_bytes(sample->payload)});
    }
    return fed;
  }
  base::Result<void> feed(std::span<const std::byte> packets, bool is_frame_open = false,
                          std::size_t step = 1 << 20) {
    return feed(receiver.receive(packets, step), is_frame_open);
  }

  memory::Arena arena;
  memory::BlockPool pool;
  Receiver receiver;
  mpegts::SampleReader reader;
  mpegts::StampMap stamps;
  std::vector<Got> samples;
};

}  // namespace test
