#pragma once

#include <uv.h>

#include <array>
#include <cstddef>
#include <span>
#include <thread>

#include "relay/base/histogram.hpp"
#include "relay/base/time.hpp"
#include "relay/loop/handle.hpp"
#include "relay/loop/mailbox.hpp"

namespace loop {

/// One libuv loop and the thread that runs it. Built and destroyed by `main`; everything that has a
/// handle on the loop is destroyed before it. `~Worker` asserts that no handle was leaked.
class Worker {
 public:
  static constexpr std::size_t read_buffer_bytes = 64 * 1024;

  explicit Worker(unsigned index);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  unsigned index() const noexcept { return index_; }
  uv_loop_t* uv() noexcept { return &loop_; }
  /// Any thread.
  Mailbox& mailbox() noexcept { return mailbox_; }
  /// Where every connection's bytes go that are not payload: looked at before the callback returns.
  std::span<std::byte> read_buffer() noexcept { return read_buffer_; }

  /// Runs the loop on the calling thread until `stop()`.
  void run() noexcept;
  /// The worker's thread. The rest of the turn is still run.
  void stop() noexcept { uv_stop(&loop_); }

  /// True on the thread that runs the loop, and everywhere before and after it runs.
  bool is_current() const noexcept {
    return thread_ == std::thread::id{} || thread_ == std::this_thread::get_id();
  }

  /// How late the 10 ms timer was: what a stalled turn does to everybody.
  const base::Histogram& lag() const noexcept { return lag_; }
  /// Share of the last quarter of a second in which the loop was not waiting: 0 to 1.
  double busy() const noexcept { return busy_; }

 private:
  void measure() noexcept;

  uv_loop_t loop_;
  unsigned index_;
  std::thread::id thread_;
  Mailbox mailbox_;
  Handle<uv_timer_t> measure_timer_;
  base::Time measure_due_{};
  base::Time busy_since_{};
  std::uint64_t busy_idle_ns_ = 0;
  double busy_ = 0;
  base::Histogram lag_;
  std::array<std::byte, read_buffer_bytes> read_buffer_;
};

}  // namespace loop
