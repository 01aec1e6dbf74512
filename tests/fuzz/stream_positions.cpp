// Plays publishers that number themselves and viewers that follow positions, over home, replica,
// remuxer, feed and cursor. Input: pairs of bytes, what to do and how much. A viewer must be told
// exactly what comes next, and why, wherever that does not follow from what it has got; what it
// gets must be what was published, and nothing may be missing that the tail still has.

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/protocol/wire/reader.hpp"
#include "relay/protocol/wire/writer.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/home.hpp"
#include "relay/stream/wire_times.hpp"

namespace {

using namespace stream;
using wire::GapReason;
using wire::Position;

using Key = std::pair<std::uint64_t, std::uint64_t>;
Key key_of(Position position) { return {position.epoch, position.sequence}; }

/// All that was ever published, as messages.
using Twin = std::map<Key, std::string>;

// And nothing else: behind another epoch it may come again.
bool has(const StreamLog& log, Position position) {
  bool is_there = false;
  for (std::uint64_t sequence = log.first(); sequence < log.end(); ++sequence) {
    const Chunk& chunk = log.at(sequence);
    if (chunk.position.epoch != position.epoch) return false;
    is_there = is_there || (chunk.position == position && !chunk.bytes.empty());
  }
  return is_there;
}

class Viewer final : public Cursor::Sink {
 public:
  Viewer(const Twin& published, const ViewerPolicy& viewer_policy, const wire::Start& start,
         std::optional<Position> end)
      : policy(viewer_policy),
        until(end),
        cursor(*this, viewer_policy, start, end),
        twin_(published),
        asked_(start) {}

  memory::Written write_now(std::span<const iovec> buffers) noexcept override {
    RELAY_ASSERT(!rest_ && !is_over && !cursor.is_halted() && !buffers.empty());
    std::size_t taken = 0;
    for (const iovec& buffer : buffers) {
      const std::size_t part = std::min(buffer.iov_len, limit - std::min(limit, taken));
      unread_.append(static_cast<const char*>(buffer.iov_base), part);
      taken += part;
    }
    read();
    return {taken, 0};
  }
  void write_rest(ImageRest rest) noexcept override {
    RELAY_ASSERT(!rest_);
    rest_ = std::move(rest);
  }
  void on_broken(base::Error) noexcept override { RELAY_ASSERT(false); }
  void on_too_slow() noexcept override {
    RELAY_ASSERT(unread_.empty() && policy.slow == SlowPolicy::disconnect);
    is_over = true;
  }
  void on_seam(const Seam& seam) noexcept override {
    RELAY_ASSERT(unread_.empty() && !rest_ && !is_over);
    RELAY_ASSERT(!seam.next.bytes.empty() && seam.next.wire_tracks);
    const Position to = seam.next.position;
    const bool is_exact = seam.reason == GapReason::unspecified;
    if (seam.begins) {
      if (const auto* asked = std::get_if<Position>(&asked_)) RELAY_ASSERT(seam.from == *asked);
    } else {
      RELAY_ASSERT(next && seam.from == *next);
      RELAY_ASSERT(seam.reason != GapReason::skip || policy.slow == SlowPolicy::skip);
    }
    RELAY_ASSERT(is_exact == (seam.from == to));
    RELAY_ASSERT(seam.from.epoch != to.epoch || seam.from.sequence <= to.sequence);
    const bool is_gone = seam.reason == GapReason::tail || seam.reason == GapReason::replica;
    if (is_gone) RELAY_ASSERT(!has(cursor.audience()->feed().log(), seam.from));
    if (is_gone || seam.begins || seam.reason == GapReason::skip) {
      RELAY_ASSERT(seam.next.sync || is_exact);
    }
    if (until && until->epoch == seam.from.epoch && until->epoch != to.epoch) until = to;
    next = to;
    if (waits_at_seams) cursor.wait();
  }
  void on_until() noexcept override {
    RELAY_ASSERT(unread_.empty() && !rest_ && until && next->epoch == until->epoch &&
                 next->sequence >= until->sequence);
    is_over = true;
  }
  void on_stream_end() noexcept override { is_over = true; }
  void on_unsent_needed(std::size_t) noexcept override {}

