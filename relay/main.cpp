#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "relay/control/config.hpp"
#include "relay/server/healthcheck_command.hpp"
#include "relay/server/recordings_command.hpp"
#include "relay/server/server.hpp"
#include "relay/server/state_command.hpp"

extern char** environ;

namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

Variables read_environment() {
  Variables variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (const auto equals = text.find('='); equals != std::string::npos) {
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
  }
  return variables;
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Blocked in every thread, so that they arrive where main waits for them and nowhere else.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

const char* name_of(int signal_number) { return signal_number == SIGINT ? "SIGINT" : "SIGTERM"; }

// From the first signal on: ends the process when a second one comes or the deadline passes,
// whatever any other thread hangs in. A normal exit would join a stalled thread of libuv's pool.
// The code is 0 in both cases: the relay was asked to end, and did.
void watch_over_the_end(const sigset_t& signals, base::Time deadline,
                        std::shared_ptr<base::Log> log) {
  std::thread([signals, deadline, log = std::move(log)] {
    int number;
    do {
      // Anew each time: being stopped and continued is an interruption that takes its time.
      const auto left = std::max(deadline - base::monotonic_now(), base::Duration::zero());
      const auto seconds = std::chrono::floor<std::chrono::seconds>(left);
      const timespec patience{seconds.count(), (left - seconds).count()};
      number = sigtimedwait(&signals, nullptr, &patience);
    } while (number < 0 && errno == EINTR);
    if (number > 0) {
      log->warning("stopped at once", {{"signal", name_of(number)}});
    } else {
      log->warning("stopped at once", {{"detail", "drain.deadline has passed"}});
    }
    _exit(0);
  }).detach();
}

// Peers that do not read cannot keep us: with a tenth of the time left they are cut off.
void drain(server::Server& server, const control::DrainConfig& config, base::Time began,
           base::Log& log) {
  server.announce_drain();
  std::this_thread::sleep_until(began + config.delay);
  server.drain();
  if (server.wait_until_done(began + config.deadline / 10 * 9)) return;
  log.warning("cutting off", {{"detail", "some sessions did not end in time"}});
  server.stop_now();
  server.wait_until_done();
}

// Ours are close-on-exec all by themselves; what was left open for us is no child's either.
void keep_descriptors_from_children() { close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); }

// `log` is shared with the thread that watches over the end and may outlive this one's objects.
int run(const control::Config& config, const std::shared_ptr<base::Log>& log) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  keep_descriptors_from_children();
  setenv("UV_THREADPOOL_SIZE", std::to_string(config.blocking_threads).c_str(), 1);
  base::Time began;
  {
    server::Server server(config, *log);
    server.start();
    int number = 0;
    sigwait(&signals, &number);
    began = base::monotonic_now();
    log->info("draining", {{"signal", name_of(number)},
                           {"delay", base::to_seconds(config.drain.delay)},
                           {"spread", base::to_seconds(config.drain.spread)},
                           {"deadline", base::to_seconds(config.drain.deadline)}});
    watch_over_the_end(signals, began + config.drain.deadline, log);
    drain(server, config.drain, began, *log);
  }
  log->info("stopped", {{"seconds", base::to_seconds(base::monotonic_now() - began)}});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Spancast: a zero-copy live video relay", "spancast"};
  std::string file;
  bool check = false;
  bool print = false;
  bool show_secrets = false;
  app.add_option("--config", file, "YAML file; without one the defaults hold");
  app.add_flag("--check-config", check, "check the configuration and exit");
  app.add_flag("--print-config", print, "print the configuration that holds and exit");
  app.add_flag("--show-secrets", show_secrets, "with --print-config: print secrets too");
  const server::RecordingsCommand recordings(app);
  const server::StateCommand state(app);
  const server::HealthcheckCommand healthcheck(app);
  app.set_version_flag("--version", "spancast " SPANCAST_VERSION);
  CLI11_PARSE(app, argc, argv);
  const auto path = file.empty() ? std::nullopt : std::optional<std::filesystem::path>(file);
  const Variables environment = read_environment();
  try {
    if (const auto code = recordings.run(path, environment)) return *code;
    if (const auto code = state.run(path, environment)) return *code;
    if (const auto code = healthcheck.run(path, environment)) return *code;
    if (print) {
      std::cout << control::print_config(
          path, environment, show_secrets ? control::Secrets::shown : control::Secrets::hidden);
      return 0;
    }
    const control::LoadedConfig loaded = control::load_config(path, environment);
    for (const std::string& warning : loaded.warnings) {
      std::cerr << "spancast: warning: " << warning << '\n';
    }
    if (check) {
      std::cout << "the configuration is good\n";
      return 0;
    }
    return run(loaded.config,
               std::make_shared<base::Log>(loaded.config.log_level, loaded.config.log_format,
                                           loaded.config.log_output));
  } catch (const std::exception& error) {
    std::cerr << "spancast: " << error.what() << '\n';
    return 1;
  }
}
