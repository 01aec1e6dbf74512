#include "client/camera/inbox.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

namespace client::camera {

TEST_CASE("events come out in the order they came in") {
  Inbox inbox;
  inbox.push(NoticeEvent{"a"});
  inbox.push(SampleEvent{});
  inbox.push(SignalEvent{15});
  auto event = inbox.pop({});
  REQUIRE(event);
  CHECK(std::get<NoticeEvent>(*event).text == "a");
  event = inbox.pop({});
  REQUIRE(event);
  CHECK(std::holds_alternative<SampleEvent>(*event));
  event = inbox.pop({});
  REQUIRE(event);
  CHECK(std::get<SignalEvent>(*event).number == 15);
  CHECK_FALSE(inbox.pop({}));
}

TEST_CASE("samples wait for room and other events do not") {
  Inbox inbox;
  for (std::size_t index = 0; index < Inbox::samples_max; ++index) inbox.push(SampleEvent{});
  inbox.push(NoticeEvent{"not held up"});
  std::atomic<bool> is_through{false};
  std::thread waiting([&] {
    inbox.push(SampleEvent{});
    is_through = true;
  });
  std::size_t samples = 0;
  while (samples < Inbox::samples_max + 1) {
    const auto event = inbox.pop(base::monotonic_now() + std::chrono::seconds(60));
    REQUIRE(event);
    if (std::holds_alternative<SampleEvent>(*event)) ++samples;
  }
  waiting.join();
  CHECK(is_through);
}

TEST_CASE("who waits for room is let go when samples are refused") {
  Inbox inbox;
  for (std::size_t index = 0; index < Inbox::samples_max; ++index) inbox.push(SampleEvent{});
  std::thread waiting([&] { inbox.push(SampleEvent{}); });
  inbox.refuse_samples();
  waiting.join();
  inbox.push(NoticeEvent{"still heard"});
  std::size_t samples = 0;
  std::size_t notices = 0;
  while (const auto event = inbox.pop({})) {
    ++(std::holds_alternative<SampleEvent>(*event) ? samples : notices);
  }
  CHECK(samples == Inbox::samples_max);
  CHECK(notices == 1);
  inbox.close();
  inbox.push(NoticeEvent{"too late"});
  CHECK_FALSE(inbox.pop({}));
}

TEST_CASE("who waits with a sample of a pass that is given up is let go") {
  Inbox inbox;
  for (std::size_t index = 0; index < Inbox::samples_max; ++index) inbox.push(SampleEvent{});
  std::thread waiting([&] { inbox.push(SampleEvent{}); });
  inbox.refuse_before(1);
  waiting.join();
  std::size_t samples = 0;
  while (inbox.pop({})) ++samples;
  CHECK(samples == Inbox::samples_max);
  SampleEvent later;
  later.pass = 1;
  inbox.push(std::move(later));
  inbox.push(SampleEvent{});
  CHECK(inbox.pop({}));
  CHECK_FALSE(inbox.pop({}));
}

}  // namespace client::camera
