#include "relay/loop/worker.hpp"

#include <malloc.h>
#include <pthread.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "relay/base/assert.hpp"

namespace loop {
namespace {

constexpr std::chrono::milliseconds measure_interval{10};
constexpr std::chrono::milliseconds busy_interval{250};
constexpr std::size_t heap_kept_bytes = 4 * 1024 * 1024;

// The heap of a thread grows by a page, and a call of mprotect(), at a time: in the middle of
// serving while a tail fills. Grown once, it stays as large; memory that nobody has touched costs
// nothing.
void grow_heap() {
  mallopt(M_TRIM_THRESHOLD, 2 * heap_kept_bytes);
  constexpr std::size_t piece = 64 * 1024;  // more would be mapped by itself
  static_assert(heap_kept_bytes % piece == 0);
  std::vector<std::unique_ptr<std::byte[]>> pieces(heap_kept_bytes / piece);
  for (auto& one : pieces) one = std::make_unique_for_overwrite<std::byte[]>(piece);
}

uv_loop_t* init(uv_loop_t* loop) {
  RELAY_ASSERT(uv_loop_init(loop) == 0);
  RELAY_ASSERT(uv_loop_configure(loop, UV_METRICS_IDLE_TIME) == 0);
  return loop;
}

}  // namespace

Worker::Worker(unsigned index) : index_(index), mailbox_(init(&loop_)) {
  auto timer = std::make_unique<uv_timer_t>();
  RELAY_ASSERT(uv_timer_init(&loop_, timer.get()) == 0);
  measure_timer_.reset(timer.release());
  measure_timer_->data = this;
}

Worker::~Worker() {
  mailbox_.close();
  measure_timer_.reset();
  // Lets the close callbacks of all handles run; nothing else is left to wait for.
  uv_run(&loop_, UV_RUN_DEFAULT);
  RELAY_ASSERT(uv_loop_close(&loop_) == 0);
}

void Worker::run() noexcept {
  thread_ = std::this_thread::get_id();
  // What `top -H` shows of it.
  pthread_setname_np(pthread_self(), ("worker " + std::to_string(index_)).c_str());
  grow_heap();
  busy_since_ = base::monotonic_now();
  measure_due_ = busy_since_ + measure_interval;
  const auto on_timer = [](uv_timer_t* timer) noexcept {
    if (auto* worker = static_cast<Worker*>(timer->data)) worker->measure();
  };
  uv_timer_start(measure_timer_.get(), on_timer, measure_interval.count(),
                 measure_interval.count());
  uv_run(&loop_, UV_RUN_DEFAULT);
  uv_timer_stop(measure_timer_.get());
  thread_ = std::thread::id{};
}

void Worker::measure() noexcept {
  const base::Time now = base::monotonic_now();
  lag_.observe(now - measure_due_);
  // libuv counts from the time of the turn, in whole milliseconds; so does the next due time.
  measure_due_ = std::max(now, measure_due_) + measure_interval;
  if (now - busy_since_ < busy_interval) return;
  const std::uint64_t idle_ns = uv_metrics_idle_time(&loop_);
  const auto elapsed = static_cast<double>((now - busy_since_).count());
  busy_ = std::clamp(1.0 - static_cast<double>(idle_ns - busy_idle_ns_) / elapsed, 0.0, 1.0);
  busy_idle_ns_ = idle_ns;
  busy_since_ = now;
}

}  // namespace loop
