#pragma once

#include <optional>

#include "relay/base/time.hpp"
#include "relay/loop/handle.hpp"
#include "relay/loop/worker.hpp"

namespace loop {

/// Calls back once at a time (millisecond steps, never early), or again and again.
class Timer {
 public:
  Timer(Worker& worker, Callback callback);

  /// At `due`; nothing stops it. Replaces what was set before.
  void wake_at(std::optional<base::Time> due) noexcept;
  void wake_every(std::chrono::milliseconds interval) noexcept;
  void stop() noexcept;

 private:
  static void on_timer(uv_timer_t* timer) noexcept;

  Callback callback_;
  std::optional<base::Time> due_;
  Handle<uv_timer_t> handle_;
};

/// Calls back once at the end of every turn of the loop, after all input was read.
class TurnEnd {
 public:
  TurnEnd(Worker& worker, Callback callback);

  /// As long as set, the loop polls without waiting: there is work left for the next turn.
  void keep_turning(bool keep) noexcept;

 private:
  Callback callback_;
  bool keep_ = false;
  Handle<uv_check_t> check_;
  Handle<uv_idle_t> idle_;
};

}  // namespace loop
