#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "relay/media/container/fmp4/reader.hpp"
#include "tests/unit/media/container/fmp4/arena_rig.hpp"

namespace test {

/// What became of a sample: its payload no longer holds a block.
struct Seen {
  std::size_t track;
  bool sync;
  std::int64_t dts;
  std::int64_t pts;
  std::uint32_t duration;
  Bytes payload;
  bool operator==(const Seen&) const = default;
};

/// A reader fed through an arena; samples come out as they are ready.
struct ReaderRig : ArenaRig {
  explicit ReaderRig(std::size_t arena_bytes = 4 << 20, std::size_t block_bytes = 64 << 10)
      : ArenaRig(arena_bytes, block_bytes), reader(pool) {}

  base::Result<void> feed(std::span<const std::byte> bytes, std::size_t step = 1 << 20) {
    while (!bytes.empty()) {
      auto fed = reader.feed(receive(bytes, step));
      drain();
      if (!fed) return fed;
    }
    return {};
  }
  void finish() {
    reader.finish();
    drain();
  }
  void drain() {
    while (auto sample = reader.poll()) {
      REQUIRE(sample->track < reader.tracks().size());
      CHECK(reader.tracks()[sample->track].codec != media::Codec::unknown);
      samples.push_back({sample->track, sample->sync, sample->dts, sample->pts, sample->duration,
                         gather(sample->payload)});
      windows.push_back(sample->payload.count());
    }
  }
  /// The error that reading `bytes` to their end gives.
  static base::Error error_of(std::span<const std::byte> bytes) {
    ReaderRig rig;
    const auto fed = rig.feed(bytes);
    return fed ? base::Error{} : fed.error();
  }

  fmp4::Reader reader;
  std::vector<Seen> samples;
  std::vector<std::size_t> windows;  // of each sample
};

inline Bytes data_file(const std::string& name) {
  std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/" + name, std::ios::binary);
  REQUIRE(in.good());
  const std::string text(std::istreambuf_iterator<char>(in), {});
  return Fields().text(text).bytes;
}

}  // namespace test
