#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "relay/media/container/mpegts/reader.hpp"
#include "relay/memory/block_writer.hpp"
#include "tests/unit/media/container/mpegts/packet_builder.hpp"

namespace test {

inline Bytes gather(const memory::WindowList& list) {
  Bytes out;
  for (const auto& window : list) {
    const auto bytes = window.bytes();
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

inline Bytes gather(const std::vector<mpegts::Piece>& pieces, std::size_t from = 0) {
  Bytes out;
  for (std::size_t index = from; index < pieces.size(); ++index) {
    const Bytes bytes = gather(pieces[index].bytes);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  return out;
}

inline Bytes data_file(const std::string& name) {
  std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/" + name, std::ios::binary);
  REQUIRE(in.good());
  const std::string text(std::istreambuf_iterator<char>(in), {});
  Bytes out(text.size());
  std::memcpy(out.data(), text.data(), text.size());
  return out;
}

/// A reader fed through an arena, with a clock moved by hand. `pieces` come out as they are ready.
struct ReaderRig {
  explicit ReaderRig(std::size_t arena_bytes = 4 << 20, std::size_t block_bytes = 64 << 10)
      : arena(arena_bytes, block_bytes), pool(arena), writer(pool), reader(pool) {}

  base::Result<void> feed(memory::Window window) {
    auto fed = reader.feed(std::move(window), now);
    drain();
    return fed;
  }
  /// Received in portions of at most `step` bytes, one behind the other as recv writes them.
  base::Result<void> feed(std::span<const std::byte> bytes, std::size_t step = 1 << 20) {
    while (!bytes.empty()) {
      const auto space = writer.space(1);
      REQUIRE(space.has_value());
      const std::size_t count = std::min({bytes.size(), space->size(), step});
      std::copy_n(bytes.begin(), count, space->begin());
      auto window = writer.window(space->first(count));
      writer.advance(count);
      bytes = bytes.subspan(count);
      if (auto fed = feed(std::move(window)); !fed) return fed;
    }
    return {};
  }
  /// Lets time pass, with the reader's timer.
  void pass(std::chrono::milliseconds time) {
    const base::Time end = now + time;
    while (reader.deadline() && *reader.deadline() <= end) {
      now = std::max(now, *reader.deadline());
      reader.on_time(now);
      drain();
    }
    now = end;
  }
  void finish() {
    reader.finish();
    drain();
  }
  void drain() {
    while (auto piece = reader.poll()) pieces.push_back(std::move(*piece));
  }
  /// Packets in each piece.
  std::vector<std::size_t> sizes() const {
    std::vector<std::size_t> out;
    for (const auto& piece : pieces) out.push_back(piece.bytes.bytes() / 188);
    return out;
  }

  memory::Arena arena;
  memory::BlockPool pool;
  memory::BlockWriter writer;
  mpegts::Reader reader;
  base::Time now{std::chrono::hours{1}};
  std::vector<mpegts::Piece> pieces;
};

/// Counts continuity errors as ffmpeg does.
class ContinuityCheck {
 public:
  void add(std::span<const std::byte> bytes) {
    REQUIRE(bytes.size() % 188 == 0);
    for (; !bytes.empty(); bytes = bytes.subspan(188)) {
      const mpegts::Packet packet(bytes.first<188>());
      if (packet.pid() == mpegts::null_pid) continue;
      int& last = last_[packet.pid()];
      const int expected = packet.has_payload() ? (last + 1) & 15 : last;
      if (last >= 0 && !packet.has_discontinuity() && expected != packet.counter()) ++errors;
      last = packet.counter();
    }
  }
  int errors = 0;

 private:
  std::array<int, mpegts::pid_count> last_ = make_unknown();
  static std::array<int, mpegts::pid_count> make_unknown() {
    std::array<int, mpegts::pid_count> last{};
    last.fill(-1);
    return last;
  }
};

}  // namespace test