  void finish_rest() {
    if (rest_) {
      const ImageRest rest = *std::exchange(rest_, std::nullopt);
      unread_ += rest.framing;
      for (const memory::Window& window : rest.windows) {
        unread_.append(reinterpret_cast<const char*>(window.data()), window.size());
      }
      read();
      RELAY_ASSERT(unread_.empty());
    }
    if (!is_over) cursor.resume();
  }
  void move(const wire::Start& start) {
    if (is_over) return;
    asked_ = start;
    cursor.move(start);
  }

  ViewerPolicy policy;
  std::optional<Position> until;
  std::optional<Position> next;
  std::size_t limit = ~std::size_t{0};
  bool waits_at_seams = false;
  bool is_over = false;
  Cursor cursor;

 private:
  // Frames of at most 65 535 bytes, not masked.
  void read() {
    for (;;) {
      if (unread_.size() < 4) return;
      const auto at = [this](std::size_t index) {
        return static_cast<std::size_t>(static_cast<std::uint8_t>(unread_[index]));
      };
      RELAY_ASSERT(at(0) == 0x82 && at(1) <= 126);
      const std::size_t head = at(1) == 126 ? 4 : 2;
      const std::size_t size = at(1) == 126 ? at(2) << 8 | at(3) : at(1);
      if (unread_.size() < head + size) return;
      RELAY_ASSERT(next &&
                   (!until || next->epoch != until->epoch || next->sequence < until->sequence));
      const auto published = twin_.find(key_of(*next));
      RELAY_ASSERT(published != twin_.end());
      RELAY_ASSERT(unread_.compare(head, size, published->second) == 0);
      unread_.erase(0, head + size);
      next = next->next();
    }
  }

  const Twin& twin_;
  wire::Start asked_;
  std::optional<ImageRest> rest_;
  std::string unread_;
};

class Game {
 public:
  Game() {
    use_tracks(1);
    publish(true, 10);
    for (const SlowPolicy slow : {SlowPolicy::skip, SlowPolicy::catch_up, SlowPolicy::disconnect,
                                  SlowPolicy::catch_up, SlowPolicy::skip}) {
      enter(viewers_.size(), slow, wire::Live{}, std::nullopt);
      viewers_.push_back(std::move(made_));
    }
  }

  void play(std::uint8_t action, std::uint8_t amount) {
    const std::size_t index = action / 16 % viewers_.size();
    Viewer& viewer = *viewers_[index];
    switch (action % 16) {
      case 0:
      case 1:
      case 2:
        return publish(amount % 8 == 0, amount * 5u);
      case 3:
        return skip_numbers(amount);
      case 4:
        return use_tracks(1 + amount % 3);
      case 5:
        viewer.limit = amount % 2 == 0 ? amount * 3u : ~std::size_t{0};
        return;
      case 6:
      case 7:
        return viewer.finish_rest();
      case 8:
        viewer.waits_at_seams = amount % 2 == 0;
        return;
      case 9:
        return amount % 2 == 0 ? viewer.cursor.halt() : viewer.cursor.go_on();
      case 10:
        return viewer.move(start_of(amount));
      case 11:
        return again(index, amount);
      case 12:
        return amount % 4 == 0 ? hold_blocks(amount) : let_blocks_go();
      case 13:
        return disturb(amount);
      default:
        return serve();
    }
  }

