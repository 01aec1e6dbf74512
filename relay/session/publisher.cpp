#include "relay/session/publisher.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/http_body/framing.hpp"

namespace session {
namespace {

// The publisher's own block, in which it may write where no window is.
std::byte* writable(const memory::Window& window) noexcept {
  return const_cast<std::byte*>(window.data());
}

}  // namespace

Publisher::Publisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                     std::unique_ptr<loop::Tcp> tcp, Events& events, stream::Home& home,
                     media::Container container, http_body::Reader body, bool keep_alive)
    : id_(id),
      worker_(worker),
      pool_(pool),
      events_(events),
      home_(home),
      tcp_(std::move(tcp)),
      body_(body),
      writer_(pool, home.account()),
      media_timer_(worker, loop::bind<&Publisher::on_media_timer>(this)),
      read_timer_(worker, loop::bind<&Publisher::on_read_timer>(this)),
      ahead_(home.stream().policy().publisher.ahead),
      started_(base::monotonic_now()),
      last_byte_(started_),
      keep_alive_(keep_alive) {
  ingest_ = make_ingest(container, home_, pool_, home_.stream().log().end() > 0);
  tcp_->set_events(this);
}

void Publisher::start(std::string_view received) noexcept {
  // The only payload that is copied on its way in: what came in one read with the head.
  while (!received.empty() && !ended_ && !body_.done()) {
    const auto space = block_space();
    if (!space) return end(PublisherEnd::memory, "memory.arena is full");
    const std::size_t part = std::min(space->size(), received.size());
    std::memcpy(space->data(), received.data(), part);
    received.remove_prefix(part);
    on_read(space->first(part));
  }
  if (!received.empty()) behind_body_.append(received);
  if (body_.done()) return finish();
  if (!ended_ && !paused_) tcp_->start_reading();
}

std::span<std::byte> Publisher::read_space() noexcept {
  if (writer_.has_space(space_least) || events_.may_take_block(*this)) {
    if (const auto space = block_space()) {
      dropping_input_ = false;
      return *space;
    }
  }
  return dropping_input_ ? worker_.read_buffer() : std::span<std::byte>{};
}

base::Result<std::span<std::byte>> Publisher::block_space() noexcept {
  const auto space = writer_.space(space_least);
  if (!space) return space;
  waits_since_.reset();
  stopped_since_.reset();
  if (const std::byte* end = space->data() + space->size(); end != block_end_) {
    block_end_ = end;
    run_end_ = nullptr;
    runs_in_block_ = 0;
  }
  return space;
}

void Publisher::on_read(std::span<std::byte> bytes) noexcept {
  const base::Time now = base::monotonic_now();
  last_byte_ = now;
  if (!dropping_input_) writer_.advance(bytes.size());
  read_body(bytes, now);
  if (ended_) return;
  append_chunks(now);
  if (body_.done()) return finish();
  media_timer_.wake_at(ingest_->deadline());
}

void Publisher::read_body(std::span<std::byte> bytes, base::Time now) noexcept {
  body_.feed(bytes);
  for (;;) {
    const auto run = body_.next();
    if (!run) return end(PublisherEnd::bad_body, run.error().message());
    if (!*run) break;
    bytes_ += (*run)->size();
    if (dropping_input_) {
      bytes_dropped_ += (*run)->size();
      continue;
    }
    const auto fed = ingest_->feed(writer_.window(join_small_run(**run)), now);
    if (!fed) return end(PublisherEnd::bad_media, fed.error().message());
  }
  if (body_.done()) {
    const auto rest = body_.rest();
    behind_body_.assign(reinterpret_cast<const char*>(rest.data()), rest.size());
  }
}

