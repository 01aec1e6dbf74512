#include "relay/session/media_intake.hpp"

#include <algorithm>
#include <utility>

#include "relay/protocol/http_body/framing.hpp"

namespace session {
namespace {

// The clock of the loop is a millisecond behind, at most, when nothing else is to be done.
constexpr base::Duration late_max = std::chrono::milliseconds(2);

}  // namespace

MediaIntake::MediaIntake(loop::Worker& worker, memory::BlockPool& pool, stream::Home& home,
                         Host& host)
    : worker_(worker),
      pool_(pool),
      home_(home),
      host_(host),
      intake_(pool, home.account()),
      media_timer_(worker, loop::bind<&MediaIntake::on_media_timer>(this)),
      read_timer_(worker, loop::bind<&MediaIntake::on_read_timer>(this)),
      ahead_(home.stream().policy().publisher.ahead) {}

void MediaIntake::begin(media::Container container) {
  ingest_ = make_ingest(container, home_, pool_, home_.stream().log().end() > 0);
}

PublisherCounts MediaIntake::counts() const {
  if (!ingest_) return {};
  return {bytes_, chunks_, ingest_->dropped(), bytes_dropped_, ingest_->faults(), {}};
}

std::span<const media::Track> MediaIntake::tracks() const {
  return ingest_ ? ingest_->tracks() : std::span<const media::Track>{};
}

std::span<std::byte> MediaIntake::read_space() noexcept {
  if (intake_.has_space() || host_.may_take_block()) {
    if (const auto space = intake_.space()) {
      is_dropping_input_ = false;
      return *space;
    }
  }
  return is_dropping_input_ ? worker_.read_buffer() : std::span<std::byte>{};
}

void MediaIntake::on_received(std::size_t count) noexcept {
  if (!is_dropping_input_) intake_.on_received(count);
}

base::Result<void> MediaIntake::feed(std::span<std::byte> run, base::Time now) {
  if (!is_dropping_input_) return feed(intake_.window(intake_.join_run(run)), now);
  bytes_ += run.size();
  bytes_dropped_ += run.size();
  return ingest_->lose(run);
}

base::Result<void> MediaIntake::feed(memory::Window run, base::Time now) {
  bytes_ += run.size();
  return ingest_->feed(std::move(run), now);
}

void MediaIntake::append_chunks(base::Time now) noexcept {
  if (!is_dropping_input_) intake_.take_framing_back();
  append_some(now);
  has_waited_ = false;
  media_timer_.wake_at(ingest_->deadline());
}

void MediaIntake::append_some(base::Time now) noexcept {
  const base::Utc arrival = base::utc_now();
  unsigned count = 0;
  while (count < chunks_per_turn_max || is_ended_) {
    auto chunk = ingest_->poll(now, arrival);
    if (!chunk) break;
    append(std::move(*chunk), now);
    ++count;
  }
  if (count > 0) intake_.count_overhead();
  has_backlog_ = count >= chunks_per_turn_max && !is_ended_;
  if (!has_backlog_) return;
  host_.stop_reading();
  read_timer_.wake_at(now);
}

void MediaIntake::append(stream::Chunk&& chunk, base::Time now) noexcept {
  chunk.http_image = http_body::find_framing(chunk.bytes, intake_.written());
  if (!chunk.http_image.empty()) {
    // What is moved together later must not come to lie on framing that is shared now.
    intake_.keep_until(chunk.http_image.data() + chunk.http_image.size());
  }
  intake_.charge(chunk);
  const base::Duration ahead = stream::to_duration(chunk.ahead);
  if (chunk.video_frames > 0) last_picture_ = now;
  home_.append(std::move(chunk));
  ++chunks_;
  if (ahead > ahead_) pause_until(now + (ahead - ahead_));
}

void MediaIntake::pause_until(base::Time due) noexcept {
  is_paused_ = true;
  resume_at_ = due;
  host_.stop_reading();
  read_timer_.wake_at(due);
}

void MediaIntake::on_no_space() noexcept {
  const base::Time now = base::monotonic_now();
  // Of a publisher whose container is not known yet there is nothing to drop.
  if (ingest_ && intake_.is_wait_over(now)) {
    begin_dropping();
    if (!has_backlog_) host_.start_reading();
    return;
  }
  is_paused_ = true;
  read_timer_.wake_at(now + std::chrono::milliseconds(10));
}

void MediaIntake::on_freed() noexcept {
  if (is_ended_ || !intake_.is_waiting() || !is_paused_) return;
  read_timer_.stop();
  on_read_timer();
}

bool MediaIntake::on_nothing_freed(bool is_beyond_share) noexcept {
  return !is_ended_ && is_beyond_share && intake_.stop_waiting_soon();
}

// What was read so far ends in the middle of a frame. Nothing that comes before the next keyframe
// can follow what the log has: that is let go too, and makes room for the keyframe.
void MediaIntake::begin_dropping() noexcept {
  intake_.end_wait();
  host_.on_input_dropped();
  ingest_->on_input_lost();
  append_some(base::monotonic_now());
  is_dropping_input_ = true;
  intake_.let_go();
  home_.let_tail_go();
}

void MediaIntake::on_read_timer() noexcept {
  const base::Time now = base::monotonic_now();
  if (has_backlog_) {
    append_some(now);
    host_.on_appended_by_timer();
    if (has_backlog_) return;
  }
  if (is_finished_) return host_.on_all_appended();
  if (now < resume_at_) return read_timer_.wake_at(resume_at_);
  is_paused_ = false;
  host_.start_reading();
}

// After a turn of the loop that took long its timers come before what has arrived meanwhile is
// read: perhaps nobody was silent, and what there is gets one more turn.
void MediaIntake::on_media_timer() noexcept {
  const base::Time now = base::monotonic_now();
  const auto due = ingest_->deadline();
  const bool is_late = due && now > *due + late_max;
  if (is_late && !std::exchange(has_waited_, true)) return media_timer_.wake_at(now);
  has_waited_ = false;
  ingest_->on_time(now);
  append_some(now);
  media_timer_.wake_at(ingest_->deadline());
  host_.on_appended_by_timer();
}

base::Result<void> MediaIntake::finish() noexcept {
  is_finished_ = true;
  if (!ingest_) return {};
  const auto finished = ingest_->finish();
  media_timer_.stop();
  read_timer_.stop();
  append_some(base::monotonic_now());
  return finished;
}

void MediaIntake::end() noexcept {
  if (std::exchange(is_ended_, true)) return;
  media_timer_.stop();
  read_timer_.stop();
  if (!ingest_) return;
  static_cast<void>(ingest_->finish());
  append_some(base::monotonic_now());
  home_.set_tracks({ingest_->tracks().begin(), ingest_->tracks().end()});
}

}  // namespace session
