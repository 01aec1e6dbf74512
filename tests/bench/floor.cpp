// The limit the relay is measured against: writes the same HTTP-framed video frames from one
// preallocated buffer to every viewer, one send per frame, and does nothing else.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/marker.hpp"
#include "tests/bench/send_times.hpp"
#include "tests/bench/sockets.hpp"
#include "tests/bench/ts_source.hpp"

namespace bench {
namespace {

constexpr std::string_view response_head =
    "HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nCache-Control: no-store\r\n"
    "Transfer-Encoding: chunked\r\n\r\n";

struct Plan {
  std::int64_t bit_rate;
  std::int64_t frames_per_second;
  std::int64_t start_ns;
  std::size_t frames_per_write;
};

struct Viewer {
  Descriptor fd;
  std::size_t pending = 0;  ///< bytes between its cursor and the end of the log
  bool started = false;
  bool blocked = false;  ///< a write was short; EPOLLOUT tells when to go on
};

/// One thread: its listener, its viewers, and its timer for the frames.
class Floor {
 public:
  Floor(const Plan& plan, Descriptor listener, SendTimes* times)
      : plan_(plan), listener_(std::move(listener)), times_(times) {
    const std::size_t payload =
        packets_per_frame(plan.bit_rate, plan.frames_per_second) * TsSource::packet_bytes;
    char line[16];
    std::snprintf(line, sizeof line, "%zx\r\n", payload);
    std::string frame = line;
    frame.append(payload, '\x95').append("\r\n");
    payload_bytes_ = payload;
    frame_bytes_ = frame.size();
    for (std::size_t i = 0; i < buffered_frames; ++i) buffer_ += frame;
  }

