#include "relay/protocol/wire/publisher_session.hpp"

#include <utility>

#include "relay/base/assert.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/errc.hpp"

namespace wire {

void PublisherSession::on_message(base::Result<Message> message, base::Time now) {
  RELAY_ASSERT(outputs_.empty());
  if (is_closed()) return;
  last_message_ = now;
  base::Result<void> done;
  if (!message) {
    done = message.error();
  } else if (!std::holds_alternative<Chunk>(*message) && !allowance_.take(now)) {
    done = Errc::flood;
  } else {
    done = handle(*message, now);
  }
  if (!done) bye(reason_of(done.error()), {}, done.error().message());
}

base::Result<void> PublisherSession::handle(Message& message, base::Time now) {
  if (std::holds_alternative<Unknown>(message)) {
    ++counters_.unknown;
    return {};
  }
  if (const auto* bye = std::get_if<Bye>(&message)) {
    on_bye(*bye);
    return {};
  }
  if (state_ == State::opening) {
    auto* const hello = std::get_if<Hello>(&message);
    return hello != nullptr ? on_hello(*hello) : Errc::bad_order;
  }
  if (state_ == State::asking) return Errc::bad_order;
  if (auto* const chunk = std::get_if<Chunk>(&message)) return on_chunk(*chunk, now);
  if (auto* const tracks = std::get_if<Tracks>(&message)) return on_tracks(*tracks);
  if (const auto* gap = std::get_if<Gap>(&message)) return on_gap(*gap, now);
  return Errc::bad_order;
}

base::Result<void> PublisherSession::on_hello(Hello& hello) {
  if (!hello.stream.empty() && hello.stream != stream_) return Errc::wrong_stream;
  state_ = State::asking;
  hello_ = hello;
  outputs_.push(Join{std::move(hello)});
  return {};
}

void PublisherSession::accept(std::string token, const std::optional<Kept>& kept) {
  if (is_closed()) return;  // it left while the caller was asking around
  RELAY_ASSERT(state_ == State::asking);
  const std::uint64_t epoch = hello_.epoch;
  const bool goes_on = kept && kept->end.epoch == epoch;
  if (goes_on && kept->end.sequence > hello_.next_sequence) {
    // More of this epoch is here than it says it ever made: one number would name two contents.
    return refuse(ByeReason::bad_sequence, {}, describe(Errc::bad_sequence));
  }
  state_ = State::accepted;
  token_ = token.empty() ? std::move(hello_.token) : std::move(token);
  const bool is_held = goes_on && kept->from >= hello_.first_sequence;
  expected_ = {epoch, is_held ? kept->from : hello_.sync_sequence};
  outputs_.push(Send{write_message(Welcome{token_, expected_.sequence})});
  if (goes_on && kept->end.sequence < expected_.sequence) {
    ++counters_.gaps;
    outputs_.push(Lose{Gap{kept->end, expected_, {}, {}, GapReason::lost}});
  }
  if (hello_.tracks.version != 0) {
    tracks_ = std::move(hello_.tracks);
    outputs_.push(Announce{tracks_});
  }
  hello_ = {};
}

void PublisherSession::refuse(ByeReason reason, Milliseconds retry_after, std::string detail) {
  RELAY_ASSERT(is_closed() || state_ == State::asking);
  bye(reason, retry_after, std::move(detail));
}

base::Result<void> PublisherSession::on_tracks(Tracks& tracks) {
  if (tracks.version == tracks_.version) {
    if (tracks != tracks_) return Errc::bad_tracks_version;
    return {};
  }
  if (tracks.version == 0) return Errc::bad_track;
  tracks_ = tracks;
  outputs_.push(Announce{std::move(tracks)});
  return {};
}

base::Result<void> PublisherSession::on_chunk(Chunk& chunk, base::Time now) {
  if (chunk.position.epoch != expected_.epoch) return Errc::bad_sequence;
  if (chunk.position.sequence < expected_.sequence) {
    ++counters_.repeats;
    return {};
  }
  if (chunk.position != expected_) return Errc::bad_sequence;
  if (chunk.samples.empty()) return Errc::no_samples;
  if (const auto fits = check_chunk(chunk, tracks_); !fits) return fits.error();
  if (checksum_of(chunk.samples) != chunk.checksum) {
    ++counters_.checksum_errors;
    return Errc::bad_checksum;
  }
  ++counters_.chunks;
  expected_ = expected_.next();
  outputs_.push(Append{std::move(chunk)});
  change_ack(now);
  return {};
}

base::Result<void> PublisherSession::on_gap(const Gap& gap, base::Time now) {
  if (gap.from.epoch != expected_.epoch || gap.to.epoch != expected_.epoch ||
      gap.from.sequence > expected_.sequence) {
    return Errc::bad_sequence;
  }
  if (gap.to.sequence <= expected_.sequence) {
    ++counters_.repeats;
    return {};
  }
  ++counters_.gaps;
  Gap rest = gap;
  rest.from = expected_;
  expected_ = gap.to;
  outputs_.push(Lose{std::move(rest)});
  change_ack(now);
  return {};
}

void PublisherSession::on_bye(const Bye& bye) {
  if (is_accepted()) send_ack();
  state_ = State::closed;
  ack_at_.reset();
  outputs_.push(Close{bye.reason, bye.retry_after, bye.detail, true});
}

void PublisherSession::bye(ByeReason reason, Milliseconds retry_after, std::string detail) {
  if (is_closed()) return;
  if (is_accepted()) send_ack();
  state_ = State::closed;
  ack_at_.reset();
  outputs_.push(Send{write_message(Bye{reason, retry_after, detail})});
  outputs_.push(Close{reason, retry_after, std::move(detail), false});
}

void PublisherSession::on_durable(std::uint64_t sequence, base::Time now) {
  if (!is_accepted() || sequence <= durable_) return;
  durable_ = sequence;
  change_ack(now);
}

void PublisherSession::on_time(base::Time now) {
  if (ack_at_ && *ack_at_ <= now) send_ack();
}

void PublisherSession::change_ack(base::Time now) noexcept {
  if (!ack_at_) ack_at_ = now + ack_interval;
}

void PublisherSession::send_ack() {
  ack_at_.reset();
  outputs_.push(Send{write_message(Ack{expected_, {expected_.epoch, durable_}})});
}

}  // namespace wire
