// Viewers and publishers of the soak: healthy viewers that check every frame, one in ten that
// stalls, reads slowly or comes and goes, publishers that restart. Told on stdin what to do, one
// line each; answers with one JSON line when it is done, and goes on streaming meanwhile:
//   quiet SECONDS   everybody reads, nobody restarts
//   rough SECONDS   whims and restarts; then all are connected and read again
//   end             publishers end, viewers leave
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/soak_viewer.hpp"

namespace bench {
namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::uint64_t stdin_tag = ~std::uint64_t{0};

class Soak {
 public:
  explicit Soak(Arguments arguments)
      : port_(static_cast<std::uint16_t>(arguments.number("port", 0))),
        random_(static_cast<std::uint64_t>(arguments.number("seed", 1))),
        patience_(arguments.number("patience", 60) * 1000 * ms) {
    const std::int64_t streams = arguments.number("streams", 10);
    const std::int64_t viewers = arguments.number("viewers", 500);
    arguments.finish();
    epoll_.add(STDIN_FILENO, EPOLLIN, stdin_tag);
    for (std::int64_t i = 0; i < streams; ++i) add_stream(i);
    await("no frames", [this] {
      return std::ranges::all_of(streams_, [](const auto& s) { return s->frames() > 0; });
    });
    for (std::int64_t i = 0; i < viewers; ++i) {
      add_viewer(i);
      turn(0);
    }
    await_all_seen();
  }

  void run() {
    report("ready");
    while (!over_) {
      turn(5);
      if (const std::string line = next_line(); !line.empty()) obey(line);
    }
  }

 private:
  using Counts = SoakViewer::Counts;

  // Every third is MP4.
  void add_stream(std::int64_t number) {
    streams_.push_back(std::make_unique<SoakStream>(
        port_, number, number % 3 == 2 ? Container::mp4 : Container::mpegts));
    restart_due_.push_back(0);
  }

  // One in ten is rough. MPEG-TS is watched as such and as MP4; MP4 as such alone, because in
  // packets of another size markers would be cut.
  void add_viewer(std::int64_t number) {
    const auto streams = static_cast<std::int64_t>(streams_.size());
    const SoakStream& stream = *streams_[static_cast<std::size_t>(number % streams)];
    const bool is_other = number / streams % 2 == 1;
    auto viewer =
        std::make_unique<SoakViewer>(port_, stream, is_other ? Container::mp4 : stream.container());
    if (number / streams % 10 == 9 - number % streams % 10) {
      rough_.push_back(std::move(viewer));
      return;
    }
    epoll_.add(viewer->fd(), EPOLLIN, healthy_.size());
    healthy_.push_back(std::move(viewer));
  }

  void obey(const std::string& line) {
    const std::string word = line.substr(0, line.find(' '));
    const std::int64_t seconds = std::atoll(line.c_str() + std::min(line.size(), word.size()));
    if (word == "end") return end();
    if (word != "quiet" && word != "rough") fail("unknown command " + line);
    play(seconds * 1000 * ms, word == "rough");
    report(word.c_str());
  }

  void play(std::int64_t length, bool rough) {
    times_.clear();
    latencies_ = &times_;
    const std::int64_t until = now_ns() + length;
    is_rough_ = rough;
    while (now_ns() < until) turn(5);
    is_rough_ = false;
    latencies_ = nullptr;
    if (rough) {
      for (const auto& viewer : rough_) viewer->calm_down();
    }
    await_all_seen();
  }

