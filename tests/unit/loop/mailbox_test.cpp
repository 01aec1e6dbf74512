#include "relay/loop/mailbox.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/unit/loop/loop_rig.hpp"

namespace loop {
namespace {

// Counts where it goes: opened, or destroyed unopened.
class CountedLetter final : public Letter {
 public:
  CountedLetter(int& opened, int& destroyed) : opened_(opened), destroyed_(destroyed) {}
  ~CountedLetter() override { ++destroyed_; }
  void open() noexcept override { ++opened_; }

 private:
  int& opened_;
  int& destroyed_;
};

}  // namespace

TEST_CASE("letters are opened in the order of posting") {
  Worker worker(0);
  std::vector<int> opened;
  for (int number = 0; number < 5; ++number) {
    worker.mailbox().post_action([&opened, number]() noexcept { opened.push_back(number); });
  }
  CHECK(opened.empty());
  test::run_until(worker, [&] { return opened.size() == 5; });
  CHECK(opened == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("a letter may post another one") {
  Worker worker(0);
  int opened = 0;
  worker.mailbox().post_action([&]() noexcept {
    worker.mailbox().post_action([&]() noexcept { ++opened; });
    CHECK(opened == 0);  // not from within
  });
  test::run_until(worker, [&] { return opened == 1; });
}

TEST_CASE("a closed mailbox destroys its letters unopened") {
  int opened = 0;
  int destroyed = 0;
  Worker worker(0);
  worker.mailbox().post(std::make_unique<CountedLetter>(opened, destroyed));
  worker.mailbox().close();
  CHECK(destroyed == 1);
  worker.mailbox().post(std::make_unique<CountedLetter>(opened, destroyed));
  CHECK(destroyed == 2);
  worker.mailbox().close();
  CHECK(opened == 0);
}

TEST_CASE("a mailbox that closes waits for a promised letter and destroys it unopened") {
  int opened = 0;
  int destroyed = 0;
  Worker worker(0);
  worker.mailbox().promise();
  worker.mailbox().keep_promise(std::make_unique<CountedLetter>(opened, destroyed));
  test::run_until(worker, [&] { return destroyed == 1; });
  CHECK(opened == 1);
  worker.mailbox().promise();
  std::thread sender(
      [&] { worker.mailbox().keep_promise(std::make_unique<CountedLetter>(opened, destroyed)); });
  worker.mailbox().close();
  CHECK(destroyed == 2);
  CHECK(opened == 1);
  sender.join();
}

TEST_CASE("letters of many threads arrive once and in each sender's order") {
  constexpr int senders = 4;
  constexpr int letters = 2000;
  Worker worker(0);
  std::array<int, senders> next{};
  int wrong = 0;
  int arrived = 0;
  std::vector<std::thread> threads;
  for (std::size_t sender = 0; sender < senders; ++sender) {
    threads.emplace_back([&, sender] {
      for (int number = 0; number < letters; ++number) {
        worker.mailbox().post_action([&, sender, number]() noexcept {
          if (next[sender]++ != number) ++wrong;
          ++arrived;
        });
      }
    });
  }
  test::run_until(worker, [&] { return arrived == senders * letters; });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("posting goes on while the mailbox closes") {
  std::atomic<int> destroyed{0};
  struct Counted {
    std::atomic<int>* count;
    explicit Counted(std::atomic<int>& counter) : count(&counter) {}
    Counted(Counted&& other) noexcept : count(std::exchange(other.count, nullptr)) {}
    ~Counted() {
      if (count != nullptr) ++*count;
    }
  };
  constexpr int letters = 3000;
  Worker worker(0);
  std::atomic<bool> begun{false};
  std::thread sender([&] {
    for (int number = 0; number < letters; ++number) {
      worker.mailbox().post_action([counted = Counted(destroyed)]() noexcept {});
      begun = true;
    }
  });
  while (!begun) std::this_thread::yield();
  worker.mailbox().close();
  sender.join();
  CHECK(destroyed == letters);
}

}  // namespace loop
