// Viewers of the past: each reads so many bytes of a recording as fast as it gets them, then goes;
// prints what it cost the server.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/arguments.hpp"
#include "tests/bench/process_times.hpp"
#include "tests/bench/sockets.hpp"
#include "tests/bench/viewer.hpp"

namespace bench {
namespace {

struct Plan {
  std::uint16_t port;
  std::string target;
  std::size_t viewers;
  std::uint64_t bytes;  ///< that each reads
  std::int64_t connects_per_second;
  std::int64_t patience_ms;
  std::int64_t server;  ///< process whose CPU time is taken
};

class Past {
 public:
  explicit Past(Plan plan) : plan_(std::move(plan)) {}

  int run() {
    const std::int64_t began = now_ns();
    const double server_before = server_cpu_seconds(plan_.server);
    const double own_before = own_cpu_seconds();
    while (done_ < plan_.viewers && now_ns() - began < plan_.patience_ms * 1'000'000) {
      const auto due = static_cast<std::size_t>(
          (now_ns() - began) * plan_.connects_per_second / 1'000'000'000 + 1);
      while (viewers_.size() < std::min(plan_.viewers, due)) add_viewer();
      serve();
    }
    report(static_cast<double>(now_ns() - began) / 1e9,
           server_cpu_seconds(plan_.server) - server_before, own_cpu_seconds() - own_before);
    return 0;
  }

 private:
  void add_viewer() {
    viewers_.push_back(std::make_unique<Viewer>(viewers_.size(), plan_.port, plan_.target,
                                                Protocol::http, nullptr, false));
    is_done_.push_back(false);
    epoll_.add(viewers_.back()->fd(), EPOLLIN, viewers_.size() - 1);
  }

  void serve() {
    std::array<epoll_event, 512> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 1);
    for (int i = 0; i < count; ++i) {
      const std::size_t id = events[static_cast<std::size_t>(i)].data.u64;
      Viewer& viewer = *viewers_[id];
      if (is_done_[id]) continue;
      viewer.read(false);
      const bool full = viewer.received() >= plan_.bytes;
      is_done_[id] = full || viewer.state() == Viewer::State::closed ||
                     viewer.state() == Viewer::State::refused;
      if (!is_done_[id]) continue;
      ++done_;
      full_ += full ? 1 : 0;
      if (full) viewer.close();
    }
  }

  void report(double seconds, double server_cpu, double own_cpu) const {
    std::uint64_t bytes = 0;
    std::uint64_t reads = 0;
    std::vector<std::int64_t> first;
    for (const auto& viewer : viewers_) {
      bytes += viewer->received();
      reads += viewer->reads();
      if (viewer->first_byte_ns() > 0) first.push_back(viewer->first_byte_ns());
    }
    std::sort(first.begin(), first.end());
    const auto at = [&first](std::size_t percent) {
      return first.empty() ? 0.0
                           : static_cast<double>(first[(first.size() - 1) * percent / 100]) / 1e6;
    };
    std::printf(
        "{\"event\": \"past\", \"viewers\": %zu, \"full\": %zu, \"seconds\": %.3f, "
        "\"server_cpu\": %.3f, \"load_cpu\": %.3f, \"bytes\": %llu, \"reads\": %llu, "
        "\"cpu_per_gb\": %.4f, \"first_byte_ms\": {\"p50\": %.3f, \"p99\": %.3f}}\n",
        viewers_.size(), full_, seconds, server_cpu, own_cpu,
        static_cast<unsigned long long>(bytes), static_cast<unsigned long long>(reads),
        bytes == 0 ? 0.0 : server_cpu / (static_cast<double>(bytes) / 1e9), at(50), at(99));
  }

  const Plan plan_;
  Epoll epoll_;
  std::vector<std::unique_ptr<Viewer>> viewers_;
  std::vector<bool> is_done_;
  std::size_t done_ = 0;
  std::size_t full_ = 0;
};

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  bench::Arguments arguments(argc, argv);
  bench::Plan plan{.port = static_cast<std::uint16_t>(arguments.number("port", 0)),
                   .target = arguments.text("target", "/bench/0.mp4?at=-60s"),
                   .viewers = static_cast<std::size_t>(arguments.number("viewers", 1000)),
                   .bytes = static_cast<std::uint64_t>(arguments.number("bytes", 30'000'000)),
                   .connects_per_second = arguments.number("connects", 1000),
                   .patience_ms = arguments.number("patience-ms", 120'000),
                   .server = arguments.number("server", 0)};
  arguments.finish();
  return bench::Past(std::move(plan)).run();
}