  void turn(int wait_ms) {
    const std::int64_t now = now_ns();
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      streams_[i]->on_time(now);
      if (is_rough_) maybe_restart(i, now);
      wait_ms = std::min(
          wait_ms, static_cast<int>(std::max<std::int64_t>((streams_[i]->due() - now) / ms, 0)));
    }
    std::array<epoll_event, 512> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t tag = events[static_cast<std::size_t>(i)].data.u64;
      if (tag == stdin_tag) {
        read_stdin();
      } else {
        healthy_[tag]->read(healthy_counts_, latencies_);
      }
    }
    for (const auto& viewer : rough_) {
      if (is_rough_ && !viewer->behave(now, random_, rough_counts_)) continue;
      if (viewer->is_connected()) viewer->read(rough_counts_, nullptr);
    }
  }

  // Each about every ten seconds, whole or cut off.
  void maybe_restart(std::size_t index, std::int64_t now) {
    std::int64_t& due = restart_due_[index];
    if (now < due) return;
    if (due > 0) streams_[index]->restart(random_() % 2 == 0);
    due = now + std::uniform_int_distribution<std::int64_t>(2'000, 18'000)(random_) * ms;
  }

  template <class Condition>
  void await(const char* what, Condition condition) {
    const std::int64_t until = now_ns() + patience_;
    while (!condition()) {
      if (now_ns() > until) {
        std::fprintf(stderr, "%s\n", what);
        ++overdue_;
        return;
      }
      turn(5);
    }
  }
  // Whoever lost its connection is counted already.
  void await_all_seen() {
    std::vector<std::pair<const SoakViewer*, std::uint64_t>> awaited;
    for (const auto* viewers : {&healthy_, &rough_}) {
      for (const auto& viewer : *viewers) {
        awaited.emplace_back(viewer.get(), viewer->stream().frames());
      }
    }
    await("viewers without the newest frames", [&] {
      return std::ranges::all_of(awaited, [](const auto& one) {
        return one.first->has_seen(one.second) || !one.first->is_connected();
      });
    });
  }

  void end() {
    for (const auto& stream : streams_) stream->end();
    await("a publisher without an answer", [this] {
      return std::ranges::all_of(streams_, [](const auto& stream) { return stream->is_over(); });
    });
    report("end");
    healthy_.clear();
    rough_.clear();
    over_ = true;
  }

  void report(const char* event) {
    std::uint64_t publishers = 0;
    std::uint64_t refused = 0;
    for (const auto& stream : streams_) {
      publishers += stream->publishers();
      refused += stream->is_refused() ? 1u : 0u;
    }
    std::printf(
        "{\"event\": \"%s\", \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"publishers\": %lu, "
        "\"publishers_refused\": %lu, \"overdue\": %lu, ",
        event, times_.quantile_ms(0.5), times_.quantile_ms(0.99), publishers, refused, overdue_);
    print("healthy", healthy_counts_);
    std::printf(", ");
    print("rough", rough_counts_);
    std::printf("}\n");
    std::fflush(stdout);
  }
  static void print(const char* name, const Counts& counts) {
    std::printf(
        "\"%s\": {\"frames\": %lu, \"lost\": %lu, \"disorder\": %lu, \"connects\": %lu, "
        "\"ended\": %lu, \"refused\": %lu}",
        name, counts.frames, counts.lost, counts.disorder, counts.connects, counts.ended,
        counts.refused);
  }

  void read_stdin() {
    std::array<char, 256> text;
    const ssize_t size = ::read(STDIN_FILENO, text.data(), text.size());
    if (size <= 0) std::exit(1);  // whoever started this is gone
    lines_.append(text.data(), static_cast<std::size_t>(size));
  }
  std::string next_line() {
    const std::size_t end = lines_.find('\n');
    if (end == std::string::npos) return {};
    std::string line = lines_.substr(0, end);
    lines_.erase(0, end + 1);
    return line;
  }

  const std::uint16_t port_;
  std::mt19937_64 random_;
  const std::int64_t patience_;
  Epoll epoll_;
  std::vector<std::unique_ptr<SoakStream>> streams_;
  std::vector<std::int64_t> restart_due_;
  std::vector<std::unique_ptr<SoakViewer>> healthy_;
  std::vector<std::unique_ptr<SoakViewer>> rough_;
  Counts healthy_counts_;
  Counts rough_counts_;
  SoakTimes times_;
  SoakTimes* latencies_ = nullptr;
  std::string lines_;
  std::uint64_t overdue_ = 0;
  bool is_rough_ = false;
  bool over_ = false;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  bench::Soak(bench::Arguments(argc, argv)).run();
}
