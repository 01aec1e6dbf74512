#include "relay/protocol/wire/player_session.hpp"

#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/wire/errc.hpp"

namespace wire {

void PlayerSession::on_message(base::Result<Message> message, base::Time now) {
  RELAY_ASSERT(outputs_.empty());
  if (is_closed()) return;
  base::Result<void> done;
  if (!message) {
    done = message.error();
  } else if (!allowance_.take(now)) {
    done = Errc::flood;
  } else {
    done = handle(*message, now);
  }
  if (!done) bye(reason_of(done.error()), {}, done.error().message());
}

base::Result<void> PlayerSession::handle(Message& message, base::Time now) {
  if (std::holds_alternative<Unknown>(message)) return {};
  if (auto* const bye = std::get_if<Bye>(&message)) {
    close(Close{bye->reason, bye->retry_after, std::move(bye->detail), true});
    return {};
  }
  if (state_ == State::opening) {
    auto* const play = std::get_if<Play>(&message);
    if (play == nullptr) return Errc::bad_order;
    play_ = std::move(*play);
    find(0, now);
    return {};
  }
  if (const auto* seek = std::get_if<Seek>(&message)) {
    play_.start = seek->start;
    play_.speed = seek->speed;
    find(seek->request, now);
  } else if (std::holds_alternative<Pause>(message)) {
    if (!std::exchange(paused_, true)) outputs_.push(Halt{});
  } else if (std::holds_alternative<Resume>(message)) {
    if (std::exchange(paused_, false)) outputs_.push(Continue{});
  } else {
    return Errc::bad_order;
  }
  return {};
}

void PlayerSession::find(std::uint32_t request, base::Time now) {
  state_ = State::finding;
  request_ = request;
  give_up_at_ = now + grace_;
  outputs_.push(Find{play_.start});
}

void PlayerSession::found(const Place& place, base::Utc now, std::string token) {
  if (is_closed()) return;  // it left while the caller was looking
  RELAY_ASSERT(state_ == State::finding);
  state_ = State::playing;
  give_up_at_.reset();
  if (!token.empty()) play_.token = std::move(token);
  outputs_.push(
      Send{write_message(Playing{play_.token, place.tracks, place.start, now, request_})});
  const auto* const cursor = std::get_if<Position>(&play_.start);
  if (cursor == nullptr || *cursor == place.start) return;
  const bool is_same_epoch = cursor->epoch == place.start.epoch;
  RELAY_ASSERT(!is_same_epoch || cursor->sequence < place.start.sequence);
  if (is_same_epoch && play_.speed > speed_normal) return;
  gap(Gap{*cursor, place.start, {}, place.start_utc, place.reason});
}

void PlayerSession::gap(const Gap& gap) {
  RELAY_ASSERT(state_ == State::playing);
  outputs_.push(Send{write_message(gap)});
}

void PlayerSession::tracks(const Tracks& tracks) {
  RELAY_ASSERT(state_ == State::playing);
  outputs_.push(Send{write_message(tracks)});
}

void PlayerSession::bye(ByeReason reason, Milliseconds retry_after, std::string detail) {
  if (is_closed()) return;
  outputs_.push(Send{write_message(Bye{reason, retry_after, detail})});
  close(Close{reason, retry_after, std::move(detail), false});
}

void PlayerSession::close(Close close) {
  state_ = State::closed;
  give_up_at_.reset();
  outputs_.push(std::move(close));
}

void PlayerSession::on_time(base::Time now) {
  if (give_up_at_ && *give_up_at_ <= now) {
    bye(ByeReason::not_found, {}, "the position did not come in time");
  }
}

}  // namespace wire
