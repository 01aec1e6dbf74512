#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "relay/control/config.hpp"
#include "relay/server/server.hpp"

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

// Waits for the end of a drain. False when the deadline passed or a second signal came.
bool wait_until_done(const server::Server& server, const sigset_t& signals, base::Time deadline) {
  const timespec pause{0, 5'000'000};
  while (!server.is_done()) {
    if (base::monotonic_now() >= deadline) return false;
    if (sigtimedwait(&signals, nullptr, &pause) > 0) return false;
  }
  return true;
}

int run(const control::Config& config, base::Log& log) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  setenv("UV_THREADPOOL_SIZE", std::to_string(config.blocking_threads).c_str(), 1);
  server::Server server(config, log);
  server.start();
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  log.info("stopping", {{"signal", signal_number == SIGINT ? "SIGINT" : "SIGTERM"}});
  const base::Time deadline = base::monotonic_now() + config.drain_deadline;
  server.drain();
  // Peers that do not read cannot keep us: near the deadline they are cut off.
  if (!wait_until_done(server, signals, deadline - config.drain_deadline / 10)) {
    log.warning("stopping at once", {{"detail", "some sessions did not end in time"}});
    server.stop_now();
    wait_until_done(server, signals, deadline);
    log.info("stopped");
    // Writes that peers did not take are still under way: there is nothing to tidy up behind them.
    _exit(0);
  }
  log.info("stopped");
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
  app.set_version_flag("--version", "spancast " SPANCAST_VERSION);
  CLI11_PARSE(app, argc, argv);
  const auto path = file.empty() ? std::nullopt : std::optional<std::filesystem::path>(file);
  const Variables environment = read_environment();
  try {
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
    base::Log log(loaded.config.log_level, loaded.config.log_format);
    return run(loaded.config, log);
  } catch (const std::exception& error) {
    std::cerr << "spancast: " << error.what() << '\n';
    return 1;
  }
}
