#pragma once

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <string_view>

#include "relay/memory/block_writer.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/errc.hpp"
#include "relay/protocol/wire/message.hpp"
#include "relay/protocol/wire/output.hpp"
#include "relay/protocol/wire/reader.hpp"
#include "relay/protocol/wire/writer.hpp"

namespace wire::test {

/// Blocks for payload and messages.
class Memory {
 public:
  explicit Memory(std::size_t bytes = 4 << 20) : arena_(bytes, 128 << 10) {}
  memory::Window put(std::string_view text) {
    return *writer_.copy_header(std::as_bytes(std::span(text)));
  }
  /// As the network may cut it: a window ends at every multiple of `cut`.
  memory::WindowList put_cut(std::string_view text, std::size_t cut) {
    memory::WindowList list;
    while (!text.empty()) {
      list.push_back(put(text.substr(0, cut)));
      put("|");  // between windows, so that they do not become one
      text.remove_prefix(std::min(cut, text.size()));
    }
    return list;
  }
  memory::WindowList put_whole(std::string_view text) {
    memory::WindowList list;
    if (!text.empty()) list.push_back(put(text));
    return list;
  }
  memory::BlockPool& pool() noexcept { return pool_; }

 private:
  memory::Arena arena_;
  memory::BlockPool pool_{arena_};
  memory::BlockWriter writer_{pool_};
};

inline std::string text_of(const memory::WindowList& list) {
  std::string text;
  for (const memory::Window& window : list) {
    text.append(reinterpret_cast<const char*>(window.data()), window.size());
  }
  return text;
}

inline std::string flat(const Encoded& encoded) {
  return encoded.header + text_of(encoded.payload);
}

inline std::string payload_of(const Chunk& chunk) {
  std::string text;
  for (const media::Sample& sample : chunk.samples) text += text_of(sample.payload) + ".";
  return text;
}

inline Tracks make_tracks(std::uint32_t version = 1) {
  Track video;
  video.codec = "h264";
  video.config = {std::byte{1}, std::byte{0x64}, std::byte{0}};
  video.width = 1280 + version;
  video.height = 720;
  Track audio;
  audio.codec = "aac";
  audio.timescale = 48'000;
  audio.sample_rate = 48'000;
  audio.channels = 2;
  audio.language = "deu";
  return {version, {video, audio}};
}

inline std::vector<media::Sample> make_samples(Memory& memory, std::uint64_t number, bool sync) {
  std::vector<media::Sample> samples(2);
  const auto dts = static_cast<std::int64_t>(number * 3'000);
  samples[0] = {0, sync, dts, dts + 6'000, 3'000, {}};
  samples[0].payload = memory.put_whole("video " + std::to_string(number));
  samples[1] = {1, true, dts / 15 * 8, dts / 15 * 8, 1'024, {}};
  samples[1].payload = memory.put_whole("audio " + std::to_string(number));
  return samples;
}

inline base::Utc utc_of(std::uint64_t number) {
  return base::Utc(std::chrono::microseconds(1'700'000'000'000'000 + 33'333 * number));
}

inline Chunk make_chunk(Memory& memory, Position position, bool sync = false,
                        std::uint32_t version = 1) {
  Chunk chunk;
  chunk.position = position;
  chunk.utc = utc_of(position.sequence);
  chunk.sync = sync;
  chunk.tracks_version = version;
  chunk.samples = make_samples(memory, position.sequence, sync);
  chunk.checksum = checksum_of(chunk.samples);
  return chunk;
}

/// Reads what was written; fails the test when it is refused.
inline Message read_back(Memory& memory, const std::string& text) {
  auto message = read_message(memory.put_whole(text));
  REQUIRE(message.has_value());
  return std::move(*message);
}
template <class T>
T read_as(Memory& memory, const std::string& text) {
  Message message = read_back(memory, text);
  REQUIRE(std::holds_alternative<T>(message));
  return std::get<T>(std::move(message));
}

/// The next output must be this one.
template <class T, class Session>
T expect(Session& session) {
  auto output = session.poll();
  REQUIRE(output.has_value());
  REQUIRE(std::holds_alternative<T>(*output));
  return std::get<T>(std::move(*output));
}
/// The next output must send this message.
template <class T, class Session>
T expect_sent(Memory& memory, Session& session) {
  return read_as<T>(memory, flat(expect<Send>(session).message));
}
/// The end must come next: a Bye of ours with this reason.
template <class Session>
void expect_bye(Memory& memory, Session& session, ByeReason reason) {
  CHECK(expect_sent<Bye>(memory, session).reason == reason);
  const Close close = expect<Close>(session);
  CHECK(close.reason == reason);
  CHECK(!close.by_peer);
  CHECK(!session.poll());
}

constexpr std::uint64_t epoch = 0xabcd'0000'1111'2222;

}  // namespace wire::test
