// The input says how long its first parts are (each 1 byte length, up to 255 bytes) and how much
// time passes between them; what is behind the zero length comes as one part.
#include <algorithm>
#include <cstring>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/media/container/mpegts/reader.hpp"
#include "relay/memory/block_writer.hpp"

namespace {

class Run {
 public:
  Run() : pool_(arena_), writer_(pool_), reader_(pool_) {}

  // Copies into the arena as recv does. False when the reader refused.
  bool feed(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto space = writer_.space(1);
      RELAY_ASSERT(space.has_value());
      const std::size_t count = std::min(bytes.size(), space->size());
      std::memcpy(space->data(), bytes.data(), count);
      auto window = writer_.window(space->first(count));
      writer_.advance(count);
      fed_.insert(fed_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
      bytes = bytes.subspan(count);
      const bool is_good = reader_.feed(std::move(window), now_).has_value();
      drain();
      if (!is_good) return false;
    }
    return true;
  }
  void pass(std::chrono::milliseconds time) {
    now_ += time;
    if (const auto when = reader_.deadline(); when && *when <= now_) {
      reader_.on_time(now_);
      drain();
      RELAY_ASSERT(!reader_.deadline());
    }
  }
  void finish() {
    reader_.finish();
    drain();
  }

  // What came out is what went in, in order, but for what was dropped.
  void check(bool is_whole) const {
    const auto& counters = reader_.counters();
    std::size_t at = 0;
    for (std::size_t packet = 0; packet < out_.size(); packet += 188) {
      RELAY_ASSERT(out_[packet] == mpegts::sync_byte);
      // Only what is between packets is left out, so each packet is found from where the last
      // ended.
      const auto found = std::search(fed_.begin() + static_cast<std::ptrdiff_t>(at), fed_.end(),
                                     out_.begin() + static_cast<std::ptrdiff_t>(packet),
                                     out_.begin() + static_cast<std::ptrdiff_t>(packet) + 188);
      RELAY_ASSERT(found != fed_.end());
      at = static_cast<std::size_t>(found - fed_.begin()) + 188;
    }
    if (is_whole) {
      RELAY_ASSERT(out_.size() + counters.dropped_bytes + counters.cut_bytes == fed_.size());
    }
  }

 private:
  void drain() {
    while (auto piece = reader_.poll()) {
      RELAY_ASSERT(!piece->bytes.empty() && piece->bytes.bytes() % 188 == 0);
      RELAY_ASSERT(piece->bytes.bytes() <= mpegts::Reader::piece_bytes_max);
      RELAY_ASSERT(piece->sync == !piece->skip_join.empty());
      RELAY_ASSERT(piece->sync || piece->start_join.empty());
      for (const auto& window : piece->bytes) {
        out_.insert(out_.end(), window.bytes().begin(), window.bytes().end());
      }
      for (const auto* list : {&piece->start_join, &piece->skip_join}) {
        std::size_t size = 0;
        for (const auto& window : *list) {
          for (const std::byte byte : window.bytes()) touched_ ^= byte;
          size += window.size();
        }
        RELAY_ASSERT(size == list->bytes() && size % 188 == 0);
      }
    }
    RELAY_ASSERT(reader_.tracks().size() <= mpegts::tracks_max);
  }

  memory::Arena arena_{1 << 20, 4 << 10};  // touched at every run
  memory::BlockPool pool_;
  memory::BlockWriter writer_;
  mpegts::Reader reader_;
  base::Time now_{std::chrono::hours{1}};
  std::vector<std::byte> fed_;
  std::vector<std::byte> out_;
  std::byte touched_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto input = std::as_bytes(std::span(data, size));
  Run run;
  bool is_good = true;
  while (is_good && input.size() > 2 && input[0] != std::byte{0}) {
    run.pass(std::chrono::milliseconds{std::to_integer<int>(input[1])});
    const std::size_t count = std::min(std::to_integer<std::size_t>(input[0]), input.size() - 2);
    is_good = run.feed(input.subspan(2, count));
    input = input.subspan(2 + count);
  }
  if (is_good && input.size() > 1) is_good = run.feed(input.subspan(1));
  if (is_good) run.finish();
  run.check(is_good);
  return 0;
}
