#include "client/camera/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <span>
#include <string_view>

#include "relay/base/line_splitter.hpp"
#include "relay/base/time.hpp"

namespace client::camera {
namespace {

constexpr std::chrono::milliseconds poll_interval{5};

base::Result<std::array<int, 2>> make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return boost::system::error_code(errno, boost::system::system_category());
  }
  return ends;
}

void close_both(const std::array<int, 2>& ends) {
  close(ends[0]);
  close(ends[1]);
}

// Ours are blocked (main waits for them) or ignored; a command expects to be ended by them.
void set_signals(posix_spawnattr_t& attributes) {
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigset_t usual;
  sigemptyset(&usual);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGXFSZ}) sigaddset(&usual, number);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int spawn(const std::string& command, int output, int errors, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
  // Sockets of other libraries are not closed by exec.
  posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  set_signals(attributes);
  std::string shell = "sh";
  std::string option = "-c";
  std::string text = command;
  std::array<char*, 4> arguments{shell.data(), option.data(), text.data(), nullptr};
  const int error = posix_spawn(&pid, "/bin/sh", &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

base::Result<std::unique_ptr<Child>> Child::start(const std::string& command, Lines& lines) {
  const auto output = make_pipe();
  if (!output) return output.error();
  const auto errors = make_pipe();
  if (!errors) {
    close_both(*output);
    return errors.error();
  }
  const auto stop = make_pipe();
  pid_t pid = 0;
  const int error = stop ? spawn(command, (*output)[1], (*errors)[1], pid) : stop.error().value();
  close((*output)[1]);
  close((*errors)[1]);
  if (error != 0) {
    close((*output)[0]);
    close((*errors)[0]);
    if (stop) close_both(*stop);
    return boost::system::error_code(error, boost::system::system_category());
  }
  fcntl((*errors)[0], F_SETFL, O_NONBLOCK);
  return std::unique_ptr<Child>(
      new Child(pid, (*output)[0], (*errors)[0], (*stop)[1], (*stop)[0], lines));
}

Child::Child(pid_t pid, int output, int errors, int stop, int stopped, Lines& lines)
    : pid_(pid),
      output_(output),
      errors_(errors),
      stop_(stop),
      stopped_(stopped),
      lines_(lines),
      thread_([this] { read_errors(); }) {}

Child::~Child() {
  close(output_);
  if (!exit_) {
    kill(-pid_, SIGTERM);
    wait(kill_after);
  }
  // As long as the shell is not reaped its group has not become another one.
  kill(-pid_, SIGKILL);
  int status = 0;
  while (waitpid(pid_, &status, 0) == -1 && errno == EINTR) {
  }
  close(stop_);
  thread_.join();
  close(stopped_);
  close(errors_);
}

// Leaves it a zombie, which keeps its group's number taken.
std::optional<Child::Exit> Child::wait(std::chrono::milliseconds patience) {
  const base::Time until = base::monotonic_now() + patience;
  while (!exit_) {
    siginfo_t info{};
    const int got = waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    if (got == 0 && info.si_pid == pid_) {
      const bool is_exit = info.si_code == CLD_EXITED;
      exit_ = Exit{is_exit ? info.si_status : 0, is_exit ? 0 : info.si_status};
    } else if (base::monotonic_now() >= until) {
      break;
    } else {
      std::this_thread::sleep_for(poll_interval);
    }
  }
  return exit_;
}

// Until stderr ends, or the child was ended: a process that left the group may hold it open.
void Child::read_errors() {
  base::LineSplitter splitter;
  const auto on_line = [this](std::string_view line) { lines_.on_line(std::string(line)); };
  std::array<std::byte, 4096> buffer;
  bool is_ending = false;
  while (true) {
    std::array<pollfd, 2> waiting{{{errors_, POLLIN, 0}, {stopped_, POLLIN, 0}}};
    if (!is_ending && poll(waiting.data(), waiting.size(), -1) == -1 && errno != EINTR) break;
    is_ending = is_ending || waiting[1].revents != 0;
    const ssize_t got = read(errors_, buffer.data(), buffer.size());
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
    if (got < 0 && is_ending) break;
    if (got > 0) splitter.feed(std::span(buffer).first(static_cast<std::size_t>(got)), on_line);
  }
  splitter.finish(on_line);
}

std::string to_text(const Child::Exit& exit) {
  if (exit.signal != 0) return "was ended by signal " + std::to_string(exit.signal);
  return "ended with code " + std::to_string(exit.code);
}

}  // namespace client::camera