// Framing between two runs stays behind in the block. Only when a block has many runs already are
// further ones moved down over it; no window has been cut from these bytes yet.
std::span<std::byte> Publisher::join_small_run(std::span<std::byte> run) noexcept {
  if (run.data() == run_end_ || ++runs_in_block_ <= runs_per_block_max || run_end_ == nullptr) {
    run_end_ = run.data() + run.size();
    return run;
  }
  std::memmove(run_end_, run.data(), run.size());
  const std::span<std::byte> moved(run_end_, run.size());
  run_end_ += run.size();
  return moved;
}

void Publisher::append_chunks(base::Time now) noexcept {
  const base::Utc arrival = base::utc_now();
  while (auto chunk = ingest_->poll(now, arrival)) append(std::move(*chunk), now);
}

void Publisher::append(stream::Chunk chunk, base::Time now) noexcept {
  chunk.http_image = http_body::find_framing(chunk.bytes, writer_.written());
  if (!chunk.http_image.empty()) {
    // What is moved together later must not come to lie on framing that is shared now.
    run_end_ = std::max(run_end_, writable(chunk.http_image) + chunk.http_image.size());
  }
  const base::Duration ahead = stream::to_duration(chunk.ahead);
  home_.append(std::move(chunk));
  ++chunks_;
  if (ahead > ahead_) pause_until(now + (ahead - ahead_));
}

void Publisher::pause_until(base::Time due) noexcept {
  paused_ = true;
  tcp_->stop_reading();
  read_timer_.wake_at(due);
}

void Publisher::on_no_space() noexcept {
  const base::Time now = base::monotonic_now();
  if (!waits_since_) waits_since_ = now;
  const bool is_over =
      (stopped_since_ && now - *stopped_since_ > stop_max) || now - *waits_since_ > wait_max;
  if (is_over) {
    begin_dropping();
    if (!ended_) tcp_->start_reading();
    return;
  }
  paused_ = true;
  read_timer_.wake_at(now + std::chrono::milliseconds(10));
}

void Publisher::on_freed() noexcept {
  if (!waits_since_ || !paused_) return;
  read_timer_.stop();
  on_read_timer();
}

bool Publisher::on_nothing_freed(bool is_beyond_share) noexcept {
  if (!waits_since_ || !is_beyond_share || stopped_since_) return false;
  stopped_since_ = base::monotonic_now();
  return true;
}

// What was read so far ends in the middle of a frame. Nothing that comes before the next keyframe
// can follow what the log has: that is let go too, and makes room for the keyframe.
void Publisher::begin_dropping() noexcept {
  waits_since_.reset();
  stopped_since_.reset();
  events_.on_input_dropped(*this);
  if (!ingest_->on_input_lost()) return end(PublisherEnd::memory, "memory.arena is full");
  dropping_input_ = true;
  writer_.let_go();
  block_end_ = nullptr;
  home_.let_tail_go();
}

void Publisher::on_read_timer() noexcept {
  paused_ = false;
  if (!ended_) tcp_->start_reading();
}

void Publisher::on_media_timer() noexcept {
  const base::Time now = base::monotonic_now();
  ingest_->on_time(now);
  append_chunks(now);
  media_timer_.wake_at(ingest_->deadline());
  events_.on_appended_by_timer();
}

void Publisher::on_read_end(base::Error error) noexcept {
  if (ended_) return;
  peer_ended_ = true;
  if (error) return end(PublisherEnd::broken, error.message());
  const auto whole = body_.on_end();
  if (!whole) return end(PublisherEnd::truncated, whole.error().message());
  finish();
}

void Publisher::finish() noexcept { end(PublisherEnd::finished, ""); }

void Publisher::end(PublisherEnd end, const std::string& reason) noexcept {
  if (std::exchange(ended_, true)) return;
  ingest_->finish();
  append_chunks(base::monotonic_now());
  home_.set_tracks({ingest_->tracks().begin(), ingest_->tracks().end()});
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  media_timer_.stop();
  read_timer_.stop();
  events_.on_publisher_end(*this, end, reason);
}

}  // namespace session
