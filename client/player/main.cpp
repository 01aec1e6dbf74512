#include <gst/gst.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <thread>
#include <utility>
#include <variant>

#include "client/command/exit_code.hpp"
#include "client/player/console.hpp"
#include "client/player/options.hpp"
#include "client/player/show.hpp"
#include "client/player/watch.hpp"

namespace {

using client::ExitCode;

// Blocked in every thread, so that they arrive where they are waited for and nowhere else.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Calls `end` at the first signal, and ends the process at the second, whatever hangs.
class Signals {
 public:
  Signals(const sigset_t& signals, std::function<void()> end)
      : thread_([signals, end = std::move(end), this] {
          for (bool is_first = true;; is_first = false) {
            int number = 0;
            sigwait(&signals, &number);
            if (is_done_) return;
            if (!is_first) _exit(static_cast<int>(ExitCode::done));
            end();
          }
        }) {}
  ~Signals() {
    is_done_ = true;
    pthread_kill(thread_.native_handle(), SIGHUP);
    thread_.join();
  }

 private:
  std::atomic<bool> is_done_{false};
  std::thread thread_;
};

void show(const client::Options& options, client::Watch& watch, client::Console& console) {
  const client::Report report = watch.report();
  if (options.stats_json) console.print(to_json(report));
  console.status(to_text(report));
}

int run_window(const client::Options& options, base::Time began, const sigset_t& signals) {
  client::Show show(options, began);
  const Signals until_signal(signals, [&show] { show.end(); });
  return static_cast<int>(show.run());
}

int run_headless(const client::Options& options, base::Time began, const sigset_t& signals) {
  client::Console console(!options.stats_json && isatty(STDERR_FILENO) == 1);
  client::Watch watch(options, began, console, nullptr);
  if (const ExitCode code = watch.start(); code != ExitCode::done) return static_cast<int>(code);
  const Signals until_signal(signals, [&watch] { watch.end(ExitCode::done); });
  const base::Time end = options.length ? began + *options.length : base::Time::max();
  base::Time next = began + std::chrono::seconds(1);
  std::optional<ExitCode> code;
  while (!code) {
    code = watch.wait_until(std::min(next, end));
    const base::Time now = base::monotonic_now();
    if (!code && now >= end) watch.end(ExitCode::done);
    if (code || now < next) continue;
    show(options, watch, console);
    next += std::chrono::seconds(1);
  }
  watch.finish();
  const client::Report report = watch.report();
  if (options.stats_json) {
    console.print(to_json(report));
  } else {
    console.say(to_text(report));
  }
  return static_cast<int>(*code);
}

}  // namespace

int main(int argc, char** argv) {
  const base::Time began = base::monotonic_now();
  const auto parsed = client::parse_options(argc, argv, base::utc_now());
  if (const auto* const printed = std::get_if<client::Printed>(&parsed)) {
    std::fputs(printed->text.c_str(), printed->exit_code == 0 ? stdout : stderr);
    return printed->exit_code;
  }
  try {
    const auto& options = std::get<client::Options>(parsed);
    const sigset_t signals = block_signals();
    gst_init(nullptr, nullptr);
    return options.is_headless ? run_headless(options, began, signals)
                               : run_window(options, began, signals);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "spancast-player: %s\n", error.what());
    return static_cast<int>(ExitCode::failed);
  }
}
