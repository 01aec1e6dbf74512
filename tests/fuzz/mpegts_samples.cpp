// The input chooses cuts and chunk ends: runs of packets, each behind two bytes. The first says how
// many packets (low five bits), whether the frame goes on, and whether a discontinuity comes before
// it; the second how long the windows are. The packets are restamped first, and have to be as they
// were when that is taken back.
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/media/container/mpegts/restamper.hpp"
#include "relay/media/container/mpegts/sample_reader.hpp"

namespace {

using Bytes = std::vector<std::byte>;

class Run {
 public:
  Run() : log_pool_(log_arena_), writer_(log_pool_), pool_(arena_), reader_(pool_) {}

  void feed(std::span<const std::byte> packets, std::size_t step, bool is_frame_open) {
    const auto list = receive(packets, step);
    restamp(list, packets);
    // A full arena is no end: what comes next is read again.
    (void)reader_.feed(list, {1'000'000, 900'000}, is_frame_open);
    drain();
  }
  void jump() { reader_.on_discontinuity(); }

 private:
  memory::WindowList receive(std::span<const std::byte> bytes, std::size_t step) {
    memory::WindowList out;
    while (!bytes.empty()) {
      const auto space = writer_.space(2);
      RELAY_ASSERT(space.has_value());
      const std::size_t count = std::min({bytes.size(), space->size() - 1, step});
      std::memcpy(space->data(), bytes.data(), count);
      out.push_back(writer_.window(space->first(count)));
      writer_.advance(count + 1);
      bytes = bytes.subspan(count);
    }
    return out;
  }

  static Bytes to_bytes(const memory::WindowList& list) {
    Bytes out;
    for (const auto& window : list) {
      out.insert(out.end(), window.bytes().begin(), window.bytes().end());
    }
    return out;
  }

  // Tables alone do not come back by themselves: their version is another.
  void restamp(const memory::WindowList& list, std::span<const std::byte> before) {
    mpegts::Restamper there(90'000, 7);
    mpegts::Restamper back(-90'000, 7);
    there.restamp(list);
    back.restamp(list);
    const Bytes after = to_bytes(list);
    RELAY_ASSERT(after.size() == before.size());
    for (std::size_t at = 0; at + 188 <= after.size(); at += 188) {
      RELAY_ASSERT(std::memcmp(after.data() + at, before.data() + at, 4) == 0);
    }
  }

  void drain() {
    if (version_ != reader_.tracks_version()) last_dts_ = {};  // other tracks, other timescales
    version_ = reader_.tracks_version();
    while (auto sample = reader_.poll()) {
      RELAY_ASSERT(sample->track < reader_.tracks().size());
      RELAY_ASSERT(!sample->payload.empty());
      RELAY_ASSERT(sample->payload.bytes() <= mpegts::AccessUnitReader::unit_bytes_max + (1 << 20));
      const Bytes payload = to_bytes(sample->payload);
      const auto& track = reader_.tracks()[sample->track];
      if (track.kind == media::Kind::video) check_lengths(payload);
      auto& last = last_dts_[sample->track];
      RELAY_ASSERT(!last || *last < sample->dts);
      last = sample->dts;
    }
    RELAY_ASSERT(reader_.tracks().size() <= mpegts::tracks_max);
  }

  // NAL units behind their lengths, none of them empty.
  static void check_lengths(std::span<const std::byte> payload) {
    while (!payload.empty()) {
      RELAY_ASSERT(payload.size() > 4);
      std::size_t size = 0;
      for (std::size_t index = 0; index < 4; ++index) {
        size = size << 8 | std::to_integer<std::size_t>(payload[index]);
      }
      RELAY_ASSERT(size > 0 && size <= payload.size() - 4);
      payload = payload.subspan(4 + size);
    }
  }

  memory::Arena log_arena_{64 << 10, 4 << 10};
  memory::BlockPool log_pool_;
  memory::BlockWriter writer_;
  // So small that frames fill it.
  memory::Arena arena_{32 << 10, 4 << 10};
  memory::BlockPool pool_;
  mpegts::SampleReader reader_;
  std::uint32_t version_ = 0;
  std::array<std::optional<std::int64_t>, mpegts::tracks_max> last_dts_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = std::as_bytes(std::span(data, size));
  Run run;
  while (input.size() > 2) {
    const auto head = std::to_integer<std::size_t>(input[0]);
    const std::size_t step = 1 + std::to_integer<std::size_t>(input[1]);
    input = input.subspan(2);
    const std::size_t whole = input.size() / 188;
    const std::size_t packets = std::min(whole, 1 + (head & 31));
    if ((head & 64) != 0) run.jump();
    run.feed(input.first(packets * 188), step, (head & 32) != 0);
    input = input.subspan(packets * 188);
    if (packets == 0) break;
  }
  return 0;
}
