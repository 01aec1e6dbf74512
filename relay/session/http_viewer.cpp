#include "relay/session/http_viewer.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace session {

HttpViewer::HttpViewer(std::uint64_t id, loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp,
                       Events& events, Request request)
    : id_(id),
      worker_(worker),
      events_(events),
      tcp_(std::move(tcp)),
      cursor_(*this, request.policy, request.begin),
      head_(std::move(request.head)),
      received_(std::move(request.received)),
      stall_timeout_(request.policy.stall_timeout),
      flush_interval_(request.policy.flush_interval),
      started_(base::monotonic_now()),
      begin_(request.begin),
      kind_(request.kind),
      framing_(request.framing),
      keep_alive_(request.keep_alive) {
  tcp_->set_events(this);
  tcp_->set_unsent(request.policy.unsent_bytes);
}

void HttpViewer::start(stream::Stream& stream, const std::optional<stream::Entry>& entry) noexcept {
  path_ = stream.path();
  if (entry) {
    go_on(stream, *entry);
  } else {
    cursor_.enter(stream.feed(kind_, framing_, begin_).audience(flush_interval_));
  }
  tcp_->start_reading();
  const iovec head{head_.data(), head_.size()};
  const auto written = tcp_->try_write({&head, 1});
  if (written.is_broken()) return on_broken(written.error());
  std::string rest = std::exchange(head_, {}).substr(written.bytes);
  if (rest.empty()) {
    cursor_.resume();
  } else {
    cursor_.wait();
    tcp_->write(std::move(rest));
  }
}

void HttpViewer::go_on(stream::Stream& stream, const stream::Entry& entry) noexcept {
  stream::Feed* const feed = stream.feed_at(kind_, framing_, entry.sequence);
  RELAY_ASSERT(feed != nullptr);
  cursor_.enter(feed->audience(flush_interval_), entry);
}

// The hot path: one call of the kernel for everything the viewer has not got yet.
memory::Written HttpViewer::write_now(std::span<const iovec> buffers) noexcept {
  const auto written = tcp_->try_write(buffers);
  bytes_ += written.bytes;
  return written;
}

void HttpViewer::write_rest(stream::ImageRest rest) noexcept {
  blocked_since_ = base::monotonic_now();
  pinned_bytes_ = rest.windows.bytes();
  bytes_ += pinned_bytes_ + rest.framing.size();
  tcp_->write(std::move(rest.framing), std::move(rest.windows));
}

void HttpViewer::on_written(base::Error error) noexcept {
  pinned_bytes_ = 0;
  if (state_ == State::closed) return;
  if (error) return on_broken(error);
  if (state_ == State::streaming) return cursor_.resume();
  if (state_ == State::last_chunk) return finish();
  write_last_chunk();
}

void HttpViewer::end(ViewerEnd reason) noexcept {
  // Or the kernel would go on holding what nobody reads.
  if (reason == ViewerEnd::pinned) return cut_off(reason);
  if (state_ != State::streaming) return;
  state_ = State::ending;
  end_ = reason;
  lag_ = stream::to_duration(cursor_.lag());
  cursor_.leave();
  const bool properly =
      reason == ViewerEnd::stream_end || reason == ViewerEnd::drain || reason == ViewerEnd::tracks;
  if (!properly) return close();
  // With an unfinished chunk in the socket the end follows behind it.
  blocked_since_ = base::monotonic_now();
  if (!tcp_->is_writing()) write_last_chunk();
}

void HttpViewer::drain() noexcept {
  // A flush interval may hold back chunks that others of its stream have got.
  if (state_ == State::streaming) cursor_.serve_all();
  end(ViewerEnd::drain);
}

void HttpViewer::cut_off(ViewerEnd reason) noexcept {
  if (state_ == State::closed) return;
  if (state_ == State::streaming) end_ = reason;
  tcp_->reset_on_close();
  close();
}

void HttpViewer::write_last_chunk() noexcept {
  if (framing_ == stream::Framing::none) return close();
  state_ = State::last_chunk;
  std::string last = "0\r\n\r\n";
  const iovec buffer{last.data(), last.size()};
  const auto written = tcp_->try_write({&buffer, 1});
  if (written.is_broken()) return on_broken(written.error());
  if (written.bytes < last.size()) return tcp_->write(last.substr(written.bytes));
  finish();
}

void HttpViewer::finish() noexcept {
  can_go_on_ = keep_alive_ && !peer_ended_;
  close();
}

void HttpViewer::on_broken(base::Error) noexcept {
  if (state_ == State::closed) return;
  if (state_ == State::streaming) end_ = ViewerEnd::client;
  close();
}

void HttpViewer::on_too_slow() noexcept { end(ViewerEnd::slow); }
void HttpViewer::on_seam(const stream::Seam&) noexcept { end(ViewerEnd::tracks); }
void HttpViewer::on_until() noexcept { end(ViewerEnd::stream_end); }
void HttpViewer::on_stream_end() noexcept { end(ViewerEnd::stream_end); }
bool HttpViewer::on_elsewhere(wire::Position next, bool has_ended) noexcept {
  return state_ == State::streaming && events_.on_viewer_elsewhere(*this, next, has_ended);
}
void HttpViewer::on_unsent_needed(std::size_t bytes) noexcept { tcp_->set_unsent(bytes); }

std::span<std::byte> HttpViewer::read_space() noexcept { return worker_.read_buffer(); }

void HttpViewer::on_read(std::span<std::byte> bytes) noexcept {
  const std::size_t room = received_bytes_max - std::min(received_.size(), received_bytes_max);
  received_.append(reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), room));
  // A client that goes on sending is left to its own socket's limits.
  if (bytes.size() >= room) tcp_->stop_reading();
}

void HttpViewer::on_read_end(base::Error error) noexcept {
  peer_ended_ = true;  // it may have closed its side only: it is still served
  if (error) on_broken(error);
}

void HttpViewer::on_time(base::Time now) noexcept {
  // Who closed its side first is not read any more, and of a silent stream nothing is written.
  if (peer_ended_ && state_ != State::closed) {
    if (const int error = tcp_->take_socket_error()) return on_broken(loop::to_error(-error));
  }
  if (!tcp_->is_writing()) return;
  const std::size_t unwritten = tcp_->unwritten_bytes();
  if (std::exchange(unwritten_bytes_, unwritten) != unwritten) blocked_since_ = now;
  if (now - blocked_since_ < stall_timeout_) return;
  if (state_ == State::streaming) end_ = ViewerEnd::stalled;
  tcp_->reset_on_close();
  close();
}

std::unique_ptr<loop::Tcp> HttpViewer::take_tcp() noexcept { return std::move(tcp_); }

void HttpViewer::close() noexcept {
  if (std::exchange(state_, State::closed) == State::closed) return;
  if (cursor_.audience() != nullptr) lag_ = stream::to_duration(cursor_.lag());
  cursor_.leave();
  tcp_->set_events(nullptr);
  tcp_->stop_reading();
  events_.on_viewer_end(*this, end_);
}

}  // namespace session
