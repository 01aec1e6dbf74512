#include "relay/session/wire_publisher.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/wire/reader.hpp"
#include "relay/session/wire_connection.hpp"

namespace session {
namespace {

wire::ByeReason bye_reason_of(PublisherEnd end) noexcept {
  switch (end) {
    case PublisherEnd::replaced:
      return wire::ByeReason::replaced;
    case PublisherEnd::drain:
      return wire::ByeReason::drain;
    case PublisherEnd::memory:
      return wire::ByeReason::overload;
    case PublisherEnd::revoked:
      return wire::ByeReason::bad_token;
    default:
      return wire::ByeReason::unspecified;
  }
}

// Another epoch than the log's newest chunk has goes on behind it at the next sync chunk.
bool begins_anew(stream::Home& home, std::uint64_t epoch) {
  return !home.stream().log().empty() && !home.continues(epoch);
}

}  // namespace

WirePublisher::WirePublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                             std::unique_ptr<WireLink> link, Events& events, stream::Home& home,
                             wire::Hello hello)
    : id_(id),
      events_(events),
      home_(home),
      link_(std::move(link)),
      peer_(link_->tcp().peer()),
      session_(home.stream().path(), base::monotonic_now()),
      hello_(std::move(hello)),
      intake_(pool, home.account()),
      ingest_(home, begins_anew(home, hello_.epoch), hello_.next_sequence, base::monotonic_now()),
      ack_timer_(worker, loop::bind<&WirePublisher::on_ack_timer>(this)),
      read_timer_(worker, loop::bind<&WirePublisher::on_read_timer>(this)),
      started_(base::monotonic_now()),
      last_byte_(started_) {
  link_->set_events(this);
  const auto& policy = home.stream().policy().publisher;
  link_->set_patience(
      {policy.idle, policy.idle + std::max(policy.grace, WireLink::ping_wait_least)});
}

WirePublisher::~WirePublisher() {
  if (link_) link_->set_events(nullptr);
}

void WirePublisher::start(std::string token) noexcept {
  const std::uint64_t epoch = hello_.epoch;
  if (begins_anew(home_, epoch)) home_.on_new_publisher();
  session_.on_message(wire::Message(std::exchange(hello_, {})), started_);
  const auto join = session_.poll();
  RELAY_ASSERT(join && std::holds_alternative<wire::PublisherSession::Join>(*join));
  session_.accept(std::move(token), home_.kept(epoch));
  // In the middle of what came with the first message: that goes on in our blocks.
  const auto rest = link_->take_rest();
  early_.assign(reinterpret_cast<const char*>(rest.data()), rest.size());
  drain();
  if (ended_) return;
  link_->start_reading();
  link_->resume_parsing();
}

PublisherCounts WirePublisher::counts() const {
  return {bytes_, chunks_, ingest_.dropped(), 0, ingest_.faults(), session_.counters()};
}

std::span<std::byte> WirePublisher::read_space() noexcept {
  if (!intake_.has_space() && !events_.may_take_block(*this)) return {};
  const auto space = intake_.space();
  return space ? *space : std::span<std::byte>{};
}

void WirePublisher::on_received(std::size_t count) noexcept {
  last_byte_ = base::monotonic_now();
  messages_in_turn_ = 0;
  intake_.on_received(count);
}

void WirePublisher::on_part(const websocket::Part& part) noexcept {
  if (ended_) return;
  bytes_ += part.bytes.size();
  message_.push_back(intake_.window(intake_.join_run(part.bytes, part.begins)));
  if (!part.ends) return;
  on_message(wire::read_message(std::exchange(message_, {})));
  if (ended_ || ++messages_in_turn_ < messages_per_turn_max) return;
  pause_until(base::monotonic_now());
}

void WirePublisher::on_message(base::Result<wire::Message> message) noexcept {
  session_.on_message(std::move(message), last_byte_);
  drain();
}

void WirePublisher::on_parsed() noexcept {
  if (ended_) return;
  intake_.take_framing_back();
  receive_early();
}

// The only payload that is copied on its way in: what came in one read with the first message.
void WirePublisher::receive_early() noexcept {
  if (early_.empty()) return;
  const auto space = intake_.space();
  if (!space) return end(PublisherEnd::memory, "memory.arena is full");
  const std::size_t count = std::min(space->size(), early_.size());
  std::memcpy(space->data(), early_.data(), count);
  early_.erase(0, count);
  on_received(count);
  link_->feed(space->first(count));
}

