// Plays StreamLog, Feed, Fanout and Cursor against plain strings of all that was ever appended.
// Input: pairs of bytes, what to do and how much. What a viewer gets must be whole framed chunks in
// log order; it may begin and skip only at sync chunks, behind their join images.

#include "relay/stream/stream_log.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "relay/base/assert.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/stream.hpp"

namespace {

using namespace stream;

/// A chunk ('c') or a join image ('b' to begin, 's' to skip), as it has to arrive.
struct Record {
  char kind;
  std::uint64_t sequence;
};
constexpr std::size_t record_bytes_min = 1 + sizeof(std::uint64_t);

std::string make_payload(const Record& record, std::size_t size) {
  std::string payload(std::max(size, record_bytes_min), '\0');
  for (std::size_t index = 0; index < payload.size(); ++index) {
    payload[index] = static_cast<char>('A' + (index * 7 + record.sequence * 13) % 53);
  }
  payload[0] = record.kind;
  std::memcpy(&payload[1], &record.sequence, sizeof record.sequence);
  return payload;
}

/// All that was ever appended.
struct Twin {
  struct Chunk {
    std::string payload;
    std::string begin;  // empty when there is no join image
    std::string skip;
    bool sync;
  };
  const std::string& payload_of(const Record& record) const {
    const Chunk& chunk = chunks.at(record.sequence);
    return record.kind == 'c' ? chunk.payload : record.kind == 'b' ? chunk.begin : chunk.skip;
  }
  std::map<std::uint64_t, Chunk> chunks;
};

class Viewer final : public Cursor::Sink {
 public:
  Viewer(const Twin& twin, const ViewerPolicy& policy, Framing framing)
      : cursor(*this, policy), framing_(framing), twin_(twin) {}

  memory::Written write_now(std::span<const iovec> buffers) noexcept override {
    RELAY_ASSERT(!rest_ && !buffers.empty());
    std::size_t taken = 0;
    for (const iovec& buffer : buffers) {
      const std::size_t part = std::min(buffer.iov_len, limit - std::min(limit, taken));
      unread_.append(static_cast<const char*>(buffer.iov_base), part);
      taken += part;
    }
    read_records();
    return {taken, 0};
  }
  void write_rest(ImageRest rest) noexcept override {
    RELAY_ASSERT(!rest_);
    RELAY_ASSERT(!rest.framing.empty() || !rest.windows.empty());
    rest_ = std::move(rest);
  }
  void on_broken(base::Error) noexcept override { RELAY_ASSERT(false); }
  void on_too_slow() noexcept override {
    RELAY_ASSERT(unread_.empty());  // at a chunk boundary
    is_over = true;
    cursor.leave();
  }
  void on_seam(const Seam&) noexcept override { RELAY_ASSERT(false); }
  void on_until() noexcept override { RELAY_ASSERT(false); }
  void on_stream_end() noexcept override { is_over = true; }
  void on_unsent_needed(std::size_t) noexcept override {}

  void finish_rest() {
    if (!rest_) return;
    const ImageRest rest = *std::exchange(rest_, std::nullopt);
    unread_ += rest.framing;
    for (const memory::Window& window : rest.windows) {
      unread_.append(reinterpret_cast<const char*>(window.data()), window.size());
    }
    read_records();
    RELAY_ASSERT(unread_.empty());  // kept to the end of the chunk that was cut
    cursor.resume();
  }
  bool is_waiting() const { return rest_.has_value(); }
  std::optional<std::uint64_t> last_chunk() const { return last_chunk_; }
  bool is_between_chunks() const { return unread_.empty() && !joined_; }

  std::size_t limit = ~std::size_t{0};
  bool is_over = false;
  Cursor cursor;

