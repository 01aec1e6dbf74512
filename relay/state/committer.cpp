#include "relay/state/committer.hpp"

#include <algorithm>

namespace state {

Committer::Committer(loop::Worker& worker, Store& store, base::Duration interval)
    : worker_(worker),
      store_(store),
      progress_(std::make_shared<Progress>()),
      timer_(worker, {this, [](void* object) noexcept {
                        static_cast<Committer*>(object)->on_time(base::monotonic_now());
                      }}) {
  timer_.wake_every(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(interval),
                             std::chrono::milliseconds(1)));
}

void Committer::on_time(base::Time now) noexcept {
  if (progress_->is_running) {
    if (now - began_ > late_after) store_.on_late(attempts_);
  } else if (progress_->succeeded || now - began_ >= retry_interval) {
    begin(now);
  }
}

void Committer::begin(base::Time now) noexcept {
  const auto work = [this_store = &store_, progress = progress_]() noexcept {
    progress->succeeded = this_store->commit();
  };
  const auto then = [progress = progress_]() noexcept { progress->is_running = false; };
  attempts_ = store_.attempts();
  progress_->is_running = store_.lane().submit_work(worker_, work, then);
  began_ = now;
}

}  // namespace state
