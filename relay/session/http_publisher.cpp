#include "relay/session/http_publisher.hpp"

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

std::size_t count_windows(const stream::Chunk& chunk) noexcept {
  std::size_t count = chunk.bytes.count();
  for (const media::Sample& sample : chunk.samples) count += sample.payload.count();
  return count;
}

}  // namespace

HttpPublisher::HttpPublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
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
      media_timer_(worker, loop::bind<&HttpPublisher::on_media_timer>(this)),
      read_timer_(worker, loop::bind<&HttpPublisher::on_read_timer>(this)),
      ahead_(home.stream().policy().publisher.ahead),
      started_(base::monotonic_now()),
      last_byte_(started_),
      keep_alive_(keep_alive) {
  ingest_ = make_ingest(container, home_, pool_, home_.stream().log().end() > 0);
  tcp_->set_events(this);
}

void HttpPublisher::start(std::string_view received) noexcept {
  // The only payload that is copied on its way in: what came in one read with the head.
  behind_body_ = received;
  while (!received.empty() && !is_over() && !body_.done()) {
    const auto space = block_space();
    if (!space) return end(PublisherEnd::memory, "memory.arena is full");
    const std::size_t part = std::min(space->size(), received.size());
    std::memcpy(space->data(), received.data(), part);
    received.remove_prefix(part);
    behind_body_ = received;  // should the body end here, it is wanted before the next part
    on_read(space->first(part));
  }
  if (body_.done()) return finish(PublisherEnd::finished, "");
  behind_body_.clear();
  if (!is_over() && !is_paused()) tcp_->start_reading();
}

PublisherCounts HttpPublisher::counts() const {
  return {bytes_, chunks_, ingest_->dropped(), bytes_dropped_, ingest_->faults()};
}

std::span<std::byte> HttpPublisher::read_space() noexcept {
  if (writer_.has_space(space_least) || events_.may_take_block(*this)) {
    if (const auto space = block_space()) {
      dropping_input_ = false;
      return *space;
    }
  }
  return dropping_input_ ? worker_.read_buffer() : std::span<std::byte>{};
}

base::Result<std::span<std::byte>> HttpPublisher::block_space() noexcept {
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

void HttpPublisher::on_read(std::span<std::byte> bytes) noexcept {
  const base::Time now = base::monotonic_now();
  last_byte_ = now;
  if (!dropping_input_) {
    writer_.advance(bytes.size());
    unaccounted_ += static_cast<std::int64_t>(bytes.size());
  }
  read_body(bytes, now);
  if (is_over()) return;
  take_framing_back();
  append_chunks(now);
  if (body_.done()) return finish(PublisherEnd::finished, "");
  media_timer_.wake_at(ingest_->deadline());
}

void HttpPublisher::read_body(std::span<std::byte> bytes, base::Time now) noexcept {
  body_.feed(bytes);
  for (;;) {
    const auto run = body_.next();
    if (!run) return finish(PublisherEnd::bad_body, run.error().message());
    if (!*run) break;
    bytes_ += (*run)->size();
    if (dropping_input_) bytes_dropped_ += (*run)->size();
    const auto fed = dropping_input_ ? ingest_->lose(**run)
                                     : ingest_->feed(writer_.window(join_small_run(**run)), now);
    if (!fed) return finish(PublisherEnd::bad_media, fed.error().message());
  }
  if (body_.done()) {
    const auto rest = body_.rest();
    behind_body_.insert(0, reinterpret_cast<const char*>(rest.data()), rest.size());
  }
}

// Framing between two runs stays behind in the block. Only when a block has many runs already are
// further ones moved down over it; no window has been cut from these bytes yet.
std::span<std::byte> HttpPublisher::join_small_run(std::span<std::byte> run) noexcept {
  if (run.data() == run_end_ || ++runs_in_block_ <= runs_per_block_max || run_end_ == nullptr) {
    run_end_ = run.data() + run.size();
    return run;
  }
  std::memmove(run_end_, run.data(), run.size());
  const std::span<std::byte> moved(run_end_, run.size());
  run_end_ += run.size();
  return moved;
}

// Once runs are moved together, what lies behind the last one is framing, which nobody needs: a
// block is filled with payload however little of it stands between two size lines.
void HttpPublisher::take_framing_back() noexcept {
  if (dropping_input_ || runs_in_block_ <= runs_per_block_max) return;
  const auto written = writer_.written();
  const auto count = static_cast<std::size_t>(written.data() + written.size() - run_end_);
  writer_.rewind(count);
  unaccounted_ -= static_cast<std::int64_t>(count);
}

void HttpPublisher::append_chunks(base::Time now) noexcept {
  const base::Utc arrival = base::utc_now();
  unsigned count = 0;
  while (count < chunks_per_turn_max || ended_) {
    auto chunk = ingest_->poll(now, arrival);
    if (!chunk) break;
    append(std::move(*chunk), now);
    ++count;
  }
  if (count > 0) count_overhead();
  has_backlog_ = count >= chunks_per_turn_max && !ended_;
  if (!has_backlog_) return;
  tcp_->stop_reading();
  read_timer_.wake_at(now);
}

// Blocks are pinned whole: whoever sends little payload between much else is charged for all of
// it, as far as the windows of the next chunk can hold blocks.
void HttpPublisher::count_overhead() noexcept {
  if (unaccounted_ <= pending_bytes_usual) return;
  overhead_bytes_ = static_cast<std::uint32_t>(
      std::min<std::int64_t>(unaccounted_ - pending_bytes_usual, UINT32_MAX));
  unaccounted_ -= overhead_bytes_;
}

void HttpPublisher::append(stream::Chunk chunk, base::Time now) noexcept {
  chunk.http_image = http_body::find_framing(chunk.bytes, writer_.written());
  if (!chunk.http_image.empty()) {
    // What is moved together later must not come to lie on framing that is shared now.
    run_end_ = std::max(run_end_, writable(chunk.http_image) + chunk.http_image.size());
  }
  unaccounted_ -= static_cast<std::int64_t>(chunk.payload_bytes());
  const std::size_t pinned_max = count_windows(chunk) * pool_.arena().block_bytes();
  chunk.overhead_bytes = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(std::exchange(overhead_bytes_, 0), pinned_max));
  const base::Duration ahead = stream::to_duration(chunk.ahead);
  home_.append(std::move(chunk));
  ++chunks_;
  if (ahead > ahead_) pause_until(now + (ahead - ahead_));
}

