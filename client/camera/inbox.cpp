#include "client/camera/inbox.hpp"

#include <utility>

namespace client::camera {

void Inbox::push(Event event) {
  std::unique_lock lock(mutex_);
  const bool is_sample = std::holds_alternative<SampleEvent>(event);
  if (is_sample) {
    const unsigned pass = std::get<SampleEvent>(event).pass;
    const auto is_refused = [this, pass] { return refuses_samples_ || pass < first_pass_; };
    has_room_.wait(lock, [&] { return samples_ < samples_max || is_refused(); });
    if (is_refused()) return;
    ++samples_;
  }
  if (is_closed_) return;
  events_.push_back(std::move(event));
  filled_.notify_one();
}

std::optional<Event> Inbox::pop(base::Time until) {
  std::unique_lock lock(mutex_);
  if (!filled_.wait_until(lock, until, [this] { return !events_.empty(); })) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  if (std::holds_alternative<SampleEvent>(event)) {
    --samples_;
    has_room_.notify_one();
  }
  return event;
}

void Inbox::refuse_samples() {
  const std::lock_guard lock(mutex_);
  refuses_samples_ = true;
  has_room_.notify_all();
}

void Inbox::refuse_before(unsigned pass) {
  const std::lock_guard lock(mutex_);
  first_pass_ = pass;
  has_room_.notify_all();
}

void Inbox::close() {
  refuse_samples();
  const std::lock_guard lock(mutex_);
  is_closed_ = true;
  events_.clear();
  samples_ = 0;
}

}  // namespace client::camera
