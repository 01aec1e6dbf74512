#include "relay/protocol/wire/camera.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/memory/errc.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/errc.hpp"

namespace wire {
namespace {

base::Result<void> check_limits(const std::vector<media::Sample>& samples) noexcept {
  if (samples.empty()) return Errc::no_samples;
  if (samples.size() > samples_max) return Errc::too_many_samples;
  std::uint64_t bytes = 0;
  for (const media::Sample& sample : samples) bytes += sample.payload.bytes();
  if (bytes > payload_bytes_max) return Errc::payload_too_large;
  return {};
}

}  // namespace

Camera::Camera(Settings settings, std::uint64_t epoch, Spill* spill)
    : settings_(std::move(settings)),
      epoch_(epoch),
      keep_(settings_.keep, spill),
      tracks_(std::make_shared<const Tracks>()) {
  RELAY_ASSERT(epoch != 0);
}

void Camera::set_tracks(std::vector<Track> tracks) {
  RELAY_ASSERT(tracks.size() <= tracks_max);
  if (tracks_->version != 0 && tracks == tracks_->tracks) return;
  Tracks next{tracks_->version + 1, std::move(tracks)};
  tracks_ = std::make_shared<const Tracks>(std::move(next));
}

base::Result<Position> Camera::add(Content content, base::Time now) {
  RELAY_ASSERT(tracks_->version != 0);
  if (const auto fits = check_limits(content.samples); !fits) return fits.error();
  if (std::exchange(is_skipping_, false)) leave_out_number(now);
  Chunk chunk;
  chunk.position = end();
  chunk.utc = content.utc;
  chunk.sync = content.sync;
  chunk.discontinuity = content.discontinuity;
  chunk.segment = content.segment;
  chunk.part = content.part;
  chunk.tracks_version = tracks_->version;
  chunk.samples = std::move(content.samples);
  chunk.checksum = checksum_of(chunk.samples);
  ++counters_.chunks;
  const Position position = chunk.position;
  keep_.push({std::move(chunk), tracks_, now});
  counters_.lost += keep_.trim(acknowledged_, now);
  return position;
}

// In the keep it is a chunk without samples, which no camera makes.
void Camera::leave_out_number(base::Time now) {
  if (keep_.end() == keep_.first()) return;
  const Chunk& last = keep_.at(keep_.end() - 1).chunk;
  Chunk hole;
  hole.position = end();
  hole.utc = last.utc;
  ++counters_.skipped;
  keep_.push({std::move(hole), tracks_, now});
}

void Camera::on_connected() {
  outputs_.clear();
  state_ = State::hello;
}

void Camera::on_disconnected() noexcept {
  outputs_.clear();
  state_ = State::away;
}

void Camera::on_message(base::Result<Message> message) {
  if (state_ == State::away || state_ == State::closed) return;
  const base::Result<void> done = message ? handle(*message) : base::Result<void>(message.error());
  if (done) return;
  const Bye bye{reason_of(done.error()), {}, done.error().message()};
  outputs_.push(Send{write_message(bye)});
  close(Close{bye.reason, {}, bye.detail, false});
}

base::Result<void> Camera::handle(const Message& message) {
  if (std::holds_alternative<Unknown>(message)) return {};
  if (const auto* bye = std::get_if<Bye>(&message)) {
    close(Close{bye->reason, bye->retry_after, bye->detail, true});
    return {};
  }
  if (const auto* welcome = std::get_if<Welcome>(&message)) return on_welcome(*welcome);
  if (const auto* ack = std::get_if<Ack>(&message)) return on_ack(*ack);
  return Errc::bad_order;
}

base::Result<void> Camera::on_welcome(const Welcome& welcome) {
  if (state_ != State::waiting) return Errc::bad_order;
  if (welcome.next_sequence < hello_first_ || welcome.next_sequence > hello_next_) {
    return Errc::bad_sequence;
  }
  state_ = State::welcome;
  token_ = welcome.token;
  next_ = welcome.next_sequence;
  // A relay that lost its memory has less than one before it acknowledged.
  acknowledged_ = next_;
  durable_ = 0;
  ++counters_.welcomes;
  return {};
}

base::Result<void> Camera::on_ack(const Ack& ack) {
  if (state_ != State::welcome) return Errc::bad_order;
  if (ack.received.epoch != epoch_ || ack.received.sequence > next_) return Errc::bad_sequence;
  acknowledged_ = std::max(acknowledged_, ack.received.sequence);
  if (ack.durable.epoch == epoch_) {
    durable_ = std::max(durable_, std::min(ack.durable.sequence, acknowledged_));
  }
  return {};
}

std::optional<Camera::Output> Camera::poll() {
  if (auto output = outputs_.pop()) return output;
  if (state_ == State::hello) return make_hello();
  if (state_ != State::welcome) return std::nullopt;
  if (auto message = next_message()) return std::move(*message);
  if (!finishing_ || acknowledged_ != keep_.end()) return std::nullopt;
  outputs_.push(Send{write_message(Bye{ByeReason::ended, {}, {}})});
  close(Close{ByeReason::ended, {}, {}, false});
  return outputs_.pop();
}

Send Camera::make_hello() {
  state_ = State::waiting;
  hello_first_ = keep_.first();
  hello_next_ = keep_.end();
  const std::uint64_t sync = keep_.sync_from(hello_first_).value_or(hello_next_);
  const Tracks& tracks = sync < hello_next_ ? *keep_.at(sync).tracks : *tracks_;
  announced_ = tracks.version;
  return Send{write_message(
      Hello{settings_.stream, token_, epoch_, tracks, hello_first_, sync, hello_next_})};
}

std::optional<Send> Camera::next_message() {
  if (next_ < keep_.first()) return make_gap();
  if (next_ == keep_.end()) return std::nullopt;
  const Keep::Entry& entry = keep_.at(next_);
  if (entry.chunk.samples.empty()) return tell_skipped();
  if (entry.tracks->version != announced_) {
    announced_ = entry.tracks->version;
    return Send{write_message(*entry.tracks)};
  }
  return send_chunk();
}

std::optional<Send> Camera::send_chunk() {
  std::optional<Send> message;
  if (!keep_.is_spilled(next_)) {
    message = Send{write_message(keep_.at(next_).chunk)};
  } else if (const auto chunk = keep_.load(next_)) {
    message = Send{write_message(*chunk)};
  } else if (chunk.error() == memory::Errc::arena_full) {
    return std::nullopt;  // what was read before is still being sent
  } else {
    counters_.lost += keep_.lose_spilled(acknowledged_);
    return make_gap();
  }
  ++counters_.sent;
  if (next_ < next_ever_) ++counters_.repeated;
  next_ever_ = std::max(next_ever_, ++next_);
  return message;
}

// The chunk behind it came into the keep together with it.
Send Camera::tell_skipped() {
  const Position from{epoch_, next_};
  next_ever_ = std::max(next_ever_, ++next_);
  return Send{write_message(Gap{from,
                                {epoch_, next_},
                                keep_.at(from.sequence).chunk.utc,
                                keep_.at(next_).chunk.utc,
                                GapReason::lost})};
}

// What the relay wants is not kept any more. It goes on at a sync chunk, as soon as there is one.
std::optional<Send> Camera::make_gap() {
  auto to = keep_.sync_from(keep_.first());
  if (!to && finishing_) to = keep_.end();
  if (!to) return std::nullopt;
  Gap gap{{epoch_, next_}, {epoch_, *to}, {}, {}, GapReason::lost};
  if (*to < keep_.end()) gap.to_utc = keep_.at(*to).chunk.utc;
  next_ = *to;
  next_ever_ = std::max(next_ever_, next_);
  return Send{write_message(gap)};
}

void Camera::close(Close close) {
  state_ = State::closed;
  outputs_.push(std::move(close));
}

}  // namespace wire
