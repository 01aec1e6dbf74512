#include "relay/session/http_publisher.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/http_body/framing.hpp"

namespace session {

HttpPublisher::HttpPublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                             std::unique_ptr<loop::Tcp> tcp, Events& events, stream::Home& home,
                             media::Container container, http_body::Reader body, bool keep_alive)
    : id_(id),
      worker_(worker),
      events_(events),
      home_(home),
      tcp_(std::move(tcp)),
      body_(body),
      intake_(pool, home.account()),
      media_timer_(worker, loop::bind<&HttpPublisher::on_media_timer>(this)),
      read_timer_(worker, loop::bind<&HttpPublisher::on_read_timer>(this)),
      ahead_(home.stream().policy().publisher.ahead),
      started_(base::monotonic_now()),
      last_byte_(started_),
      keep_alive_(keep_alive) {
  ingest_ = make_ingest(container, home_, pool, home_.stream().log().end() > 0);
  tcp_->set_events(this);
}

void HttpPublisher::start(std::string_view received) noexcept {
  // The only payload that is copied on its way in: what came in one read with the head.
  behind_body_ = received;
  while (!received.empty() && !is_over() && !body_.done()) {
    const auto space = intake_.space();
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
  return {bytes_, chunks_, ingest_->dropped(), bytes_dropped_, ingest_->faults(), {}};
}

std::span<std::byte> HttpPublisher::read_space() noexcept {
  if (intake_.has_space() || events_.may_take_block(*this)) {
    if (const auto space = intake_.space()) {
      dropping_input_ = false;
      return *space;
    }
  }
  return dropping_input_ ? worker_.read_buffer() : std::span<std::byte>{};
}

void HttpPublisher::on_read(std::span<std::byte> bytes) noexcept {
  const base::Time now = base::monotonic_now();
  last_byte_ = now;
  if (!dropping_input_) intake_.on_received(bytes.size());
  read_body(bytes, now);
  if (is_over()) return;
  if (!dropping_input_) intake_.take_framing_back();
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
                                     : ingest_->feed(intake_.window(intake_.join_run(**run)), now);
    if (!fed) return finish(PublisherEnd::bad_media, fed.error().message());
  }
  if (body_.done()) {
    const auto rest = body_.rest();
    behind_body_.insert(0, reinterpret_cast<const char*>(rest.data()), rest.size());
  }
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
  if (count > 0) intake_.count_overhead();
  has_backlog_ = count >= chunks_per_turn_max && !ended_;
  if (!has_backlog_) return;
  tcp_->stop_reading();
  read_timer_.wake_at(now);
}

void HttpPublisher::append(stream::Chunk&& chunk, base::Time now) noexcept {
  chunk.http_image = http_body::find_framing(chunk.bytes, intake_.written());
  if (!chunk.http_image.empty()) {
    // What is moved together later must not come to lie on framing that is shared now.
    intake_.keep_until(chunk.http_image.data() + chunk.http_image.size());
  }
  intake_.charge(chunk);
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
  if (intake_.is_wait_over(now)) {
    begin_dropping();
    if (!has_backlog_) tcp_->start_reading();
    return;
  }
  paused_ = true;
  read_timer_.wake_at(now + std::chrono::milliseconds(10));
}

void HttpPublisher::on_freed() noexcept {
  if (ended_ || !intake_.is_waiting() || !paused_) return;
  read_timer_.stop();
  on_read_timer();
}

bool HttpPublisher::on_nothing_freed(bool is_beyond_share) noexcept {
  return !ended_ && is_beyond_share && intake_.stop_waiting_soon();
}

// What was read so far ends in the middle of a frame. Nothing that comes before the next keyframe
// can follow what the log has: that is let go too, and makes room for the keyframe.
void HttpPublisher::begin_dropping() noexcept {
  intake_.end_wait();
  events_.on_input_dropped(*this);
  ingest_->on_input_lost();
  append_chunks(base::monotonic_now());
  dropping_input_ = true;
  intake_.let_go();
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
