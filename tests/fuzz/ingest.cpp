// What publishers send, in either container, to what viewers are sent in both: ingest, log,
// remuxers and feeds. Input: pairs of bytes, what to do and how much, and between them the bodies.
// What viewers get must be whole packets and boxes in whole HTTP chunks, whatever their sockets
// took at once; samples in the log have times that only grow; in the end every block is free again.
#include "relay/session/ingest.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/stream/cursor.hpp"
#include "tests/fuzz/answers_check.hpp"
#include "tests/fuzz/fake_system.hpp"

namespace {

class Viewer final : public stream::Cursor::Sink {
 public:
  Viewer(media::Container container, stream::Framing framing, const stream::ViewerPolicy& policy)
      : cursor(*this, policy) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Type: ";
    head += container == media::Container::mpegts ? "video/mp2t\r\n" : "video/mp4\r\n";
    if (framing == stream::Framing::http_chunk) head += "Transfer-Encoding: chunked\r\n";
    answers_.feed(head + "\r\n");
  }

  memory::Written write_now(std::span<const iovec> buffers) noexcept override {
    RELAY_ASSERT(!rest_ && !is_over && !buffers.empty());
    std::size_t taken = 0;
    for (const iovec& buffer : buffers) {
      const std::size_t part = std::min(buffer.iov_len, limit - std::min(limit, taken));
      answers_.feed({static_cast<const char*>(buffer.iov_base), part});
      taken += part;
    }
    return {taken, 0};
  }
  void write_rest(stream::ImageRest rest) noexcept override {
    RELAY_ASSERT(!rest_);
    rest_ = std::move(rest);
  }
  void on_broken(base::Error) noexcept override { RELAY_ASSERT(false); }
  void on_too_slow() noexcept override { is_over = true; }
  void on_seam(const stream::Seam&) noexcept override { is_over = true; }
  void on_until() noexcept override { RELAY_ASSERT(false); }
  void on_stream_end() noexcept override { is_over = true; }
  void on_unsent_needed(std::size_t) noexcept override {}

  void finish_rest() {
    if (!rest_) return;
    const stream::ImageRest rest = *std::exchange(rest_, std::nullopt);
    answers_.feed(rest.framing);
    for (const memory::Window& window : rest.windows) {
      answers_.feed({reinterpret_cast<const char*>(window.data()), window.size()});
    }
    cursor.resume();
  }

  std::size_t limit = ~std::size_t{0};
  bool is_over = false;
  stream::Cursor cursor;

 private:
  fuzz::AnswersCheck answers_;
  std::optional<stream::ImageRest> rest_;
};

class Game {
 public:
  explicit Game(std::span<const std::byte> input) : input_(input) {
    for (std::size_t seat = 0; seat < viewers_.size(); ++seat) enter(seat);
  }

  void play() {
    for (int steps = 0; steps < 200 && input_.size() >= 2; ++steps) {
      const auto action = std::to_integer<std::uint8_t>(input_[0]);
      const auto amount = std::to_integer<std::uint8_t>(input_[1]);
      input_ = input_.subspan(2);
      act(action % 16, action / 16 % viewers_.size(), amount);
    }
  }
  void end() {
    finish();
    serve();
    for (auto& viewer : viewers_) viewer.reset();
    home_.reset();
    writer_.let_go();
    RELAY_ASSERT(pool_.held_count() == 0);
  }

 private:
  void act(int action, std::size_t seat, std::uint8_t amount) {
    switch (action) {
      case 0:
        return begin(amount);
      case 1:
        return feed(amount);
      case 2:
      case 3:
        return feed(amount * 8u);
      case 4:
      case 5:
        return feed(188u * (1 + amount % 16u));
      case 6:
        viewers_[seat]->limit = amount * 11u;
        return;
      case 7:
        viewers_[seat]->limit = ~std::size_t{0};
        return viewers_[seat]->finish_rest();
      case 8:
        return enter(seat);
      case 9:
        if (!ingest_ || amount % 4 != 0) return;
        ingest_->on_input_lost();
        return lose(take(amount * 4u));
      case 10:
        return home_->stream().trim_to_newest_group();
      case 11:
        return finish();
      default:
        fuzz::pass_time(std::chrono::milliseconds(amount));
        if (ingest_) ingest_->on_time(base::monotonic_now());
        append();
        return serve();
    }
  }

