#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/stream/cursor.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/stream.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace test {

inline constexpr std::size_t everything = static_cast<std::size_t>(-1);

/// A cursor with a sink that takes as much as the test says, and ends as a viewer does.
class Viewer final : public stream::Cursor::Sink {
 public:
  explicit Viewer(const stream::ViewerPolicy& policy = {},
                  stream::Begin begin = stream::Begin::newest)
      : cursor(*this, policy, begin) {}

  /// The kernel has taken the rest of the chunk that was cut.
  void finish_rest() {
    REQUIRE(rest);
    received += to_text(*rest);
    rest.reset();
    cursor.resume();
  }

  memory::Written write_now(std::span<const iovec> buffers) noexcept override {
    if (rest) ++writes_while_waiting;
    ++writes;
    buffers_max = std::max(buffers_max, buffers.size());
    if (order != nullptr) order->push_back(this);
    if (on_write) on_write();
    if (is_broken) return {0, ECONNRESET};
    const std::string offered = to_text(buffers);
    offered_max = std::max(offered_max, offered.size());
    const std::size_t taken =
        std::min(offered.size(), limits.empty() ? everything : limits.front());
    if (!limits.empty()) limits.pop_front();
    received += offered.substr(0, taken);
    return {taken, 0};
  }
  void write_rest(stream::ImageRest left) noexcept override { rest = std::move(left); }
  void on_broken(base::Error error) noexcept override {
    broken = error;
    cursor.leave();
  }
  void on_too_slow() noexcept override {
    ++too_slow;
    cursor.leave();
  }
  void on_seam(const stream::Seam&) noexcept override {
    ++tracks_changes;
    cursor.leave();
  }
  void on_until() noexcept override { cursor.leave(); }
  bool on_elsewhere(wire::Position next, bool) noexcept override {
    elsewhere = next;
    if (goes_elsewhere) cursor.leave();
    return goes_elsewhere;
  }
  void on_stream_end() noexcept override { ++stream_ends; }
  void on_unsent_needed(std::size_t bytes) noexcept override { unsent = bytes; }

  std::string received;
  std::deque<std::size_t> limits;  // of the next writes; then everything is taken
  std::optional<stream::ImageRest> rest;
  std::vector<Viewer*>* order = nullptr;
  std::function<void()> on_write;
  bool is_broken = false;
  base::Error broken;
  int too_slow = 0;
  int tracks_changes = 0;
  int stream_ends = 0;
  bool goes_elsewhere = false;
  std::optional<wire::Position> elsewhere;
  int writes = 0;
  int writes_while_waiting = 0;
  std::size_t unsent = 0;
  std::size_t buffers_max = 0;
  std::size_t offered_max = 0;
  stream::Cursor cursor;
};

/// A stream on one worker, with a publisher made of calls and a clock moved by hand.
struct StreamRig {
  explicit StreamRig(stream::TailPolicy tail = {std::chrono::seconds(15), 16 << 20})
      : stream("live/cam", {tail, {}, {}}, fanout, maker.pool, 0) {}
  ~StreamRig() { viewers.clear(); }

  /// Appends a chunk and remembers its image.
  void append(ChunkMaker::Kind kind = {}) {
    stream::Chunk chunk = maker.make(stream.log().end(), kind);
    chunk.received = now;
    payloads.push_back(to_text(chunk.bytes));
    starts.push_back(chunk.join ? to_text(chunk.join->start) : std::string());
    skips.push_back(chunk.join ? to_text(chunk.join->skip) : std::string());
    stream.append(std::move(chunk));
  }
  /// The images of chunks `from` to the one before `end`.
  std::string images(std::size_t from, std::size_t end,
                     stream::Framing framing = stream::Framing::http_chunk) const {
    std::string text;
    for (std::size_t sequence = from; sequence < end; ++sequence) {
      text += framed(payloads[sequence], framing);
    }
    return text;
  }
  std::string start_image(std::size_t sequence) const {
    return framed(starts[sequence], stream::Framing::http_chunk);
  }
  std::string skip_image(std::size_t sequence) const {
    return framed(skips[sequence], stream::Framing::http_chunk);
  }

  Viewer& watch(const stream::ViewerPolicy& policy = {},
                stream::Framing framing = stream::Framing::http_chunk) {
    Viewer& viewer = *viewers.emplace_back(std::make_unique<Viewer>(policy));
    viewer.order = &order;
    viewer.cursor.enter(
        stream.feed(media::Container::mpegts, framing).audience(policy.flush_interval));
    viewer.cursor.resume();
    return viewer;
  }
  /// Serves until nothing more can be sent now. (A run looks at the real clock, which is behind.)
  stream::Fanout::Next serve() {
    stream::Fanout::Next next = fanout.run(now);
    while (next.now || (next.later && *next.later <= now)) next = fanout.run(now);
    return next;
  }

  // Ahead of the real clock, which the fan-out looks at between its batches.
  base::Time now = base::monotonic_now() + std::chrono::hours(1);
  ChunkMaker maker;
  stream::Fanout fanout;
  stream::Stream stream;
  std::vector<std::string> payloads;  // by sequence number
  std::vector<std::string> starts;
  std::vector<std::string> skips;
  std::vector<Viewer*> order;  // of writes
  std::vector<std::unique_ptr<Viewer>> viewers;
};

/// No lag policy applies.
inline stream::ViewerPolicy patient(std::optional<base::Duration> flush = base::Duration::zero()) {
  return {stream::SlowPolicy::catch_up, {}, {}, 0, flush};
}

}  // namespace test