 private:
  void read_records() {
    while (read_record()) {
    }
  }
  bool read_record() {
    std::size_t begin = 0;
    std::size_t size = 0;
    if (framing_ == Framing::http_chunk) {
      const std::size_t line = unread_.find("\r\n");
      if (line == std::string::npos) return false;
      const auto read = std::from_chars(unread_.data(), unread_.data() + line, size, 16);
      RELAY_ASSERT(read.ec == std::errc() && read.ptr == unread_.data() + line && size > 0);
      begin = line + 2;
    }
    if (unread_.size() < begin + record_bytes_min) return false;
    Record record{unread_[begin], 0};
    std::memcpy(&record.sequence, &unread_[begin + 1], sizeof record.sequence);
    RELAY_ASSERT(record.kind == 'c' || record.kind == 'b' || record.kind == 's');
    const std::string& payload = twin_.payload_of(record);
    const std::size_t framing = framing_ == Framing::http_chunk ? 2 : 0;
    if (unread_.size() < begin + payload.size() + framing) return false;
    RELAY_ASSERT(framing == 0 || size == payload.size());
    RELAY_ASSERT(unread_.compare(begin, payload.size(), payload) == 0);
    RELAY_ASSERT(framing == 0 || unread_.compare(begin + payload.size(), 2, "\r\n") == 0);
    unread_.erase(0, begin + payload.size() + framing);
    accept(record);
    return true;
  }
  void accept(const Record& record) {
    const Twin::Chunk& chunk = twin_.chunks.at(record.sequence);
    if (record.kind != 'c') {
      RELAY_ASSERT(chunk.sync);
      RELAY_ASSERT((record.kind == 'b') == (!last_chunk_ && !joined_));
      RELAY_ASSERT(record.sequence > last_chunk_.value_or(0) || !last_chunk_);
      joined_ = record.sequence;
      return;
    }
    const bool goes_on = last_chunk_ && record.sequence == *last_chunk_ + 1 && !joined_;
    if (!goes_on) {
      RELAY_ASSERT(chunk.sync);
      // One that needs no join image may follow on that of a chunk that was skipped in the end.
      RELAY_ASSERT(joined_ == record.sequence || chunk.begin.empty());
      RELAY_ASSERT(!last_chunk_ || record.sequence > *last_chunk_);
      if (last_chunk_) RELAY_ASSERT(++jumps_ <= cursor.skips());
    }
    joined_.reset();
    last_chunk_ = record.sequence;
  }

  Framing framing_;
  const Twin& twin_;
  std::optional<ImageRest> rest_;
  std::string unread_;
  std::optional<std::uint64_t> last_chunk_;
  std::optional<std::uint64_t> joined_;
  std::uint64_t jumps_ = 0;
};

class Game {
 public:
  Game() {
    constexpr base::Duration at_once{};
    const base::Duration lag = std::chrono::milliseconds(200);
    add({SlowPolicy::skip, lag, {}, 0, at_once}, Framing::http_chunk);
    add({SlowPolicy::catch_up, lag, {}, 0, at_once}, Framing::http_chunk);
    add({SlowPolicy::disconnect, lag, {}, 0, at_once}, Framing::none);
    add({SlowPolicy::catch_up, lag, {}, 0, std::chrono::milliseconds(100)}, Framing::none);
  }

  void play(std::uint8_t action, std::uint8_t amount) {
    Viewer& viewer = *viewers_[action / 16 % viewers_.size()];
    switch (action % 16) {
      case 0:
      case 1:
      case 2:
        return append(amount % 8 == 0, amount * 3u, 4096);
      case 3:
        return append(true, amount, 4 + amount % 7u);
      case 4:
        return append(false, amount * 40u, 30);
      case 5:
        viewer.limit = amount;
        return;
      case 6:
        viewer.limit = amount * 37u;
        return;
      case 7:
        viewer.limit = ~std::size_t{0};
        return;
      case 8:
      case 9:
        return viewer.finish_rest();
      case 10:
        return stream_->trim_to_newest_group();
      case 11:
        if (amount % 4 == 0) stream_->restart(stream_->log().end() + amount);
        if (amount % 4 == 1) let_go(amount / 4u % 4);
        return;
      case 12:
        return leave_or_enter(viewer);
      default:
        now_ += std::chrono::milliseconds(amount);
        return serve();
    }
  }

