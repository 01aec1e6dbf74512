#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "relay/memory/block_writer.hpp"
#include "relay/session/ingest.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace test {

/// A stream's home and the publishers that write to it one after the other, with a clock moved by
/// hand: every one sends files whole.
class IngestRig {
 public:
  static std::string file(const std::string& name) {
    std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/" + name, std::ios::binary);
    REQUIRE(in.good());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static media::Container container_of(const std::string& name) {
    return name.ends_with(".ts") ? media::Container::mpegts : media::Container::fmp4;
  }

  /// Another publisher: its first frame arrives `pause` after the last one's.
  void publish(const std::string& name, base::Duration pause = {}) {
    now += pause;
    utc += std::chrono::duration_cast<std::chrono::microseconds>(pause);
    publish_bytes(container_of(name), file(name), 1400);
  }
  /// In pieces of that size.
  void publish_bytes(media::Container container, const std::string& bytes, std::size_t piece) {
    const bool is_continuing = home.stream().log().end() > 0;
    if (is_continuing) home.on_new_publisher();
    bool is_losing = false;
    const auto ingest = session::make_ingest(container, home, pool, is_continuing);
    for (std::size_t from = 0; from < bytes.size();) {
      const auto space = writer.space(1).value();
      const std::size_t part = std::min({space.size(), bytes.size() - from, piece});
      std::copy_n(std::as_bytes(std::span(bytes)).begin() + static_cast<std::ptrdiff_t>(from), part,
                  space.begin());
      if (from >= lost_from && from < lost_to) {
        if (!std::exchange(is_losing, true)) ingest->on_input_lost();
        REQUIRE(ingest->lose(space.first(part)));
      } else {
        const memory::Window window = writer.window(space.first(part));
        writer.advance(part);
        REQUIRE(ingest->feed(window, now));
      }
      append(*ingest);
      from += part;
    }
    static_cast<void>(ingest->finish());
    append(*ingest);
    dropped = ingest->dropped();
    faults = ingest->faults();
  }

  const stream::StreamLog& log() { return home.stream().log(); }
  std::vector<const stream::Chunk*> chunks(std::uint64_t from = 0) {
    std::vector<const stream::Chunk*> found;
    for (std::uint64_t sequence = from; sequence < log().end(); ++sequence) {
      found.push_back(&log().at(sequence));
    }
    return found;
  }

  memory::Arena arena{64 << 20, 64 * 1024};
  memory::BlockPool pool{arena};
  memory::BlockWriter writer{pool};
  stream::Fanout fanout;
  base::Utc utc{std::chrono::seconds(1'800'000'000)};
  base::Time now{};
  stream::Home home{"live/cam", {{std::chrono::hours(1), 1 << 30}, {}, {}}, fanout, pool, 1, utc};
  std::uint64_t dropped = 0;
  stream::InputFaults faults;
  // Of the next body: the bytes that are lost.
  std::size_t lost_from = 0;
  std::size_t lost_to = 0;

 private:
  void append(session::Ingest& ingest) {
    while (auto chunk = ingest.poll(now, utc)) home.append(std::move(*chunk));
  }
};

}  // namespace test
