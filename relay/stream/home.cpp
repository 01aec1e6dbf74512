#include "relay/stream/home.hpp"

#include <algorithm>
#include <utility>

namespace stream {
namespace {

base::Utc::duration media_duration(MediaTime ticks) noexcept {
  return std::chrono::duration_cast<base::Utc::duration>(to_duration(ticks));
}

std::optional<media::Timeline::Past> timeline_of(const std::optional<Past>& past) noexcept {
  if (!past) return std::nullopt;
  return media::Timeline::Past{past->end, past->end_time};
}

}  // namespace

Home::Home(std::string path, const PathPolicy& policy, Fanout& fanout, memory::BlockPool& pool,
           std::uint64_t epoch, base::Utc now, const std::optional<Past>& past)
    : account_(pool.open_account()),
      stream_(std::make_unique<Stream>(std::move(path), policy, fanout, pool, 0)),
      epoch_(past && past->reserved.epoch != 0 ? past->reserved.epoch : epoch),
      reserved_(past ? past->reserved.sequence : 0),
      past_(past),
      timeline_(now, timeline_of(past)),
      // Segment numbers of an epoch begin with its UTC second, so they never go back.
      segment_(static_cast<std::uint32_t>(
          std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count())) {
  if (!past) return;
  segment_ = std::max(segment_, past->segment + 1);
  discontinuity_ = past->discontinuity;
}

Home::~Home() = default;

void Home::append(Chunk&& chunk) {
  chunk.sequence = next_sequence_++;
  set_position(chunk);
  set_segment(chunk);
  if (tap_ != nullptr) tap_->on_append(chunk);
  stream_->append(std::move(chunk));
  // There may be thousands of streams on a worker: only those with news are looked at.
  if (changed_ != nullptr && !subscriptions_.empty() && !std::exchange(is_changed_, true)) {
    changed_->push_back(this);
  }
}

// Over the wire the publisher numbers; for all others a chunk is called by its place in the log.
void Home::set_position(Chunk& chunk) noexcept {
  if (chunk.position.epoch == 0) chunk.position = {epoch_, reserved_ + chunk.sequence};
  if (past_) leave_past(chunk);
  const auto reason = std::exchange(gap_, wire::GapReason::unspecified);
  const StreamLog& log = stream_->log();
  chunk.gap = wire::GapReason::unspecified;
  const bool is_behind_reserve = chunk.sequence == 0 && reserved_ > 0;
  if (is_behind_reserve && chunk.position.epoch == epoch_) chunk.gap = wire::GapReason::restart;
  if (log.empty() || log.newest().position.next() == chunk.position) return;
  if (!continues(chunk.position.epoch)) {
    chunk.gap = wire::GapReason::publisher;
  } else {
    chunk.gap = reason == wire::GapReason::unspecified ? wire::GapReason::lost : reason;
  }
}

// Only its own publisher goes on where the past stopped.
void Home::leave_past(const Chunk& next) noexcept {
  const std::uint64_t epoch = next.position.epoch;
  const bool goes_on = epoch == past_->next.epoch && epoch != epoch_;
  if (!started_ && !goes_on) ++discontinuity_;
  if (goes_on) past_.reset();
}

void Home::set_segment(Chunk& chunk) noexcept {
  if (chunk.segment != 0) {
    // Whoever leaves the numbers to us goes on behind these.
    segment_ = std::max(segment_, chunk.segment);
    part_ = chunk.part;
    discontinuity_ = std::max(discontinuity_, chunk.discontinuity);
    segment_start_ = part_start_ = chunk.time;
    started_ = segment_due_ = true;
    return;
  }
  if (!started_) {
    started_ = true;
    segment_start_ = part_start_ = chunk.time;
  } else if (chunk.sync &&
             (segment_due_ || to_duration(chunk.time - segment_start_) >= segment_min)) {
    segment_due_ = false;
    ++segment_;
    part_ = 0;
    segment_start_ = part_start_ = chunk.time;
  } else if (to_duration(chunk.time - part_start_) >= part_min) {
    ++part_;
    part_start_ = chunk.time;
  }
  chunk.segment = segment_;
  chunk.part = part_;
  chunk.discontinuity = discontinuity_;
}

void Home::on_gap(wire::GapReason reason) noexcept {
  gap_ = reason;
  if (tap_ != nullptr) tap_->on_gap(reason);
  on_discontinuity();
}

bool Home::continues(std::uint64_t epoch) const noexcept {
  const StreamLog& log = stream_->log();
  return !log.empty() && log.newest().position.epoch == epoch;
}

std::optional<Past> Home::present() const noexcept {
  const StreamLog& log = stream_->log();
  if (log.empty()) return std::nullopt;
  const Chunk& newest = log.newest();
  const wire::Position next = newest.position.next();
  const MediaTime end = std::max(timeline_.end(), newest.time);
  Past present{next,
               next.sequence,
               end,
               newest.utc + media_duration(end - newest.time),
               end,
               segment_,
               discontinuity_,
               false,
               {}};
  const auto sync = log.newest_sync();
  if (sync && log.at(*sync).position.epoch == next.epoch) {
    present.last_sync = log.at(*sync).position.sequence;
    present.last_sync_time = log.at(*sync).time;
  }
  return present;
}

std::optional<wire::Kept> Home::kept(std::uint64_t epoch) const noexcept {
  const StreamLog& log = stream_->log();
  for (std::uint64_t sequence = log.end(); sequence > log.first(); --sequence) {
    const wire::Position position = log.at(sequence - 1).position;
    if (position.epoch == epoch) return wire::Kept{position.next(), position.sequence + 1};
  }
  if (!past_ || past_->next.epoch != epoch) return std::nullopt;
  // The log is to begin with a sync chunk: what came behind that one comes again.
  return wire::Kept{past_->next, past_->is_kept ? past_->last_sync : 0};
}

bool Home::resume(wire::Position position, base::Utc utc) noexcept {
  if (!past_ || position.epoch != past_->next.epoch) return false;
  std::optional<MediaTime> time;
  if (position.sequence == past_->last_sync) {
    time = past_->last_sync_time;
  } else if (!past_->is_kept) {
    time = past_->end_time + to_media_time(utc - past_->end);
  }
  timeline_.resume_at(utc, time);
  return true;
}

void Home::on_discontinuity() noexcept {
  ++discontinuity_;
  segment_due_ = true;
}

void Home::let_tail_go() {
  if (stream_->log().empty()) return;
  const std::uint64_t newest = stream_->log().end() - 1;
  stream_->drop_before(newest);
  for (const Subscription& subscription : subscriptions_) {
    subscription.mailbox->post_action(
        [host = subscription.host, path = stream_->path(), epoch = epoch_, newest]() noexcept {
          host->on_replica_cut(path, epoch, newest);
        });
  }
}

void Home::subscribe(unsigned worker, loop::Mailbox& mailbox, ReplicaHost& host) {
  unsubscribe(worker);
  auto& subscription = subscriptions_.emplace_back(
      Subscription{worker, &mailbox, &host, 0, std::make_shared<ReplicaProgress>(), 0, false});
  send(subscription, true);
}

void Home::unsubscribe(unsigned worker) {
  std::erase_if(subscriptions_, [worker](const Subscription& s) { return s.worker == worker; });
}

bool Home::update_replicas() {
  const StreamLog& log = stream_->log();
  is_changed_ = false;
  for (Subscription& subscription : subscriptions_) {
    if (subscription.sent == log.end()) continue;
    const auto read_until = subscription.progress->read_until.load(std::memory_order_acquire);
    // More than the tail behind: what is under way would pin blocks that no log holds any more.
    if (std::max(read_until, subscription.seeded_from) < log.first()) subscription.lost = true;
    if (!subscription.lost) {
      send(subscription, false);
    } else if (read_until == subscription.sent) {
      subscription.lost = false;
      send(subscription, true);
    } else {
      is_changed_ = true;
    }
  }
  return !is_changed_;
}

void Home::send(Subscription& subscription, bool seed) {
  const StreamLog& log = stream_->log();
  const std::uint64_t from = seed ? log.first() : std::max(subscription.sent, log.first());
  if (seed) subscription.seeded_from = from;
  ReplicaUpdate update{stream_->path(), epoch_, seed, from, {}, subscription.progress};
  update.chunks.reserve(static_cast<std::size_t>(log.end() - from));
  for (std::uint64_t sequence = from; sequence < log.end(); ++sequence) {
    update.chunks.emplace_back(log.at(sequence));
  }
  subscription.sent = log.end();
  subscription.mailbox->post_action(
      [host = subscription.host, sent = std::move(update)]() mutable noexcept {
        host->on_replica_update(std::move(sent));
      });
}

void Home::end_replicas() {
  for (const Subscription& subscription : subscriptions_) {
    subscription.mailbox->post_action(
        [host = subscription.host, path = stream_->path(), epoch = epoch_,
         is_lost = stream_->is_lost()]() noexcept { host->on_replica_end(path, epoch, is_lost); });
  }
  subscriptions_.clear();
}

}  // namespace stream
