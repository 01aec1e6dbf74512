#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "relay/loop/handle.hpp"

namespace loop {

/// Something another worker wants done here. It carries windows (as parcels) and plain values.
class Letter {
 public:
  virtual ~Letter() = default;
  virtual void open() noexcept = 0;
};

/// The way into a worker from any thread, behind one lock. Letters are opened in the order of
/// posting, on the worker's thread. After `close()` letters are destroyed unopened; those that were
/// promised on the thread that closes it.
class Mailbox {
 public:
  explicit Mailbox(uv_loop_t* loop);

  /// Any thread.
  void post(std::unique_ptr<Letter> letter);
  /// Any thread; `action` is a callable with no arguments that does not throw.
  template <class Action>
  void post_action(Action action) {
    struct ActionLetter final : Letter {
      explicit ActionLetter(Action todo) : action(std::move(todo)) {}
      void open() noexcept override { action(); }
      Action action;
    };
    post(std::make_unique<ActionLetter>(std::move(action)));
  }

  /// The worker's thread: a letter is going to be posted by `keep_promise()`. It may hold what is
  /// the worker's alone, as windows.
  void promise();
  /// Any thread.
  void keep_promise(std::unique_ptr<Letter> letter);

  /// The worker's thread, at its end. Waits for what was promised.
  void close() noexcept;

 private:
  void push(std::unique_ptr<Letter> letter);
  void open_all() noexcept;

  Handle<uv_async_t> wake_;
  std::mutex letters_lock_;
  std::vector<std::unique_ptr<Letter>> letters_;
  std::condition_variable promise_kept_;
  std::size_t promised_ = 0;
  bool closed_ = false;
};

}  // namespace loop
