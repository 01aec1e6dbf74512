#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/reader.hpp"
#include "relay/protocol/wire/writer.hpp"

/// What the fuzzers of the wire protocol's halves share: an input that is read value by value,
/// memory that outlives the runs, and messages that are right but for what the input chooses.
namespace wire_fuzz {

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : bytes_(data, size) {}

  bool empty() const { return bytes_.empty(); }
  std::uint8_t byte() {
    if (bytes_.empty()) return 0;
    const std::uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::string text(std::size_t size) {
    size = std::min(size, bytes_.size());
    std::string text(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return text;
  }
  /// A number at or near `around`: below it where the input says so, but not below 0.
  std::uint64_t near(std::uint64_t around) {
    const auto delta = static_cast<std::int8_t>(byte());
    if (delta < 0 && around < static_cast<std::uint64_t>(-delta)) return 0;
    return around + static_cast<std::uint64_t>(static_cast<std::int64_t>(delta));
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

/// Windows on text of the input; all must be gone when a run ends.
class Memory {
 public:
  Memory() : writer_(pool()) {}
  ~Memory() {
    writer_.let_go();
    RELAY_ASSERT(pool().held_count() == 0);
  }
  memory::WindowList put(std::string_view text, std::size_t cut) {
    memory::WindowList list;
    cut = std::max<std::size_t>(cut, 1);
    for (; !text.empty(); text.remove_prefix(std::min(cut, text.size()))) {
      const auto window = writer_.copy_header(std::as_bytes(std::span(text.substr(0, cut))));
      RELAY_ASSERT(window.has_value());
      list.push_back(*window);
      (void)writer_.copy_header(std::as_bytes(std::span("|", 1)));  // keeps the windows apart
    }
    return list;
  }

 private:
  static memory::BlockPool& pool() {
    static memory::Arena arena{32 << 20, 128 << 10};
    static memory::BlockPool the_pool{arena};
    return the_pool;
  }
  memory::BlockWriter writer_;
};

inline std::string flat(const wire::Encoded& message) {
  std::string text = message.header;
  for (const memory::Window& window : message.payload) {
    text.append(reinterpret_cast<const char*>(window.data()), window.size());
  }
  return text;
}

/// Reads a message whole and in windows that end at every `cut`; both must be the same, and so must
/// what is written from it. Every byte of its payload is touched.
inline base::Result<wire::Message> read(Memory& memory, const std::string& text, std::size_t cut) {
  auto whole = wire::read_message(memory.put(text, text.size()));
  auto parts = wire::read_message(memory.put(text, cut));
  RELAY_ASSERT(whole.has_value() == parts.has_value());
  if (!whole) {
    RELAY_ASSERT(whole.error() == parts.error());
    return whole.error();
  }
  const std::string written = flat(wire::write_message(*whole));
  RELAY_ASSERT(written == flat(wire::write_message(*parts)));
  const auto again = wire::read_message(memory.put(written, cut));
  RELAY_ASSERT(again.has_value() && flat(wire::write_message(*again)) == written);
  if (const auto* chunk = std::get_if<wire::Chunk>(&*parts)) {
    (void)wire::checksum_of(chunk->samples);
  }
  return parts;
}

/// What a half of ours sent can always be read.
template <class T>
T read_sent(Memory& memory, const wire::Encoded& message) {
  auto sent = wire::read_message(memory.put(flat(message), 100));
  RELAY_ASSERT(sent.has_value());
  if constexpr (std::is_same_v<T, wire::Message>) {
    return std::move(*sent);
  } else {
    RELAY_ASSERT(std::holds_alternative<T>(*sent));
    return std::get<T>(std::move(*sent));
  }
}

inline wire::Tracks make_tracks(std::uint32_t version, std::size_t count) {
  wire::Tracks tracks;
  tracks.version = version;
  tracks.tracks.resize(count);
  return tracks;
}

/// Samples whose first four bytes say the number.
inline std::vector<media::Sample> make_samples(Memory& memory, Input& input, std::uint64_t number) {
  std::vector<media::Sample> samples(1 + input.byte() % 3u);
  for (media::Sample& sample : samples) {
    sample.dts = static_cast<std::int64_t>(number % 1'000'000);
    sample.pts = sample.dts + static_cast<std::int8_t>(input.byte());
    sample.payload = memory.put("text" + input.text(input.byte() % 8u), 5);
  }
  return samples;
}

inline wire::Chunk make_chunk(Memory& memory, Input& input, wire::Position position) {
  wire::Chunk chunk;
  chunk.position = position;
  chunk.sync = input.byte() % 2 == 0;
  chunk.tracks_version = 1;
  chunk.samples = make_samples(memory, input, position.sequence);
  chunk.checksum = wire::checksum_of(chunk.samples);
  const std::uint8_t flaw = input.byte();
  if (flaw == 1) chunk.checksum ^= 1;
  if (flaw == 2) chunk.tracks_version = input.byte();
  if (flaw == 3) chunk.samples[0].track = input.byte() % 16;
  return chunk;
}

/// The first byte chooses which of the two plays the rest of the input.
template <class One, class Other>
int play(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  Memory memory;
  Input input(data, size);
  const auto play_with = [&input](auto&& game) {
    while (!input.empty()) game.step();
  };
  if (input.byte() % 2 == 0) {
    play_with(One(memory, input));
  } else {
    play_with(Other(memory, input));
  }
  return 0;
}

}  // namespace wire_fuzz
