#include "relay/server/hook_runner.hpp"

#include <utility>

#include "relay/base/credentials.hpp"
#include "relay/base/line_splitter.hpp"
#include "relay/loop/timer.hpp"
#include "relay/server/child_environment.hpp"

namespace server {

using control::HookEnd;

/// One process.
class HookRunner::Run final : public loop::Process::Events {
 public:
  Run(HookRunner& runner, Job job)
      : runner_(runner),
        job_(std::move(job)),
        timer_(runner.worker_, loop::bind<&Run::on_timeout>(this)) {}

  base::Result<void> start() noexcept {
    loop::Process::Command command;
    command.arguments = job_.command;
    command.environment = child_environment(control::hook_variables(job_.event));
    command.input = control::hook_json(job_.event);
    auto started = loop::Process::start(runner_.worker_, command, *this);
    if (!started) return started.error();
    process_ = std::move(*started);
    process_->start_reading();
    timer_.wake_at(base::monotonic_now() + job_.timeout);
    return {};
  }

  const Job& job() const noexcept { return job_; }
  bool is_over() const noexcept { return is_over_; }

 private:
  std::span<std::byte> read_space() noexcept override {
    return runner_.worker_.read_buffer().first(loop::Process::error_read_bytes);
  }
  void on_read(std::span<std::byte> bytes) noexcept override {
    lines_.feed(bytes, [this](std::string_view line) { on_error_line(line); });
  }
  void on_output_end() noexcept override {
    lines_.finish([this](std::string_view line) { on_error_line(line); });
  }
  void on_error_line(std::string_view line) noexcept override {
    if (first_line_.empty()) first_line_ = control::to_ascii(base::hide_credentials(line));
  }
  void on_exit(const loop::ProcessExit& exit) noexcept override {
    timer_.stop();
    is_over_ = true;
    Outcome outcome{exit.is_good() ? HookEnd::good : HookEnd::failed, describe(exit), first_line_};
    if (is_late_) {
      outcome.end = HookEnd::timeout;
      outcome.detail = "it took longer than hooks.timeout";
    }
    runner_.events_.on_hook_end(job_, outcome);
    runner_.has_ended_ = true;
  }
  void on_timeout() noexcept {
    is_late_ = true;
    process_->terminate(kill_after);
  }

  HookRunner& runner_;
  Job job_;
  loop::Timer timer_;
  std::unique_ptr<loop::Process> process_;
  base::LineSplitter lines_;
  std::string first_line_;
  bool is_late_ = false;
  bool is_over_ = false;
};

HookRunner::HookRunner(loop::Worker& worker, std::size_t concurrent, Events& events)
    : worker_(worker), concurrent_(concurrent), events_(events) {}

HookRunner::~HookRunner() = default;

void HookRunner::submit(Job job) noexcept {
  if (waiting_.size() >= waiting_max) {
    return events_.on_hook_end(job, {HookEnd::dropped, "", "too many hooks wait"});
  }
  waiting_.push_back(std::move(job));
}

bool HookRunner::on_turn_end() noexcept {
  if (std::exchange(has_ended_, false)) {
    std::erase_if(running_, [](const auto& run) { return run->is_over(); });
  }
  const auto can_start = [this] { return !waiting_.empty() && running_.size() < concurrent_; };
  if (!can_start()) return false;
  Job job = std::move(waiting_.front());
  waiting_.pop_front();
  start(std::move(job));
  return can_start();
}

void HookRunner::start(Job job) noexcept {
  auto run = std::make_unique<Run>(*this, std::move(job));
  if (const auto started = run->start(); !started) {
    const std::string why = run->job().command.front() + ": " + started.error().message();
    return events_.on_hook_end(run->job(), {HookEnd::not_started, "", why});
  }
  running_.push_back(std::move(run));
}

}  // namespace server