void WirePublisher::drain() noexcept {
  while (!ended_) {
    auto output = session_.poll();
    if (!output) break;
    if (auto* chunk = std::get_if<wire::PublisherSession::Append>(&*output)) {
      append(std::move(chunk->chunk));
    } else if (const auto* send = std::get_if<wire::Send>(&*output)) {
      link_->send(send->message);
    } else if (const auto* announce = std::get_if<wire::PublisherSession::Announce>(&*output)) {
      ingest_.set_tracks(announce->tracks);
      home_.set_tracks({ingest_.tracks().begin(), ingest_.tracks().end()});
    } else if (const auto* lose = std::get_if<wire::PublisherSession::Lose>(&*output)) {
      ingest_.on_gap(lose->gap);
    } else if (const auto* close = std::get_if<wire::Close>(&*output)) {
      on_close(*close);
    }
  }
  if (!ended_) ack_timer_.wake_at(session_.deadline());
}

void WirePublisher::append(wire::Chunk chunk) noexcept {
  auto taken = ingest_.take(std::move(chunk), last_byte_, base::utc_now());
  if (!taken) return;
  intake_.charge(*taken);
  home_.append(std::move(*taken));
  intake_.count_overhead();
  ++chunks_;
  const base::Duration excess = ingest_.ahead() - home_.stream().policy().publisher.ahead;
  if (excess > base::Duration::zero()) pause_until(last_byte_ + excess);
}

void WirePublisher::pause_until(base::Time due) noexcept {
  paused_ = true;
  resume_at_ = std::max(resume_at_, due);
  link_->pause_parsing();
  link_->stop_reading();
  read_timer_.wake_at(resume_at_);
}

void WirePublisher::on_read_timer() noexcept {
  const base::Time now = base::monotonic_now();
  if (now < resume_at_) return read_timer_.wake_at(resume_at_);
  const std::uint64_t chunks = chunks_;
  paused_ = false;
  messages_in_turn_ = 0;
  link_->resume_parsing();
  if (chunks_ > chunks) events_.on_appended_by_timer();
  if (!ended_ && !paused_) link_->start_reading();
}

void WirePublisher::on_no_space() noexcept {
  const base::Time now = base::monotonic_now();
  if (intake_.is_wait_over(now)) return end(PublisherEnd::memory, "memory.arena is full");
  paused_ = true;
  read_timer_.wake_at(now + std::chrono::milliseconds(10));
}

void WirePublisher::on_freed() noexcept {
  if (ended_ || !intake_.is_waiting() || !paused_) return;
  read_timer_.stop();
  on_read_timer();
}

bool WirePublisher::on_nothing_freed(bool is_beyond_share) noexcept {
  return !ended_ && is_beyond_share && intake_.stop_waiting_soon();
}

void WirePublisher::on_ack_timer() noexcept {
  session_.on_time(base::monotonic_now());
  drain();
}

void WirePublisher::on_durable(wire::Position end) noexcept {
  if (ended_ || end.epoch != session_.expected().epoch) return;
  session_.on_durable(end.sequence, base::monotonic_now());
  drain();
}

void WirePublisher::on_time(base::Time now) noexcept {
  if (!ended_) link_->on_time(now);
}

void WirePublisher::end(PublisherEnd end, const std::string& reason) noexcept {
  if (ended_ || pending_end_) return;
  pending_end_ = end;
  pending_reason_ = reason;
  const auto retry_after =
      end == PublisherEnd::memory ? overload_retry : wire::Milliseconds::zero();
  session_.bye(bye_reason_of(end), retry_after, reason);
  drain();
}

void WirePublisher::on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept {
  session_.bye(reason, {}, detail);
  drain();
}

// Nothing more comes from the session.
void WirePublisher::on_close(const wire::Close& close) noexcept {
  if (close.by_peer) {
    link_->close(websocket::CloseCode::normal);
    const bool is_over = close.reason == wire::ByeReason::ended;
    return conclude(is_over ? PublisherEnd::finished : PublisherEnd::broken,
                    is_over ? std::string() : std::string("Bye ") + name_of(close.reason));
  }
  said_bye_ = close.reason;
  link_->close(close_code_of(close.reason));
  if (pending_end_) return conclude(*pending_end_, pending_reason_);
  conclude(PublisherEnd::bad_message, std::string(name_of(close.reason)) + ": " + close.detail);
}

void WirePublisher::on_lost(const std::string& detail) noexcept {
  if (ended_) return;
  conclude(pending_end_.value_or(PublisherEnd::broken), pending_end_ ? pending_reason_ : detail);
}

void WirePublisher::conclude(PublisherEnd end, const std::string& reason) noexcept {
  if (std::exchange(ended_, true)) return;
  message_.clear();
  early_.clear();
  intake_.let_go();
  ack_timer_.stop();
  read_timer_.stop();
  events_.on_publisher_end(*this, end, reason);
}

std::unique_ptr<WireLink> WirePublisher::take_link() noexcept { return std::move(link_); }

}  // namespace session
