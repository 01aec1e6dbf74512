// The limit for a recorder: writes the bytes of as many streams into as many files, at their rate,
// in gathering writes of 1 MiB out of blocks of an arena, and does nothing else.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/send_times.hpp"
#include "tests/bench/sockets.hpp"

namespace bench {
namespace {

constexpr std::size_t block_bytes = 64 * 1024;
constexpr std::size_t write_bytes = 1024 * 1024;
constexpr std::size_t arena_bytes = 256 * 1024 * 1024;

volatile std::sig_atomic_t stopped = 0;

struct Plan {
  std::string folder;
  std::int64_t streams;
  std::int64_t bit_rate;  ///< of each
  std::int64_t file_seconds;
};

/// Blocks in turn, so that what is written was last touched as long ago as a recorder's payload.
class Arena {
 public:
  Arena()
      : bytes_(static_cast<std::byte*>(::mmap(nullptr, arena_bytes, PROT_READ | PROT_WRITE,
                                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0))) {
    if (bytes_ == MAP_FAILED) fail("mmap");
    std::memset(bytes_, 0x55, arena_bytes);
  }
  std::byte* next() {
    std::byte* const block = bytes_ + place_;
    place_ = (place_ + block_bytes) % arena_bytes;
    return block;
  }

 private:
  std::byte* const bytes_;
  std::size_t place_ = 0;
};

/// One stream's files, one after the other.
class Recording {
 public:
  Recording(const Plan& plan, std::int64_t number)
      : folder_(plan.folder + "/" + std::to_string(number)),
        file_bytes_(plan.bit_rate / 8 * plan.file_seconds) {
    if (::mkdir(folder_.c_str(), 0700) != 0) fail(folder_);
  }

  void write(Arena& arena) {
    if (!file_.open()) {
      const std::string path = folder_ + "/" + std::to_string(files_++);
      file_ = Descriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
      if (!file_.open()) fail(path);
    }
    std::array<iovec, write_bytes / block_bytes> blocks;
    for (iovec& block : blocks) block = {.iov_base = arena.next(), .iov_len = block_bytes};
    if (::pwritev(file_.get(), blocks.data(), blocks.size(), written_) != write_bytes) {
      fail("pwritev");
    }
    written_ += write_bytes;
    if (written_ < file_bytes_) return;
    file_.reset();
    written_ = 0;
  }

 private:
  const std::string folder_;
  const std::int64_t file_bytes_;
  Descriptor file_;
  std::int64_t files_ = 0;
  std::int64_t written_ = 0;
};

void sleep_until(std::int64_t due) {
  const timespec moment{.tv_sec = due / 1'000'000'000, .tv_nsec = due % 1'000'000'000};
  ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
}

void run(const Plan& plan, SendTimes& times) {
  Arena arena;
  std::vector<Recording> recordings;
  for (std::int64_t i = 0; i < plan.streams; ++i) recordings.emplace_back(plan, i);
  const std::int64_t start = now_ns();
  const double period_ns =
      static_cast<double>(write_bytes) * 8e9 / static_cast<double>(plan.bit_rate * plan.streams);
  std::printf("{\"event\": \"writing\"}\n");
  std::fflush(stdout);
  for (std::int64_t i = 0; stopped == 0; ++i) {
    const std::int64_t due = start + static_cast<std::int64_t>(static_cast<double>(i) * period_ns);
    while (stopped == 0 && now_ns() < due) sleep_until(due);
    recordings[static_cast<std::size_t>(i % plan.streams)].write(arena);
    times.bytes.fetch_add(write_bytes);
  }
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  struct sigaction action {};
  action.sa_handler = [](int) { bench::stopped = 1; };  // without SA_RESTART
  ::sigaction(SIGTERM, &action, nullptr);
  bench::Arguments arguments(argc, argv);
  const bench::Plan plan{.folder = arguments.text("folder", "."),
                         .streams = arguments.number("streams", 200),
                         .bit_rate = arguments.number("bit-rate", 4'000'000),
                         .file_seconds = arguments.number("file-seconds", 4)};
  const std::string times = arguments.text("times", ".");
  arguments.finish();
  bench::run(plan, bench::create_send_times(times + "/0.times"));
}
