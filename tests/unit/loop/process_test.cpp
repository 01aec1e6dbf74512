#include "relay/loop/process.hpp"

#include <doctest/doctest.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"

namespace loop {
namespace {

using namespace std::chrono_literals;

struct Rig : Process::Events {
  Rig() { test::ignore_broken_pipes(); }

  std::span<std::byte> read_space() noexcept override { return std::span(space).first(room); }
  void on_read(std::span<std::byte> bytes) noexcept override {
    output.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void on_no_space() noexcept override { ++no_space; }
  void on_output_end() noexcept override { ++output_ends; }
  void on_error_line(std::string_view line) noexcept override { errors += std::string(line) + ';'; }
  void on_exit(const ProcessExit& ended) noexcept override {
    ++exits;
    exit = ended;
  }

  base::Error start(Process::Command command) {
    command.environment.push_back("PATH=/usr/bin:/bin");
    auto started = Process::start(worker, command, *this);
    if (!started) return started.error();
    process = std::move(*started);
    process->start_reading();
    return {};
  }
  void run(const std::string& script) {
    REQUIRE_FALSE(start({{"sh", "-c", script}, {}, {}}));
    await_exit();
  }
  void await_exit() {
    test::run_until(worker, [&] { return exits > 0; });
    CHECK(exits == 1);
    CHECK(output_ends == 1);
  }
  void await_output(const std::string& text) {
    test::run_until(worker, [&] { return output.find(text) != std::string::npos; });
  }

  Worker worker{0};
  std::array<std::byte, 4096> space;
  std::size_t room = space.size();
  std::string output;
  std::string errors;
  int no_space = 0;
  int output_ends = 0;
  int exits = 0;
  ProcessExit exit;
  std::unique_ptr<Process> process;
};

std::size_t count_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

// True when this process has children, ended or not.
bool has_children() {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

}  // namespace

TEST_CASE_FIXTURE(Rig, "output and lines of error and exit code of a child arrive") {
  run("echo out; echo one >&2; printf two >&2; exit 7");
  CHECK(output == "out\n");
  CHECK(errors == "one;two;");
  CHECK(exit.code == 7);
  CHECK(exit.signal == 0);
  CHECK_FALSE(exit.is_good());
  CHECK(describe(exit) == "exit code 7");
  CHECK_FALSE(has_children());
}

TEST_CASE_FIXTURE(Rig, "a program that is not there or not executable is an error") {
  CHECK(start({{"/nowhere/at-all"}, {}, {}}).value() == ENOENT);
  CHECK(start({{"no-such-program-anywhere"}, {}, {}}).value() == ENOENT);
  CHECK(start({{"/etc/passwd"}, {}, {}}).value() == EACCES);
  CHECK_FALSE(has_children());
  CHECK(exits == 0);
}

TEST_CASE_FIXTURE(Rig, "everything is read that a child wrote before it died") {
  // As much as a pipe holds, and nobody reads it before the child is gone.
  REQUIRE_FALSE(start({{"sh", "-c", "head -c 65536 /dev/zero; exit 3"}, {}, {}}));
  process->stop_reading();
  test::run_until(worker, [] {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0;
  });
  CHECK(output.empty());
  CHECK(exits == 0);
  process->start_reading();
  await_exit();
  CHECK(output.size() == 65536);
  CHECK(exit.code == 3);
}

TEST_CASE_FIXTURE(Rig, "without room reading stops until it is started again") {
  room = 0;
  REQUIRE_FALSE(start({{"sh", "-c", "echo hello"}, {}, {}}));
  test::run_until(worker, [&] { return no_space == 1; });
  room = 3;
  process->start_reading();
  await_exit();
  CHECK(output == "hello\n");
}

TEST_CASE_FIXTURE(Rig, "a child that closes its output lives on until it is told to end") {
  REQUIRE_FALSE(start({{"sh", "-c", "echo out; exec >&-; exec sleep 1000"}, {}, {}}));
  test::run_until(worker, [&] { return output_ends == 1; });
  CHECK(exits == 0);
  process->terminate(1h);
  process->terminate(0s);  // nothing: the first holds
  await_exit();
  CHECK(exit.signal == SIGTERM);
  CHECK(describe(exit) == "signal SIGTERM");
}

TEST_CASE_FIXTURE(Rig, "a child that ignores SIGTERM is killed") {
  REQUIRE_FALSE(
      start({{"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"}, {}, {}}));
  await_output("ready");
  process->terminate(50ms);
  await_exit();
  CHECK(exit.signal == SIGKILL);
}

TEST_CASE_FIXTURE(Rig, "what a child leaves of its group ends with it") {
  run("sleep 1000 & echo $!");
  CHECK(exit.is_good());
  const int pid = std::stoi(output);
  // It is another's child now, who may not have reaped it yet.
  test::run_until(worker, [pid] {
    const auto state = std::filesystem::path("/proc") / std::to_string(pid);
    return kill(pid, 0) != 0 || !std::filesystem::exists(state / "exe");
  });
}

TEST_CASE_FIXTURE(Rig, "whoever left the group and keeps the pipes does not keep the process") {
  // It says when it has left.
  run("trap 'exit 0' USR1; setsid sh -c 'echo $$; kill -USR1 '$$'; exec sleep 1000' & wait");
  CHECK(exit.is_good());
  CHECK(output_ends == 1);
  kill(std::stoi(output), SIGKILL);
}

TEST_CASE_FIXTURE(Rig, "output that is of no use any more breaks the child that writes it") {
  REQUIRE_FALSE(start({{"yes"}, {}, {}}));
  await_output("y");
  process->close_output();
  test::run_until(worker, [&] { return exits == 1; });
  CHECK(output_ends == 0);
  CHECK(exit.signal == SIGPIPE);
}

TEST_CASE_FIXTURE(Rig, "a child reads its input and then its end") {
  const std::string text(200'000, 'x');  // more than a pipe holds
  REQUIRE_FALSE(start({{"cat"}, {}, text}));
  await_exit();
  CHECK(output == text);
}

TEST_CASE_FIXTURE(Rig, "a child that does not read its input loses it") {
  REQUIRE_FALSE(start({{"true"}, {}, std::string(200'000, 'x')}));
  await_exit();
  CHECK(exit.is_good());
}

TEST_CASE_FIXTURE(Rig, "a child has its environment and nothing else of ours") {
  // What we inherited ourselves is no concern of this.
  REQUIRE(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0);
  REQUIRE_FALSE(start({{"sh", "-c",
                        "env | sort; ls /proc/self/fd; "
                        "ps -o sid=,pgid= -p $$ | tr -s ' ' '\\n' | uniq | wc -w; cat"},
                       {"A=b c"},
                       {}}));
  await_exit();
  INFO(output);
  CHECK(output.find("A=b c\n") != std::string::npos);
  CHECK(output.find("HOME=") == std::string::npos);
  // Number 3 is the folder that ls reads.
  CHECK(output.find("\n0\n1\n2\n3\n1\n") != std::string::npos);
}

// Without a shell, which blocks signals of its own while it starts programs.
TEST_CASE_FIXTURE(Rig, "a child blocks and ignores no signal") {
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  REQUIRE_FALSE(start({{"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"}, {}, {}}));
  await_exit();
  pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  CHECK(output == "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

TEST_CASE_FIXTURE(Rig, "a flood of errors is lines that are bounded") {
  run("head -c 100000 /dev/zero | tr '\\0' 'x' >&2; echo >&2; echo end >&2");
  CHECK(errors == std::string(base::LineSplitter::line_bytes_max, 'x') + ";end;");
}

TEST_CASE_FIXTURE(Rig, "a child that is destroyed is killed and reaped") {
  REQUIRE_FALSE(
      start({{"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"}, {}, {}}));
  await_output("ready");
  process.reset();
  test::run_until(worker, [] { return !has_children(); });
  CHECK(exits == 0);
}

TEST_CASE("a worker that ends with a child waits until it is killed and reaped") {
  {
    Rig rig;
    REQUIRE_FALSE(rig.start({{"sleep", "1000"}, {}, {}}));
  }
  CHECK_FALSE(has_children());
}

TEST_CASE("a thousand starts leave no descriptor and no zombie") {
  const std::size_t before = count_descriptors();
  {
    Rig rig;
    for (int count = 0; count < 1000; ++count) {
      // Most end well, some fail to start, some are destroyed while they run.
      if (count % 10 == 9) {
        REQUIRE(rig.start({{"/nowhere/at-all"}, {}, {}}).value() == ENOENT);
        continue;
      }
      REQUIRE_FALSE(rig.start({{count % 10 == 8 ? "cat" : "true"}, {}, "input"}));
      if (count % 10 == 8) {
        rig.process.reset();
        continue;
      }
      rig.exits = 0;
      test::run_until(rig.worker, [&] { return rig.exits == 1; });
    }
    rig.process.reset();
    test::run_until(rig.worker, [] { return !has_children(); });
    // Those of the loop stay; the handles' last ones close on the next turns.
    test::run_turns(rig.worker, 3);
    CHECK(count_descriptors() <= before + 12);
  }
  CHECK_FALSE(has_children());
  CHECK(count_descriptors() <= before + 2);  // libuv's lock for signals, once for the process
}

}  // namespace loop
