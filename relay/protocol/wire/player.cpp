#include "relay/protocol/wire/player.hpp"

#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/errc.hpp"
#include "relay/protocol/wire/rules.hpp"

namespace wire {

void Player::on_connected() {
  outputs_.clear();
  state_ = State::waiting;
  request_ = 0;
  // Who has got nothing yet begins as it was told to: live is now, not when it tried first.
  const Start start = cursor_ ? Start(*cursor_) : settings_.start;
  send(Play{start, settings_.until, settings_.slow, settings_.max_lag, settings_.flush, token_,
            settings_.speed});
  if (paused_) send(Pause{});
}

void Player::on_disconnected() noexcept {
  outputs_.clear();
  state_ = State::away;
}

void Player::on_message(base::Result<Message> message) {
  RELAY_ASSERT(outputs_.empty());
  if (state_ == State::away || state_ == State::closed) return;
  const base::Result<void> done = message ? handle(*message) : base::Result<void>(message.error());
  if (!done) fail(done.error());
}

base::Result<void> Player::handle(Message& message) {
  if (std::holds_alternative<Unknown>(message)) return {};
  if (auto* const bye = std::get_if<Bye>(&message)) {
    close(Close{bye->reason, bye->retry_after, std::move(bye->detail), true});
    return {};
  }
  if (auto* const playing = std::get_if<Playing>(&message)) {
    on_playing(*playing);
    return {};
  }
  auto* const chunk = std::get_if<Chunk>(&message);
  auto* const tracks = std::get_if<Tracks>(&message);
  const auto* const gap = std::get_if<Gap>(&message);
  if (chunk == nullptr && tracks == nullptr && gap == nullptr) return Errc::bad_order;
  // After a Seek the old position goes on until the relay has heard of it.
  if (state_ == State::waiting) return request_ > 0 ? base::Result<void>() : Errc::bad_order;
  if (chunk != nullptr) return on_chunk(*chunk);
  if (tracks != nullptr) on_tracks(*tracks, expected_.epoch);
  if (gap != nullptr) on_gap(*gap);
  return {};
}

void Player::on_playing(Playing& playing) {
  if (state_ != State::waiting || playing.request != request_) return;  // of a Seek before the last
  state_ = State::playing;
  token_ = std::move(playing.token);
  const bool resumed = cursor_.has_value();
  if (resumed) ++counters_.resumes;
  expected_ = resumed ? *cursor_ : playing.start;
  outputs_.push(Began{expected_, playing.utc, resumed});
  on_tracks(playing.tracks, playing.start.epoch);
}

void Player::on_tracks(Tracks& tracks, std::uint64_t epoch) {
  tracks_epoch_ = epoch;
  if (tracks == tracks_) return;
  tracks_ = tracks;
  outputs_.push(Announce{std::move(tracks)});
}

bool Player::is_behind(Position position) const noexcept {
  return position.epoch == expected_.epoch && position.sequence < expected_.sequence;
}

// Who plays faster gets sync chunks, and nothing about what is between them.
bool Player::may_come_next(const Chunk& chunk) const noexcept {
  if (chunk.position == expected_) return true;
  return settings_.speed > speed_normal && chunk.sync && chunk.position.epoch == expected_.epoch;
}

base::Result<void> Player::on_chunk(Chunk& chunk) {
  if (is_behind(chunk.position)) {
    ++counters_.repeats;
    return {};
  }
  if (!may_come_next(chunk)) {
    if (asks_again()) return Errc::bad_sequence;
    lose(Gap{expected_, chunk.position, {}, chunk.utc, GapReason::unexplained});
  }
  if (const auto fits = check_chunk(chunk, tracks_); !fits) return fits.error();
  if (checksum_of(chunk.samples) != chunk.checksum) {
    ++counters_.checksum_errors;
    if (asks_again()) return Errc::bad_checksum;
    lose(Gap{chunk.position, chunk.position.next(), chunk.utc, {}, GapReason::corrupt});
    return {};
  }
  ++counters_.chunks;
  last_utc_ = chunk.utc;
  expected_ = chunk.position.next();
  cursor_ = expected_;
  outputs_.push(Deliver{std::move(chunk)});
  return {};
}

// What is damaged or missing is asked for again, once, over a new connection. Then it is given up,
// so that what is wrong at the relay does not end everything.
bool Player::asks_again() noexcept {
  cursor_ = expected_;
  if (asked_again_ == expected_) return false;
  asked_again_ = expected_;
  return true;
}

void Player::on_gap(const Gap& gap) {
  if (gap.to == expected_ || is_behind(gap.to)) return;  // known
  lose(gap);
}

void Player::lose(Gap gap) {
  gap.from = expected_;
  if (!gap.from_utc) gap.from_utc = last_utc_;
  // Versions count within an epoch, so the same one may mean something else.
  if (gap.to.epoch != tracks_epoch_) tracks_ = {};
  ++counters_.gaps;
  expected_ = gap.to;
  cursor_ = expected_;
  outputs_.push(Lose{std::move(gap)});
}

void Player::seek(Start start, std::uint32_t speed) {
  settings_.start = start;
  settings_.speed = speed;
  cursor_.reset();
  last_utc_.reset();
  if (state_ == State::away || state_ == State::closed) return;
  state_ = State::waiting;
  send(Seek{start, ++request_, speed});
}

void Player::pause() {
  if (std::exchange(paused_, true)) return;
  if (state_ == State::waiting || state_ == State::playing) send(Pause{});
}

void Player::resume() {
  if (!std::exchange(paused_, false)) return;
  if (state_ == State::waiting || state_ == State::playing) send(Resume{});
}

void Player::leave() {
  if (state_ == State::away || state_ == State::closed) return;
  send(Bye{});
  close(Close{});
}

void Player::fail(const base::Error& error) {
  const Bye bye{reason_of(error), {}, error.message()};
  send(bye);
  close(Close{bye.reason, {}, bye.detail, false});
}

void Player::close(Close close) {
  state_ = State::closed;
  outputs_.push(std::move(close));
}

}  // namespace wire