  // With sinks that take everything, everybody who wants more gets to the end of the log.
  void end() {
    let_blocks_go();
    is_replica_lost_ = false;
    seed(home_.stream().log().first());
    skip_numbers(2);
    publish(true, 10);
    for (const auto& viewer : viewers_) {
      if (viewer->is_over) continue;
      viewer->limit = ~std::size_t{0};
      viewer->waits_at_seams = false;
      viewer->cursor.go_on();
      viewer->finish_rest();
    }
    serve();
    for (const auto& viewer : viewers_) {
      if (!viewer->is_over && viewer->cursor.started()) {
        RELAY_ASSERT(viewer->next == home_.stream().log().newest().position.next());
      }
      viewer->cursor.leave();
    }
    viewers_.clear();
    replica_.reset();
    home_.take_stream().reset();
    writer_.let_go();
    RELAY_ASSERT(pool_.held_count() == 0);
  }

 private:
  static constexpr std::uint64_t tail_bytes = 30'000;

  Position next_position() const { return {1 + epoch_, numbers_[epoch_]}; }

  // Near what there is.
  wire::Start start_of(std::uint8_t amount) const {
    if (amount % 8 == 0) return wire::Live{};
    if (amount % 8 == 1) return base::Utc(std::chrono::seconds(amount));
    const std::uint64_t epoch = amount % 3;
    const std::uint64_t back = amount / 8;
    return Position{1 + epoch, numbers_[epoch] + 4 - std::min(back, numbers_[epoch])};
  }

  void use_tracks(std::uint32_t version) {
    wire::Tracks tracks{version, {}};
    tracks.tracks.emplace_back().codec = "h264";
    tracks.tracks.emplace_back().timescale = 44'100;
    tracks_ = std::make_shared<const wire::Tracks>(std::move(tracks));
  }