  void begin(std::uint8_t amount) {
    finish();
    const bool is_continuing = home_->stream().log().end() > 0;
    if (is_continuing) home_->on_new_publisher();
    ingest_ =
        session::make_ingest(amount % 2 == 0 ? media::Container::mpegts : media::Container::fmp4,
                             *home_, pool_, is_continuing);
    last_dts_.clear();
  }
  void feed(std::size_t size) {
    if (!ingest_) begin(static_cast<std::uint8_t>(size / 8));
    auto bytes = take(size);
    while (!bytes.empty() && ingest_) {
      const auto space = writer_.space(64);
      if (!space) return give_up(bytes);
      const std::size_t part = std::min(space->size(), bytes.size());
      std::memcpy(space->data(), bytes.data(), part);
      const memory::Window window = writer_.window(space->first(part));
      writer_.advance(part);
      bytes = bytes.subspan(part);
      const bool is_good = ingest_->feed(window, base::monotonic_now()).has_value();
      append();
      if (!is_good) finish();
    }
  }
  std::span<const std::byte> take(std::size_t size) {
    const auto bytes = input_.first(std::min(size, input_.size()));
    input_ = input_.subspan(bytes.size());
    return bytes;
  }
  // The arena is full, as under a server that frees what it can.
  void give_up(std::span<const std::byte> bytes) {
    home_->stream().trim_to_newest_group();
    ingest_->on_input_lost();
    append();
    writer_.let_go();
    lose(bytes);
  }
  // They are gone afterwards: whoever keeps them is found out.
  void lose(std::span<const std::byte> bytes) {
    const std::vector<std::byte> lost(bytes.begin(), bytes.end());
    const bool is_good = ingest_->lose(lost).has_value();
    append();
    if (!is_good) finish();
  }
  void finish() {
    if (!ingest_) return;
    static_cast<void>(ingest_->finish());
    append();
    ingest_.reset();
  }

  void append() {
    if (!ingest_) return;
    const base::Utc utc{std::chrono::seconds(1'800'000'000)};
    while (auto chunk = ingest_->poll(base::monotonic_now(), utc)) {
      check(*chunk);
      home_->append(std::move(*chunk));
      RELAY_ASSERT(home_->stream().log().newest().sequence == next_sequence_++);
    }
  }
  void check(const stream::Chunk& chunk) {
    RELAY_ASSERT(chunk.samples.empty() != chunk.bytes.empty());
    RELAY_ASSERT(chunk.bytes.bytes() % 188 == 0);
    for (const media::Sample& sample : chunk.samples) {
      RELAY_ASSERT(chunk.tracks && sample.track < chunk.tracks->tracks.size());
      RELAY_ASSERT(!sample.payload.empty());
      if (tracks_ != chunk.tracks) last_dts_.clear();
      tracks_ = chunk.tracks;
      last_dts_.resize(tracks_->tracks.size());
      auto& last = last_dts_[sample.track];
      RELAY_ASSERT(!last || *last < sample.dts);
      last = sample.dts;
    }
  }

  void enter(std::size_t seat) {
    const auto container = seat % 2 == 0 ? media::Container::mpegts : media::Container::fmp4;
    const auto framing = seat < 2 ? stream::Framing::http_chunk : stream::Framing::none;
    const auto slow = seat == 3 ? stream::SlowPolicy::catch_up : stream::SlowPolicy::skip;
    viewers_[seat] = std::make_unique<Viewer>(
        container, framing,
        stream::ViewerPolicy{slow, std::chrono::milliseconds(500), {}, 0, base::Duration{}});
    viewers_[seat]->cursor.enter(
        home_->stream().feed(container, framing).audience(base::Duration{}));
    viewers_[seat]->cursor.resume();
    home_->stream().drop_unused_feeds();
  }
  void serve() {
    while (fanout_.run(base::monotonic_now()).now) {
    }
    for (std::size_t seat = 0; seat < viewers_.size(); ++seat) {
      if (viewers_[seat]->is_over) enter(seat);
    }
  }

  std::span<const std::byte> input_;
  memory::Arena arena_{1 << 20, 4096};
  memory::BlockPool pool_{arena_};
  memory::BlockWriter writer_{pool_};
  stream::Fanout fanout_;
  std::unique_ptr<stream::Home> home_ = std::make_unique<stream::Home>(
      "live/cam", stream::PathPolicy{{std::chrono::seconds(2), 200'000}, {}, {}}, fanout_, pool_, 1,
      base::Utc{});
  std::unique_ptr<session::Ingest> ingest_;
  std::array<std::unique_ptr<Viewer>, 4> viewers_;
  std::uint64_t next_sequence_ = 0;
  std::shared_ptr<const media::TrackSet> tracks_;
  std::vector<std::optional<std::int64_t>> last_dts_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::reset_time();
  Game game(std::as_bytes(std::span(data, size)));
  game.play();
  game.end();
  return 0;
}
