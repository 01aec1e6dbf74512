#include "tests/bench/soak_stream.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace bench {
namespace {

// Reads what is there; true at the end of the connection.
bool read_to_end(int fd) {
  std::array<char, 1024> scratch;
  for (;;) {
    const ssize_t size = ::recv(fd, scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (size == 0) return true;
    if (size < 0) return errno != EAGAIN && errno != EINTR;
  }
}

}  // namespace

SoakStream::SoakStream(std::uint16_t port, std::int64_t number, Container container)
    : port_(port), number_(std::to_string(number)), container_(container) {
  begin(now_ns());
}

void SoakStream::begin(std::int64_t now) {
  ++publishers_;
  SourceOptions options;
  options.audio = true;
  options.bit_rate = 200'000;
  options.frames_per_second = frames_per_second;
  options.group_frames = frames_per_second;
  source_ = make_source(container_, options);
  publisher_ = connect_to(port_);
  send_all(publisher_.get(),
           "PUT " + target() +
               " HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: "
               "chunked\r\n\r\n");
  if (source_->make_head()) send_chunk();
  due_ = now;
}

void SoakStream::on_time(std::int64_t now) {
  if (leaving_.open()) {
    if (!is_answered()) {
      due_ = now + 5'000'000;
      return;
    }
    leaving_.reset();
    due_ = now + return_ns;
  }
  if (ended_ || now < due_) return;
  if (!publisher_.open()) begin(now);
  source_->make_video();
  // Each its own, for them to be told apart.
  const std::int64_t sent = std::max(now_ns(), sent_ns_.empty() ? 0 : sent_ns_.back() + 1);
  source_->mark(sent);
  sent_ns_.push_back(sent);
  send_chunk();
  const auto sound = source_->video_frames() * Source::audio_rate / frames_per_second;
  while (source_->audio_frames() * Source::audio_samples < sound) {
    source_->make_audio();
    send_chunk();
  }
  due_ += 1'000'000'000 / frames_per_second;
}

void SoakStream::send_chunk() {
  const auto chunk = source_->framed();
  send_all(publisher_.get(),
           std::string_view(reinterpret_cast<const char*>(chunk.data()), chunk.size()));
}

void SoakStream::restart(bool whole) {
  if (!publisher_.open() || ended_) return;
  if (whole) send_all(publisher_.get(), "0\r\n\r\n");
  ::shutdown(publisher_.get(), SHUT_WR);
  leaving_ = std::move(publisher_);
}

void SoakStream::end() {
  restart(true);
  ended_ = true;
}

bool SoakStream::is_over() { return ended_ && (!leaving_.open() || is_answered()); }
bool SoakStream::is_answered() { return read_to_end(leaving_.get()); }
bool SoakStream::is_refused() { return publisher_.open() && read_to_end(publisher_.get()); }

std::optional<std::uint64_t> SoakStream::find(std::int64_t sent_ns) const {
  const auto found = std::lower_bound(sent_ns_.begin(), sent_ns_.end(), sent_ns);
  if (found == sent_ns_.end() || *found != sent_ns) return std::nullopt;
  return static_cast<std::uint64_t>(found - sent_ns_.begin());
}

}  // namespace bench
