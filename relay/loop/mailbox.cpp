#include "relay/loop/mailbox.hpp"

#include "relay/base/assert.hpp"

namespace loop {

Mailbox::Mailbox(uv_loop_t* loop) {
  auto async = std::make_unique<uv_async_t>();
  const int status = uv_async_init(loop, async.get(), [](uv_async_t* handle) noexcept {
    if (auto* mailbox = static_cast<Mailbox*>(handle->data)) mailbox->open_all();
  });
  RELAY_ASSERT(status == 0);
  wake_.reset(async.release());
  wake_->data = this;
}

void Mailbox::post(std::unique_ptr<Letter> letter) {
  const std::lock_guard lock(letters_lock_);
  if (!closed_) push(std::move(letter));
}

void Mailbox::push(std::unique_ptr<Letter> letter) {
  letters_.push_back(std::move(letter));
  // Under the lock: the handle may not be closed between the check and the signal.
  if (letters_.size() == 1 && !closed_) uv_async_send(wake_.get());
}

void Mailbox::promise() {
  const std::lock_guard lock(letters_lock_);
  ++promised_;
}

void Mailbox::keep_promise(std::unique_ptr<Letter> letter) {
  const std::lock_guard lock(letters_lock_);
  RELAY_ASSERT(promised_ > 0);
  push(std::move(letter));
  // Under the lock: whoever waits for the last one may destroy this.
  if (--promised_ == 0) promise_kept_.notify_all();
}

void Mailbox::open_all() noexcept {
  std::vector<std::unique_ptr<Letter>> letters;
  {
    const std::lock_guard lock(letters_lock_);
    letters.swap(letters_);
  }
  for (const auto& letter : letters) letter->open();
}

void Mailbox::close() noexcept {
  std::vector<std::unique_ptr<Letter>> unopened;
  std::unique_lock lock(letters_lock_);
  closed_ = true;
  wake_.reset();
  promise_kept_.wait(lock, [this] { return promised_ == 0; });
  unopened.swap(letters_);
  lock.unlock();
}

}  // namespace loop