  // With sinks that take everything, everybody gets to the end of the log.
  void end() {
    append(true, 10, 4096);
    for (const auto& viewer : viewers_) {
      if (viewer->is_over) continue;
      if (viewer->cursor.audience() == nullptr) leave_or_enter(*viewer);
      viewer->limit = ~std::size_t{0};
      viewer->finish_rest();
      viewer->cursor.resume();
    }
    now_ += std::chrono::seconds(1);
    serve();
    now_ += std::chrono::seconds(1);
    serve();
    for (const auto& viewer : viewers_) {
      if (viewer->is_over) continue;
      RELAY_ASSERT(viewer->is_between_chunks());
      RELAY_ASSERT(viewer->last_chunk() == stream_->log().end() - 1);
    }
    stream_->end();
    viewers_.clear();
    stream_.reset();
    writer_.let_go();
    RELAY_ASSERT(pool_.held_count() == 0);
  }

 private:
  void add(const ViewerPolicy& policy, Framing framing) {
    viewers_.push_back(std::make_unique<Viewer>(twin_, policy, framing));
    audiences_.push_back({framing, policy.flush_interval});
    leave_or_enter(*viewers_.back());
  }
  void leave_or_enter(Viewer& viewer) {
    if (viewer.is_over) return;
    if (viewer.cursor.audience() != nullptr) {
      viewer.cursor.leave();
      // Their indices hold nothing that outlives a drop.
      stream_->drop_unused_feeds();
      return;
    }
    std::size_t index = 0;
    while (viewers_[index].get() != &viewer) ++index;
    viewer.cursor.enter(stream_->feed(media::Container::mpegts, audiences_[index].first)
                            .audience(audiences_[index].second));
    if (!viewer.is_waiting()) viewer.cursor.resume();
  }

  memory::WindowList write(const std::string& payload, std::size_t window_bytes) {
    memory::WindowList list;
    for (std::size_t from = 0; from < payload.size();) {
      const auto space = writer_.space(1);
      RELAY_ASSERT(space.has_value());
      const std::size_t part = std::min({space->size(), window_bytes, payload.size() - from});
      std::memcpy(space->data(), payload.data() + from, part);
      list.push_back(writer_.window(space->first(part)));
      writer_.advance(std::min(part + 1, space->size()));  // a hole behind it
      from += part;
    }
    return list;
  }
  void append(bool sync, std::size_t size, std::size_t window_bytes) {
    const std::uint64_t sequence = stream_->log().end();
    Twin::Chunk twin{make_payload({'c', sequence}, size), {}, {}, sync};
    stream::Chunk chunk;
    chunk.sequence = sequence;
    chunk.sync = sync;
    chunk.received = now_;
    chunk.time = time_ += to_media_time(std::chrono::milliseconds(40));
    chunk.bytes = write(twin.payload, window_bytes);
    if (sync && size % 3 != 0) {
      twin.begin = make_payload({'b', sequence}, 9);
      twin.skip = make_payload({'s', sequence}, 30);
      chunk.join =
          std::make_unique<JoinImages>(JoinImages{write(twin.begin, 4), write(twin.skip, 4096)});
    }
    twin_.chunks[sequence] = std::move(twin);
    stream_->append(std::move(chunk));
    const StreamLog& log = stream_->log();
    RELAY_ASSERT(log.newest().sequence == sequence);
    RELAY_ASSERT(log.bytes() <= tail_bytes || log.end() - log.first() == 1);
  }
  // As under memory pressure; all of it, or all but the newest.
  void let_go(std::uint64_t left) {
    const StreamLog& log = stream_->log();
    stream_->drop_before(log.end() - std::min(left, log.end() - log.first()));
  }
  void serve() {
    while (fanout_.run(now_).now) {
    }
  }

  static constexpr std::uint64_t tail_bytes = 20'000;

  memory::Arena arena_{2 << 20, 4096};
  memory::BlockPool pool_{arena_};
  memory::BlockWriter writer_{pool_};
  Twin twin_;
  Fanout fanout_;
  std::unique_ptr<Stream> stream_ = std::make_unique<Stream>(
      "live/cam", PathPolicy{{std::chrono::milliseconds(600), tail_bytes}, {}, {}}, fanout_, pool_,
      0);
  std::vector<std::unique_ptr<Viewer>> viewers_;
  std::vector<std::pair<Framing, std::optional<base::Duration>>> audiences_;
  // Ahead of the real clock, which the fan-out looks at between its batches.
  base::Time now_ = base::monotonic_now() + std::chrono::hours(10);
  MediaTime time_ = 900'000;
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