void HttpPublisher::pause_until(base::Time due) noexcept {
  paused_ = true;
  resume_at_ = due;
  tcp_->stop_reading();
  read_timer_.wake_at(due);
}

void HttpPublisher::on_no_space() noexcept {
  const base::Time now = base::monotonic_now();
  if (!waits_since_) waits_since_ = now;
  const bool is_over =
      (stopped_since_ && now - *stopped_since_ > stop_max) || now - *waits_since_ > wait_max;
  if (is_over) {
    begin_dropping();
    if (!has_backlog_) tcp_->start_reading();
    return;
  }
  paused_ = true;
  read_timer_.wake_at(now + std::chrono::milliseconds(10));
}

void HttpPublisher::on_freed() noexcept {
  if (ended_ || !waits_since_ || !paused_) return;
  read_timer_.stop();
  on_read_timer();
}

bool HttpPublisher::on_nothing_freed(bool is_beyond_share) noexcept {
  if (ended_ || !waits_since_ || !is_beyond_share || stopped_since_) return false;
  stopped_since_ = base::monotonic_now();
  return true;
}

// What was read so far ends in the middle of a frame. Nothing that comes before the next keyframe
// can follow what the log has: that is let go too, and makes room for the keyframe.
void HttpPublisher::begin_dropping() noexcept {
  waits_since_.reset();
  stopped_since_.reset();
  events_.on_input_dropped(*this);
  ingest_->on_input_lost();
  append_chunks(base::monotonic_now());
  dropping_input_ = true;
  writer_.let_go();
  block_end_ = nullptr;
  home_.let_tail_go();
}

void HttpPublisher::on_read_timer() noexcept {
  const base::Time now = base::monotonic_now();
  if (has_backlog_) {
    append_chunks(now);
    events_.on_appended_by_timer();
    if (has_backlog_) return;
  }
  if (pending_end_) return end(pending_end_->end, pending_end_->reason);
  if (now < resume_at_) return read_timer_.wake_at(resume_at_);
  paused_ = false;
  tcp_->start_reading();
}

void HttpPublisher::on_media_timer() noexcept {
  const base::Time now = base::monotonic_now();
  ingest_->on_time(now);
  append_chunks(now);
  media_timer_.wake_at(ingest_->deadline());
  events_.on_appended_by_timer();
}

void HttpPublisher::on_read_end(base::Error error) noexcept {
  if (is_over()) return;
  peer_ended_ = true;
  if (error) return finish(PublisherEnd::broken, error.message());
  const auto whole = body_.on_end();
  if (!whole) return finish(PublisherEnd::truncated, whole.error().message());
  finish(PublisherEnd::finished, "");
}

// The input is over: ends when the chunks that are left are appended.
void HttpPublisher::finish(PublisherEnd end_reason, const std::string& reason) noexcept {
  if (is_over()) return;
  const auto finished = ingest_->finish();
  pending_end_ = {end_reason, reason};
  if (!finished && end_reason == PublisherEnd::finished) {
    pending_end_ = {PublisherEnd::bad_media, finished.error().message()};
  }
  media_timer_.stop();
  tcp_->stop_reading();
  append_chunks(base::monotonic_now());
  if (!has_backlog_) end(pending_end_->end, pending_end_->reason);
}

void HttpPublisher::end(PublisherEnd end, const std::string& reason) noexcept {
  if (std::exchange(ended_, true)) return;
  static_cast<void>(ingest_->finish());
  append_chunks(base::monotonic_now());
  home_.set_tracks({ingest_->tracks().begin(), ingest_->tracks().end()});
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  media_timer_.stop();
  read_timer_.stop();
  events_.on_publisher_end(*this, end, reason);
}

}  // namespace session
