// The input says how long its first parts are (each 1 byte length, up to 255 bytes); what is behind
// the zero length comes as one part.
#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/base/byte_reader.hpp"
#include "relay/media/container/fmp4/reader.hpp"
#include "relay/memory/block_writer.hpp"

namespace {

class Run {
 public:
  // Copies into the arena as recv does. False when the reader refused.
  bool feed(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto space = writer_.space(1);
      if (!space) return false;  // small blocks that large fragments pin
      const std::size_t count = std::min(bytes.size(), space->size());
      std::memcpy(space->data(), bytes.data(), count);
      auto window = writer_.window(space->first(count));
      writer_.advance(count);
      bytes = bytes.subspan(count);
      const auto fed = reader_.feed(std::move(window));
      drain();
      if (!fed) {
        RELAY_ASSERT(fed.error().message() != "unknown error");
        RELAY_ASSERT(!reader_.feed({}));
        return false;
      }
    }
    return true;
  }
  void finish() {
    reader_.finish();
    drain();
  }

 private:
  void drain() {
    while (const auto sample = reader_.poll()) check(*sample);
    RELAY_ASSERT(reader_.tracks().size() <= fmp4::tracks_max);
  }

  void check(const media::Sample& sample) {
    RELAY_ASSERT(sample.track < reader_.tracks().size());
    const media::Track& track = reader_.tracks()[sample.track];
    RELAY_ASSERT(track.codec != media::Codec::unknown && track.frames > 0);
    RELAY_ASSERT(sample.sync || track.kind == media::Kind::video);
    RELAY_ASSERT(!sample.payload.empty());
    std::vector<std::byte> copy;
    for (const auto& window : sample.payload) {
      copy.insert(copy.end(), window.bytes().begin(), window.bytes().end());
    }
    RELAY_ASSERT(copy.size() == sample.payload.bytes());
    if (track.codec != media::Codec::h264 && track.codec != media::Codec::h265) return;
    base::ByteReader units(copy);
    while (units.remaining() > 0) units.skip(units.u32());
    RELAY_ASSERT(units.ok());
  }

  memory::Arena arena_{512 << 10, 4 << 10};
  memory::BlockPool pool_{arena_};
  memory::BlockWriter writer_{pool_};
  fmp4::Reader reader_{pool_};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = std::as_bytes(std::span(data, size));
  Run run;
  bool is_good = true;
  while (is_good && input.size() > 1 && input[0] != std::byte{0}) {
    const std::size_t count = std::min(std::to_integer<std::size_t>(input[0]), input.size() - 1);
    is_good = run.feed(input.subspan(1, count));
    input = input.subspan(1 + count);
  }
  if (is_good && input.size() > 1) is_good = run.feed(input.subspan(1));
  if (is_good) run.finish();
  return 0;
}