  [[noreturn]] void run() {
    timer_ = Descriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    const itimerspec beat{
        .it_interval = {.tv_sec = 0, .tv_nsec = period_ns()},
        .it_value = {plan_.start_ns / 1'000'000'000, plan_.start_ns % 1'000'000'000}};
    if (::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &beat, nullptr) != 0) fail("timerfd");
    epoll_.add(listener_.get(), EPOLLIN, listener_tag);
    epoll_.add(timer_.get(), EPOLLIN, timer_tag);
    std::array<epoll_event, 256> events;
    for (;;) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), -1);
      for (int i = 0; i < count; ++i) handle(events[static_cast<std::size_t>(i)]);
    }
  }

 private:
  // Usually only the newest is sent; a viewer that fell behind gets up to this many in one write.
  static constexpr std::size_t buffered_frames = 8;
  static constexpr std::uint64_t listener_tag = ~std::uint64_t{0};
  static constexpr std::uint64_t timer_tag = listener_tag - 1;

  void handle(const epoll_event& event) {
    if (event.data.u64 == timer_tag) return on_timer();
    if (event.data.u64 == listener_tag) return accept_all();
    Viewer& viewer = *viewers_[event.data.u64];
    if (!viewer.fd.open()) return;
    if ((event.events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read(viewer);
    if (viewer.blocked && (event.events & EPOLLOUT) != 0) {
      viewer.blocked = false;
      if (viewer.fd.open()) send_pending(viewer);
    }
  }

  void accept_all() {
    for (;;) {
      Descriptor fd = accept_from(listener_.get());
      if (!fd.open()) return;
      set_viewer_options(fd.get());
      // Edge-triggered for both directions: no epoll_ctl when a write is short.
      epoll_.add(fd.get(), EPOLLIN | EPOLLOUT | EPOLLET, viewers_.size());
      viewers_.push_back(std::make_unique<Viewer>());
      viewers_.back()->fd = std::move(fd);
    }
  }

  void read(Viewer& viewer) {
    char request[4096];
    const ssize_t size = ::recv(viewer.fd.get(), request, sizeof request, 0);
    if (size == 0 || (size < 0 && errno != EAGAIN)) return viewer.fd.reset();
    if (size > 0 && !viewer.started) {  // a GET of ours comes in one piece
      viewer.started = true;
      if (::send(viewer.fd.get(), response_head.data(), response_head.size(), MSG_NOSIGNAL) < 0) {
        viewer.fd.reset();
      }
    }
  }

  void on_timer() {
    std::uint64_t due = 0;
    if (::read(timer_.get(), &due, sizeof due) == sizeof due) serve_frames(due);
  }

  // More than one is due when serving the last one took longer than a frame's time.
  void serve_frames(std::size_t count) {
    if (times_ != nullptr) mark_frames(count);
    for (std::size_t i = 0; i < viewers_.size(); ++i) {
      Viewer& viewer = *viewers_[i];
      if (!viewer.started || !viewer.fd.open()) continue;
      // More than three seconds behind: jump, at the end of the frame that was cut.
      if (viewer.pending > 3 * frames_per_second() * frame_bytes_) {
        viewer.pending %= frame_bytes_;
      }
      viewer.pending += count * frame_bytes_;
      const bool its_turn = (frame_ + i) % plan_.frames_per_write < count;
      if (its_turn && !viewer.blocked) send_pending(viewer);
    }
    frame_ += count;
  }

  void send_pending(Viewer& viewer) {
    while (viewer.pending > 0) {
      // The buffer ends where the log ends, so a viewer's rest begins that far before its end.
      const std::size_t over = viewer.pending % buffer_.size();
      const std::size_t length = over == 0 ? buffer_.size() : over;
      const ssize_t sent = ::send(viewer.fd.get(), buffer_.data() + buffer_.size() - length, length,
                                  MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0) {
        viewer.blocked = errno == EAGAIN;
        if (!viewer.blocked) viewer.fd.reset();
        return;
      }
      viewer.pending -= static_cast<std::size_t>(sent);
      viewer.blocked = static_cast<std::size_t>(sent) < length;
      if (viewer.blocked) return;
    }
  }

  // Numbers the frames of the buffer, the newest last: right for all whose writes are not short.
  // A frame's time is when it was due: what the floor is late by is latency.
  void mark_frames(std::size_t count) {
    for (std::uint64_t frame = frame_; frame < frame_ + count; ++frame) {
      times_->record_video(frame, due_ns(frame), payload_bytes_);
    }
    const std::uint64_t end = frame_ + count;
    const auto bytes = std::as_writable_bytes(std::span(buffer_));
    for (std::size_t back = 1; back <= std::min(end, buffered_frames); ++back) {
      const auto place = bytes.subspan(bytes.size() - (back - 1) * frame_bytes_ - 2 - Marker::size);
      write_marker(place.first<Marker::size>(),
                   {.frame = end - back, .sent_ns = due_ns(end - back)});
    }
  }

  std::int64_t period_ns() const { return 1'000'000'000 / plan_.frames_per_second; }
  std::int64_t due_ns(std::uint64_t frame) const {
    return plan_.start_ns + static_cast<std::int64_t>(frame) * period_ns();
  }
  std::size_t frames_per_second() const {
    return static_cast<std::size_t>(plan_.frames_per_second);
  }

  const Plan plan_;
  Descriptor listener_;
  Descriptor timer_;
  SendTimes* const times_;
  Epoll epoll_;
  std::string buffer_;
  std::size_t payload_bytes_ = 0;
  std::size_t frame_bytes_ = 0;
  std::uint64_t frame_ = 0;
  std::vector<std::unique_ptr<Viewer>> viewers_;
};

int run(Arguments arguments) {
  const auto wanted_port = static_cast<std::uint16_t>(arguments.number("port", 0));
  const std::int64_t threads = arguments.number("threads", 1);
  const std::int64_t flush_ms = arguments.number("flush", 0);
  const std::string times = arguments.text("times", "");
  const std::int64_t phase_us = arguments.number("phase-us", 0);
  // From a full second of the clock on, as publishers, so that both keep their phases to each
  // other.
  const std::int64_t start = (now_ns() / 1'000'000'000 + 1) * 1'000'000'000 + phase_us * 1000;
  Plan plan{.bit_rate = arguments.number("bit-rate", 4'000'000),
            .frames_per_second = arguments.number("fps", 30),
            .start_ns = start,
            .frames_per_write = 1};
  arguments.finish();
  plan.frames_per_write = static_cast<std::size_t>(
      std::max<std::int64_t>(1, (flush_ms * plan.frames_per_second + 500) / 1000));
  SendTimes* const page = times.empty() ? nullptr : &create_send_times(times + "/0.times");
  Descriptor first = listen_on(wanted_port, threads > 1);
  const std::uint16_t port = port_of(first.get());
  std::vector<std::jthread> others;
  for (std::int64_t i = 1; i < threads; ++i) {
    others.emplace_back([plan, port] { Floor(plan, listen_on(port, true), nullptr).run(); });
  }
  std::printf("{\"event\": \"listening\", \"port\": %u}\n", port);
  std::fflush(stdout);
  Floor(plan, std::move(first), page).run();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  return bench::run(bench::Arguments(argc, argv));
}
