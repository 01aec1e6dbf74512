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
  if (closed_) return;
  letters_.push_back(std::move(letter));
  // Under the lock: the handle may not be closed between the check and the signal.
  if (letters_.size() == 1) uv_async_send(wake_.get());
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
  const std::lock_guard lock(letters_lock_);
  closed_ = true;
  unopened.swap(letters_);
  wake_.reset();
}

}  // namespace loop
