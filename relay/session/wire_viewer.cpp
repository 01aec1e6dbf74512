#include "relay/session/wire_viewer.hpp"

#include <algorithm>
#include <utility>

#include "relay/session/wire_connection.hpp"

namespace session {
namespace {

wire::ByeReason bye_reason_of(ViewerEnd end) noexcept {
  switch (end) {
    case ViewerEnd::stream_end:
      return wire::ByeReason::ended;
    case ViewerEnd::until:
      return wire::ByeReason::until;
    case ViewerEnd::slow:
      return wire::ByeReason::too_slow;
    case ViewerEnd::drain:
      return wire::ByeReason::drain;
    case ViewerEnd::not_found:
      return wire::ByeReason::not_found;
    case ViewerEnd::revoked:
      return wire::ByeReason::bad_token;
    default:
      return wire::ByeReason::unspecified;
  }
}

// Where the reason alone does not say it.
const char* detail_of(ViewerEnd end) noexcept {
  if (end == ViewerEnd::revoked) return stream::token_revoked;
  return end == ViewerEnd::expired ? stream::token_expired : "";
}

}  // namespace

WireViewer::WireViewer(std::uint64_t id, loop::Worker& worker, std::unique_ptr<WireLink> link,
                       Events& events, Request request)
    : id_(id),
      worker_(worker),
      events_(events),
      link_(std::move(link)),
      tcp_(link_->tcp()),
      cursor_(*this, request.policy, request.play.start, request.play.until),
      session_(request.grace),
      path_(std::move(request.path)),
      token_(std::move(request.token)),
      stall_timeout_(request.policy.stall_timeout),
      flush_interval_(request.policy.flush_interval),
      started_(base::monotonic_now()),
      is_live_(std::holds_alternative<wire::Live>(request.play.start)) {
  link_->set_events(this);
  link_->set_patience({stall_timeout_ / 2,
                       stall_timeout_ / 2 + std::max(stall_timeout_, WireLink::ping_wait_least)});
  tcp_.set_unsent(request.policy.unsent_bytes);
  session_.on_message(wire::Message(std::move(request.play)), started_);
  // Where it begins the cursor knows already.
  static_cast<void>(session_.poll());
  static_cast<void>(session_.poll());
}

WireViewer::~WireViewer() {
  if (link_) link_->set_events(nullptr);
}

void WireViewer::start(stream::Stream& stream, const std::optional<stream::Entry>& entry) noexcept {
  // The oldest sync chunk.
  const bool is_early = std::exchange(is_early_, false);
  if (is_early && is_live_ && stream.log().first() == 0) cursor_.move(base::Utc{});
  stream_ = &stream;
  session_.go_on();
  stream::Feed& feed = stream.feed(media::Container::wire, stream::Framing::websocket);
  stream::Audience& audience = feed.audience(flush_interval_);
  if (link_->is_writing()) cursor_.wait();
  entry ? cursor_.enter(audience, *entry) : cursor_.enter(audience);
  if (!link_->is_writing()) cursor_.resume();
}

void WireViewer::leave() noexcept {
  cursor_.leave();
  cursor_.keep_position();
  stream_ = nullptr;
  session_.interrupt(base::monotonic_now());
}

// The hot path: one call of the kernel for everything the viewer has not got yet.
memory::Written WireViewer::write_now(std::span<const iovec> buffers) noexcept {
  const auto written = tcp_.try_write(buffers);
  bytes_ += written.bytes;
  return written;
}

void WireViewer::write_rest(stream::ImageRest rest) noexcept {
  blocked_since_ = base::monotonic_now();
  pinned_bytes_ = rest.windows.bytes();
  bytes_ += pinned_bytes_ + rest.framing.size();
  tcp_.write(std::move(rest.framing), std::move(rest.windows));
}

void WireViewer::on_blocked() noexcept {
  blocked_since_ = base::monotonic_now();
  cursor_.wait();
}

void WireViewer::on_all_written() noexcept {
  pinned_bytes_ = 0;
  if (!is_over_) cursor_.resume();
}

// What has to be said before the next chunk: where it begins, what is missing, what samples mean.
void WireViewer::on_seam(const stream::Seam& seam) noexcept {
  const wire::Position next = seam.next.position;
  const wire::Tracks& tracks = *seam.next.wire_tracks;
  const bool is_told = told_epoch_ == next.epoch && told_version_ == tracks.version;
  told_epoch_ = next.epoch;
  told_version_ = tracks.version;
  if (seam.begins) {
    session_.found({next, tracks, seam.next.utc, seam.reason}, base::utc_now(),
                   std::exchange(token_, {}));
  } else {
    if (!is_passed_over(seam)) session_.gap({seam.from, next, {}, seam.next.utc, seam.reason});
    if (!is_told) session_.tracks(tracks);
  }
  flush_session();
}

// Nothing is missing, or only what a player that plays faster does not get.
bool WireViewer::is_passed_over(const stream::Seam& seam) const noexcept {
  if (seam.from == seam.next.position) return true;
  const bool is_told =
      seam.reason != wire::GapReason::unspecified && seam.reason != wire::GapReason::lost;
  return is_fast() && seam.from.epoch == seam.next.position.epoch && !is_told;
}

// Who lost a camera waits for it longer than the relay does; a stream that was ended is over.
void WireViewer::on_stream_end() noexcept {
  if (stream_->log().is_past()) {
    leave();
    return events_.on_viewer_moved(*this);
  }
  const bool is_lost = std::exchange(stream_, nullptr)->is_lost();
  end(is_lost ? ViewerEnd::not_found : ViewerEnd::stream_end);
}

void WireViewer::on_part(const websocket::Part& part) noexcept {
  if (is_over_) return;
  auto message = messages_.add(part);
  if (!message) return;
  session_.on_message(std::move(*message), base::monotonic_now());
  flush_session();
}

void WireViewer::on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept {
  session_.bye(reason, {}, detail);
  flush_session();
}

void WireViewer::flush_session() noexcept {
  while (!is_over_) {
    auto output = session_.poll();
    if (!output) break;
    apply(*output);
  }
}

void WireViewer::apply(wire::PlayerSession::Output& output) noexcept {
  if (const auto* send = std::get_if<wire::Send>(&output)) {
    link_->send(send->message);
  } else if (const auto* find = std::get_if<wire::PlayerSession::Find>(&output)) {
    seek(find->start);
  } else if (std::holds_alternative<wire::PlayerSession::Halt>(output)) {
    cursor_.halt();
  } else if (std::holds_alternative<wire::PlayerSession::Continue>(output)) {
    cursor_.go_on();
  } else if (const auto* close = std::get_if<wire::Close>(&output)) {
    link_->close(close->by_peer ? websocket::CloseCode::normal : close_code_of(close->reason));
    if (close->by_peer) return conclude(ViewerEnd::client);
    said_bye_ = close->reason;
    const bool is_not_found = close->reason == wire::ByeReason::not_found;
    conclude(pending_end_.value_or(is_not_found ? ViewerEnd::not_found : ViewerEnd::bad_message));
  }
}

void WireViewer::seek(const wire::Start& start) noexcept {
  is_live_ = std::holds_alternative<wire::Live>(start);
  const bool is_here = stream_ != nullptr && events_.has_position(*stream_, start);
  if (!is_here) leave();
  cursor_.move(start);
  if (!is_here) events_.on_viewer_moved(*this);
}

void WireViewer::end(ViewerEnd reason) noexcept {
  // Or the kernel would go on holding what nobody reads.
  if (reason == ViewerEnd::pinned) return cut_off(reason);
  if (is_over_ || pending_end_) return;
  pending_end_ = reason;
  session_.bye(bye_reason_of(reason), {}, detail_of(reason));
  flush_session();
}

void WireViewer::drain() noexcept {
  // A flush interval may hold back chunks that others of its stream have got.
  if (!is_over_) cursor_.serve_all();
  end(ViewerEnd::drain);
}

void WireViewer::cut_off(ViewerEnd reason) noexcept {
  if (is_over_) return;
  pending_end_ = reason;
  link_->cut_off();
  conclude(reason);
}

void WireViewer::on_broken(base::Error) noexcept {
  link_->cut_off();
  conclude(pending_end_.value_or(ViewerEnd::client));
}

void WireViewer::on_lost(const std::string&) noexcept {
  conclude(pending_end_.value_or(ViewerEnd::client));
}

void WireViewer::on_unsent_needed(std::size_t bytes) noexcept { tcp_.set_unsent(bytes); }

void WireViewer::on_time(base::Time now) noexcept {
  if (is_over_) return;
  session_.on_time(now);
  flush_session();
  if (is_over_) return;
  if (link_->is_writing()) {
    const std::size_t unwritten = tcp_.unwritten_bytes();
    if (std::exchange(unwritten_bytes_, unwritten) != unwritten) blocked_since_ = now;
    if (now - blocked_since_ >= stall_timeout_) return cut_off(ViewerEnd::stalled);
  }
  link_->on_time(now);
}

void WireViewer::conclude(ViewerEnd end) noexcept {
  if (std::exchange(is_over_, true)) return;
  if (cursor_.audience() != nullptr) lag_ = stream::to_duration(cursor_.lag());
  cursor_.leave();
  pinned_bytes_ = 0;
  events_.on_viewer_end(*this, end);
}

}  // namespace session