  void publish(bool sync, std::size_t bytes) {
    wire::Chunk made;
    made.position = next_position();
    made.utc = base::Utc(std::chrono::seconds(time_ / 3'600));
    made.sync = sync;
    made.segment = 1 + static_cast<std::uint32_t>(bytes);
    made.tracks_version = tracks_->version;
    made.checksum = static_cast<std::uint32_t>(bytes * 77);  // nobody looks at it here
    const std::int64_t dts = time_ * 3;
    made.samples.push_back({0, sync, dts, dts + 9, 3'600, write(bytes)});
    made.samples.push_back({1, true, -dts, dts, 0, write(bytes / 2)});
    if (made.samples[0].payload.bytes() < bytes) return;  // no block was free
    const wire::Encoded encoded = wire::write_message(made);
    std::string& text = twin_[key_of(made.position)];
    text = encoded.header;
    for (const memory::Window& window : encoded.payload) {
      text.append(reinterpret_cast<const char*>(window.data()), window.size());
    }
    ++numbers_[epoch_];
    time_ += 3'600;
    append(std::move(made), dts);
  }
  void append(wire::Chunk made, std::int64_t dts) {
    Chunk chunk;
    chunk.position = made.position;
    chunk.utc = made.utc;
    chunk.sync = made.sync;
    chunk.segment = made.segment;
    chunk.checksum = made.checksum;
    chunk.container = media::Container::wire;
    chunk.wire_tracks = tracks_;
    chunk.wire_offset = time_ - dts;
    chunk.time = time_;
    chunk.received = now_;
    chunk.samples = std::move(made.samples);
    to_log_times(chunk.samples, *tracks_, chunk.wire_offset);
    home_.append(std::move(chunk));
    if (is_replica_lost_) return;
    replica_->append(ChunkParcel(home_.stream().log().newest()).open(pool_));
  }
  void skip_numbers(std::uint8_t amount) {
    if (amount % 2 == 0) {
      epoch_ = amount / 2 % 3;
    } else {
      numbers_[epoch_] += 1 + amount / 64;
      home_.on_gap(amount % 4 == 1 ? GapReason::lost : GapReason::memory);
    }
  }

  void enter(std::size_t index, SlowPolicy slow, const wire::Start& start,
             std::optional<Position> until) {
    const ViewerPolicy policy{slow, std::chrono::milliseconds(200), {}, 0, base::Duration::zero()};
    made_ = std::make_unique<Viewer>(twin_, policy, start, until);
    Stream& stream = index % 2 == 0 ? home_.stream() : *replica_;
    made_->cursor.enter(
        stream.feed(media::Container::wire, Framing::websocket).audience(policy.flush_interval));
    made_->cursor.resume();
  }
  // Comes back where it was, or wants something else.
  void again(std::size_t index, std::uint8_t amount) {
    const auto next = viewers_[index]->next;
    const SlowPolicy slow = viewers_[index]->policy.slow;
    viewers_[index].reset();
    home_.stream().drop_unused_feeds();
    replica_->drop_unused_feeds();
    std::optional<Position> until;
    if (amount % 4 == 0) until = Position{1 + epoch_, numbers_[epoch_] + amount / 16};
    enter(index, slow, next && amount % 2 == 0 ? wire::Start(*next) : start_of(amount), until);
    viewers_[index] = std::move(made_);
  }

  void disturb(std::uint8_t amount) {
    const StreamLog& log = home_.stream().log();
    switch (amount % 4) {
      case 0:
        home_.let_tail_go();
        if (!is_replica_lost_) replica_->drop_before(replica_->log().end() - 1);
        return;
      case 1:
        is_replica_lost_ = true;
        return;
      case 2:
        return seed(std::max(
            log.first(), log.end() - std::min<std::uint64_t>(log.end() - log.first(), amount / 4)));
      default:
        return replica_->trim_to_newest_group();
    }
  }
  void seed(std::uint64_t from) {
    is_replica_lost_ = false;
    replica_->restart(from);
    const StreamLog& log = home_.stream().log();
    for (; from < log.end(); ++from) replica_->append(ChunkParcel(log.at(from)).open(pool_));
  }

  memory::WindowList write(std::size_t bytes) {
    memory::WindowList list;
    while (list.bytes() < bytes) {
      const auto space = writer_.space(1);
      if (!space) return list;
      const auto part = space->first(std::min(space->size(), bytes - list.bytes()));
      std::fill(part.begin(), part.end(), static_cast<std::byte>(time_ / 3'600));
      list.push_back(writer_.window(part));
      writer_.advance(part.size());
    }
    return list;
  }
  void hold_blocks(std::uint8_t amount) {
    while (auto block = pool_.take()) held_.push_back(*block);
    for (std::size_t left = amount / 32; left > 0 && !held_.empty(); --left) {
      memory::BlockPool::release(held_.back());
      held_.pop_back();
    }
  }
  void let_blocks_go() {
    for (memory::BlockHold* block : held_) memory::BlockPool::release(block);
    held_.clear();
  }
  void serve() {
    while (fanout_.run(now_).now) {
    }
  }

  memory::Arena arena_{1 << 20, 4096};
  memory::BlockPool pool_{arena_};
  memory::BlockWriter writer_{pool_};
  std::vector<memory::BlockHold*> held_;
  Twin twin_;
  Fanout fanout_;
  PathPolicy policy_{{std::chrono::milliseconds(600), tail_bytes}, {}, {}};
  Home home_{"live/cam", policy_, fanout_, pool_, 99, base::Utc(std::chrono::seconds(1))};
  std::unique_ptr<Stream> replica_ =
      std::make_unique<Stream>("live/cam", policy_, fanout_, pool_, 0);
  bool is_replica_lost_ = false;
  std::vector<std::unique_ptr<Viewer>> viewers_;
  std::unique_ptr<Viewer> made_;
  std::shared_ptr<const wire::Tracks> tracks_;
  std::size_t epoch_ = 0;
  std::uint64_t numbers_[3] = {100, 100, 100};  // of each epoch's next chunk
  MediaTime time_ = 900'000;
  // Ahead of the real clock, which the fan-out looks at between its batches.
  base::Time now_ = base::monotonic_now() + std::chrono::hours(10);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Game game;
  for (std::size_t index = 0; index + 1 < std::min<std::size_t>(size, 512); index += 2) {
    game.play(data[index], data[index + 1]);
  }
  game.end();
  return 0;
}
