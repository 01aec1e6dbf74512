#include "tests/bench/viewer.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <string>
#include <string_view>

#include "tests/bench/wire_client.hpp"

namespace bench {
namespace {

constexpr std::size_t discard_max = 4 * 1024 * 1024;

// Linux lets a peer that has spoken lately wait with its ACKs, and sends them while it receives:
// over loopback that is time of the server, and of HTTP's viewers, who say nothing, it is their
// own.
void acknowledge_as_listener(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

std::string request_for(const std::string& target, Protocol protocol) {
  if (protocol == Protocol::wire) return websocket_request(target);
  const char* const version = protocol == Protocol::http_1_0 ? "HTTP/1.0" : "HTTP/1.1";
  return "GET " + target + " " + version + "\r\nHost: 127.0.0.1\r\n\r\n";
}

// HTTP/1.0 may be answered in either version.
bool is_accepted(std::string_view head, Protocol protocol) {
  if (protocol == Protocol::wire) return head.starts_with("HTTP/1.1 101");
  return head.starts_with("HTTP/1.1 200") ||
         (protocol == Protocol::http_1_0 && head.starts_with("HTTP/1.0 200"));
}

}  // namespace

Viewer::Viewer(std::size_t id, std::uint16_t port, const std::string& target, Protocol protocol,
               const SendTimes* times, bool follow)
    : id_(id), times_(times), protocol_(protocol), follow_(follow), connected_ns_(now_ns()) {
  fd_ = connect_to(port);
  send_all(fd_.get(), request_for(target, protocol));
}

void Viewer::close() {
  if (state_ != State::refused) state_ = State::closed;
  fd_.reset();
}

void Viewer::begin_window(std::size_t frames) {
  window_from_ = received_;
  stalls_ = 0;
  resyncs_ = 0;
  verified_ = 0;
  reads_ = 0;
  latencies_.clear();
  if (follow_) latencies_.reserve(frames + 64);
}

void Viewer::end_window() {
  window_bytes_ = received_ - window_from_;
  if (now_ns() - last_byte_ns_ > stall_ns) ++stalls_;
}

void Viewer::read(bool recording) {
  ++reads_;
  switch (state_) {
    case State::head:
      return read_head();
    case State::syncing:
      return look_for_markers();
    case State::counting:
      return read_body(recording);
    case State::closed:
    case State::refused:
      return;
  }
}

void Viewer::read_head() {
  char byte_run[1024];
  // Peeked, so that exactly the head is taken and the body is read as all of it is.
  const ssize_t size = ::recv(fd_.get(), byte_run, sizeof byte_run, MSG_PEEK | MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return close();
  const std::size_t before = head_.size();
  head_.append(byte_run, static_cast<std::size_t>(size));
  const std::size_t end = head_.find("\r\n\r\n");
  head_.resize(end == std::string::npos ? head_.size() : end + 4);
  ::recv(fd_.get(), byte_run, head_.size() - before, MSG_DONTWAIT);
  if (end == std::string::npos) return;
  if (!is_accepted(head_, protocol_)) {
    state_ = State::refused;
    return close();
  }
  if (protocol_ == Protocol::wire) {
    send_all(fd_.get(), play_frame());
    acknowledge_as_listener(fd_.get());
  }
  head_ = std::string();
  last_byte_ns_ = now_ns();
  state_ = follow_ ? State::syncing : State::counting;
}

void Viewer::read_body(bool recording) {
  std::size_t limit = discard_max;
  if (verifies()) {
    const std::uint64_t marker_begin = next_end_ - Marker::size;
    if (received_ >= marker_begin) {
      if (!read_marker_again()) return;
      return took(0, now_ns(), recording);
    }
    limit = static_cast<std::size_t>(marker_begin - received_);
  }
  const ssize_t size = ::recv(fd_.get(), nullptr, limit, MSG_TRUNC | MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return close();
  took(static_cast<std::size_t>(size), now_ns(), recording);
}

bool Viewer::read_marker_again() {
  const auto missing = static_cast<std::size_t>(next_end_ - received_);
  const ssize_t size =
      ::recv(fd_.get(), marker_.data() + Marker::size - missing, missing, MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) {
    close();
    return false;
  }
  received_ += static_cast<std::size_t>(size);
  if (received_ < next_end_) return false;
  const auto marker = read_marker(marker_);
  if (!marker || marker->frame != next_frame_) {
    resync();
    return false;
  }
  ++verified_;
  return true;
}

void Viewer::took(std::size_t bytes, std::int64_t now, bool recording) {
  received_ += bytes;
  if (first_byte_ns_ == 0) first_byte_ns_ = now - connected_ns_;
  if (recording && now - last_byte_ns_ > stall_ns) ++stalls_;
  last_byte_ns_ = now;
  if (protocol_ == Protocol::wire && now - said_alive_ns_ > alive_ns) {
    said_alive_ns_ = now;
    send_all(fd_.get(), pong_frame());
    acknowledge_as_listener(fd_.get());
  }
  if (!follow_ || state_ != State::counting) return;
  while (received_ >= next_end_) {
    if (times_->video_frames.load(std::memory_order_acquire) <= next_frame_) return resync();
    if (recording) {
      const std::int64_t latency = (now - times_->time_of(next_frame_)) / 100;
      latencies_.push_back(static_cast<std::uint32_t>(
          std::clamp<std::int64_t>(latency, 0, std::numeric_limits<std::uint32_t>::max())));
    }
    const std::uint64_t stride = stride_of(next_frame_ + 1);
    if (stride == 0) {  // what was discarded of that frame, if anything, is not its marker
      last_marker_end_ = next_end_;
      last_marker_frame_ = next_frame_;
      state_ = State::syncing;
      return;
    }
    next_end_ += stride;
    ++next_frame_;
  }
}

std::uint64_t& Viewer::stride_of(std::uint64_t frame) {
  const std::uint64_t group = times_->group_frames.load(std::memory_order_relaxed);
  return strides_[group > 0 && frame % group == 0 ? 0 : 1];
}

void Viewer::resync() {
  ++resyncs_;
  last_marker_end_ = 0;
  strides_ = {};
  carried_.clear();
  state_ = State::syncing;
}

void Viewer::look_for_markers() {
  std::array<std::byte, 65536> scratch;
  const std::size_t kept = carried_.size();
  std::copy(carried_.begin(), carried_.end(), scratch.begin());
  const ssize_t size =
      ::recv(fd_.get(), scratch.data() + kept, scratch.size() - kept, MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) return;
  if (size <= 0) return close();
  const std::uint64_t base = received_ - kept;
  const auto bytes =
      std::span<const std::byte>(scratch).first(kept + static_cast<std::size_t>(size));
  took(static_cast<std::size_t>(size), now_ns(), false);
  std::size_t from = 0;
  while (const auto offset = find_marker(bytes.subspan(from))) {
    const std::size_t begin = from + *offset;
    from = begin + Marker::size;
    found_marker(base + from, *read_marker(bytes.subspan(begin)));
  }
  const std::size_t keep = std::min(bytes.size() - from, Marker::size - 1);
  carried_.assign(bytes.end() - static_cast<std::ptrdiff_t>(keep), bytes.end());
  if (last_marker_end_ != 0 && begin_counting()) carried_ = std::vector<std::byte>();
}

// From the last marker on, if the sizes of all frames up to the one that is coming are known.
bool Viewer::begin_counting() {
  std::uint64_t frame = last_marker_frame_;
  std::uint64_t end = last_marker_end_;
  do {
    const std::uint64_t stride = stride_of(++frame);
    if (stride == 0) return false;
    end += stride;
  } while (end <= received_);
  next_frame_ = frame;
  next_end_ = end;
  state_ = State::counting;
  return true;
}

void Viewer::found_marker(std::uint64_t end, const Marker& marker) {
  if (last_marker_end_ != 0 && marker.frame == last_marker_frame_ + 1) {
    stride_of(marker.frame) = end - last_marker_end_;
  }
  last_marker_end_ = end;
  last_marker_frame_ = marker.frame;
}

}  // namespace bench
