#include "relay/loop/timer.hpp"

#include <algorithm>
#include <memory>

#include "relay/base/assert.hpp"

namespace loop {

Timer::Timer(Worker& worker, Callback callback) : callback_(callback) {
  auto timer = std::make_unique<uv_timer_t>();
  RELAY_ASSERT(uv_timer_init(worker.uv(), timer.get()) == 0);
  handle_.reset(timer.release());
  handle_->data = this;
}

void Timer::wake_at(std::optional<base::Time> due) noexcept {
  if (due && due == due_) return;
  due_ = due;
  if (!due) {
    uv_timer_stop(handle_.get());
    return;
  }
  // libuv counts in whole milliseconds of the same clock, rounded down: rounded up here, its "now"
  // reaches the due time only after the real one has. Its start adds that "now" again.
  const auto due_ms = std::chrono::ceil<std::chrono::milliseconds>(due->time_since_epoch()).count();
  const auto now_ms = static_cast<std::int64_t>(uv_now(handle_->loop));
  uv_timer_start(handle_.get(), on_timer,
                 static_cast<std::uint64_t>(std::max<std::int64_t>(due_ms - now_ms, 0)), 0);
}

void Timer::wake_every(std::chrono::milliseconds interval) noexcept {
  due_.reset();
  const auto ms = static_cast<std::uint64_t>(interval.count());
  uv_timer_start(handle_.get(), on_timer, ms, ms);
}

void Timer::stop() noexcept {
  due_.reset();
  uv_timer_stop(handle_.get());
}

void Timer::on_timer(uv_timer_t* handle) noexcept {
  auto* timer = static_cast<Timer*>(handle->data);
  if (timer == nullptr) return;
  timer->due_.reset();
  timer->callback_();
}

TurnEnd::TurnEnd(Worker& worker, Callback callback) : callback_(callback) {
  auto check = std::make_unique<uv_check_t>();
  RELAY_ASSERT(uv_check_init(worker.uv(), check.get()) == 0);
  check_.reset(check.release());
  check_->data = this;
  uv_check_start(check_.get(), [](uv_check_t* handle) noexcept {
    if (auto* turn = static_cast<TurnEnd*>(handle->data)) turn->callback_();
  });
  auto idle = std::make_unique<uv_idle_t>();
  RELAY_ASSERT(uv_idle_init(worker.uv(), idle.get()) == 0);
  idle_.reset(idle.release());
  idle_->data = this;
}

void TurnEnd::keep_turning(bool keep) noexcept {
  if (keep == keep_) return;
  keep_ = keep;
  if (keep) {
    uv_idle_start(idle_.get(), [](uv_idle_t*) noexcept {});
  } else {
    uv_idle_stop(idle_.get());
  }
}

}  // namespace loop
