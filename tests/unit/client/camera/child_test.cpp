#include "client/camera/child.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "relay/base/line_splitter.hpp"

namespace client::camera {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Lines : Child::Lines {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> said;

  void on_line(std::string line) override {
    const std::lock_guard lock(mutex);
    said.push_back(std::move(line));
    changed.notify_all();
  }
  void wait(std::size_t count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return said.size() >= count; });
  }
};

std::string read_all(int file) {
  std::string text;
  char buffer[256];
  while (true) {
    const ssize_t got = read(file, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

}  // namespace

TEST_CASE("a command writes to the pipe and its end is known") {
  Lines lines;
  auto child = Child::start("echo out; exit 3", lines);
  REQUIRE(child);
  CHECK(read_all((*child)->output()) == "out\n");
  const auto exit = (*child)->wait(seconds(60));
  REQUIRE(exit);
  CHECK(*exit == Child::Exit{3, 0});
  CHECK_FALSE(exit->is_good());
  CHECK(to_text(*exit) == "ended with code 3");
}

TEST_CASE("what a command says comes line by line") {
  Lines lines;
  auto child = Child::start(
      "printf 'one\\n\\ntwo\\rthree' >&2; head -c 3000 /dev/zero | tr '\\0' x >&2", lines);
  REQUIRE(child);
  CHECK(read_all((*child)->output()).empty());
  child->reset();  // the rest is said before it is gone
  REQUIRE(lines.said.size() == 3);
  CHECK(lines.said[0] == "one");
  CHECK(lines.said[1] == "two");
  CHECK(lines.said[2].size() == base::LineSplitter::line_bytes_max);
}

TEST_CASE("a command has nothing of ours") {
  // A socket of a library that knows nothing of exec.
  const int leaked = open("/dev/null", O_RDONLY);
  REQUIRE(leaked > STDERR_FILENO);
  Lines lines;
  auto child =
      Child::start("cat; ls /proc/self/fd | wc -l; ps -o pgid= -p $$ | tr -d ' '; echo $$", lines);
  REQUIRE(child);
  const std::string text = read_all((*child)->output());
  close(leaked);
  // 0, 1, 2 and the folder that ls reads; and the group is its own.
  CHECK(text.starts_with("4\n"));
  const std::string ids = text.substr(2);
  const std::string group = ids.substr(0, ids.find('\n') + 1);
  CHECK(ids == group + group);
}

TEST_CASE("a command that goes on is ended with its group") {
  Lines lines;
  auto child = Child::start("sleep 1000 & echo $!; wait", lines);
  REQUIRE(child);
  char digits[16] = {};
  REQUIRE(read((*child)->output(), digits, sizeof digits - 1) > 0);
  const pid_t inner = std::stoi(digits);
  CHECK_FALSE((*child)->wait(milliseconds(0)));
  const auto began = std::chrono::steady_clock::now();
  child->reset();
  CHECK(std::chrono::steady_clock::now() - began < Child::kill_after + seconds(30));
  // An orphan's zombie may wait for init a moment; it is no running process any more.
  bool is_gone = false;
  while (!is_gone)
    is_gone = kill(inner, 0) == -1 ||
              read_all(open(("/proc/" + std::to_string(inner) + "/stat").c_str(), O_RDONLY))
                      .find(") Z ") != std::string::npos;
  CHECK(is_gone);
}

TEST_CASE("a command that ignores SIGTERM is killed") {
  Lines lines;
  auto child =
      Child::start("trap '' TERM PIPE; echo here >&2; while :; do sleep 1000; done", lines);
  REQUIRE(child);
  lines.wait(1);
  child->reset();
  CHECK(lines.said.front() == "here");
}

TEST_CASE("a command that was ended by a signal says so") {
  Lines lines;
  auto child = Child::start("kill -9 $$", lines);
  REQUIRE(child);
  const auto exit = (*child)->wait(seconds(60));
  REQUIRE(exit);
  CHECK(to_text(*exit) == "was ended by signal 9");
}

}  // namespace client::camera
