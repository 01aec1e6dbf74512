// Viewers that discard: ramps them up, measures a window, and prints one JSON line per step.
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <numeric>
#include <sstream>
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
  std::string target;  ///< `{}` stands for the stream's number
  std::string times;   ///< folder of the senders' times, N.times
  Protocol protocol;
  std::int64_t streams;
  std::vector<std::int64_t> steps;
  std::int64_t connects_per_second;
  std::int64_t settle_ms;
  std::int64_t window_ms;
  std::int64_t frames_per_second;
  std::int64_t slack_bytes;  ///< what may be on its way at a window's end: one write
  std::int64_t server;       ///< process whose CPU time is taken; 0: none
  bool follow;               ///< take latencies
  bool stop_when_stalled;
};

double seconds(std::int64_t ns) { return static_cast<double>(ns) / 1e9; }

/// The value below which `part` of the sorted list lies.
template <class T>
double quantile(const std::vector<T>& sorted, double part) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(part * static_cast<double>(sorted.size()));
  return static_cast<double>(sorted[std::min(index, sorted.size() - 1)]);
}

class Load {
 public:
  explicit Load(Plan plan) : plan_(std::move(plan)) {
    if (plan_.times.empty()) return;
    for (std::int64_t i = 0; i < plan_.streams; ++i) {
      times_.push_back(&open_send_times(plan_.times + "/" + std::to_string(i) + ".times"));
    }
  }

  void run() {
    for (const std::int64_t step : plan_.steps) {
      connect_until(static_cast<std::size_t>(step));
      serve_until(now_ns() + plan_.settle_ms * 1'000'000);
      const bool full = measure();
      if (!full && plan_.stop_when_stalled) return;
    }
  }

 private:
  struct Sent {
    std::vector<std::uint64_t> bytes;
    std::uint64_t video_frames = 0;
  };

  void connect_until(std::size_t count) {
    const std::int64_t began = now_ns();
    const std::size_t before = viewers_.size();
    while (viewers_.size() < count) {
      const std::int64_t passed = now_ns() - began;
      const auto due =
          static_cast<std::size_t>(passed * plan_.connects_per_second / 1'000'000'000 + 1);
      while (viewers_.size() < std::min(count, before + due)) add_viewer();
      serve(1);
    }
  }

  void add_viewer() {
    const std::size_t id = viewers_.size();
    const std::size_t stream = id % static_cast<std::size_t>(plan_.streams);
    std::string target = plan_.target;
    if (const std::size_t place = target.find("{}"); place != std::string::npos) {
      target.replace(place, 2, std::to_string(stream));
    }
    const SendTimes* const times = times_.empty() ? nullptr : times_[stream];
    viewers_.push_back(
        std::make_unique<Viewer>(id, plan_.port, target, plan_.protocol, times, plan_.follow));
    epoll_.add(viewers_.back()->fd(), EPOLLIN, id);
  }

  void serve_until(std::int64_t end) {
    while (now_ns() < end) serve(5);
  }

  void serve(int wait_ms) {
    std::array<epoll_event, 512> events;
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), wait_ms);
    for (int i = 0; i < count; ++i) {
      viewers_[events[static_cast<std::size_t>(i)].data.u64]->read(recording_);
    }
  }

  Sent sent_so_far() const {
    Sent sent;
    for (const SendTimes* times : times_) sent.bytes.push_back(times->bytes.load());
    if (!times_.empty()) sent.video_frames = times_.front()->video_frames.load();
    return sent;
  }

  void announce(const char* event) {
    std::printf("{\"event\": \"%s\", \"viewers\": %zu}\n", event, viewers_.size());
    std::fflush(stdout);
  }

  /// Returns whether every viewer got everything without a stall.
  bool measure() {
    const auto frames = plan_.window_ms * plan_.frames_per_second / 1000;
    announce("window_begin");
    serve_until(now_ns() + 200'000'000);  // whoever looks at the server now is not in the window
    const Sent before = sent_so_far();
    const double server_before = server_cpu_seconds(plan_.server);
    const double own_before = own_cpu_seconds();
    const std::int64_t began = now_ns();
    for (const auto& viewer : viewers_) viewer->begin_window(static_cast<std::size_t>(frames));
    recording_ = true;
    serve_until(began + plan_.window_ms * 1'000'000);
    recording_ = false;
    const std::int64_t lasted = now_ns() - began;
    const double server_cpu = server_cpu_seconds(plan_.server) - server_before;
    const double own_cpu = own_cpu_seconds() - own_before;
    const Sent after = sent_so_far();
    for (const auto& viewer : viewers_) viewer->end_window();
    announce("window_end");
    std::ostringstream json;
    json << "{\"event\": \"step\", \"viewers\": " << viewers_.size()
         << ", \"seconds\": " << seconds(lasted) << ", \"server_cpu\": " << server_cpu
         << ", \"load_cpu\": " << own_cpu
         << ", \"video_frames\": " << after.video_frames - before.video_frames;
    // A sender that is late or blocked gets no credit for what it did not send.
    const double nominal = seconds(lasted) * static_cast<double>(plan_.frames_per_second) - 1;
    const double slow = nominal / static_cast<double>(std::max<std::uint64_t>(
                                      after.video_frames - before.video_frames, 1));
    const bool full = report_bytes(json, before, after, std::max(1.0, slow), server_cpu);
    report_first_bytes(json);
    if (plan_.follow) report_latencies(json);
    serve_until(now_ns() + 300'000'000);  // nobody leaves while it is looked at again
    std::printf("%s}\n", json.str().c_str());
    std::fflush(stdout);
    return full;
  }

  bool report_bytes(std::ostream& json, const Sent& before, const Sent& after, double slow,
                    double server_cpu) {
    std::uint64_t bytes = 0;
    std::uint64_t reads = 0;
    std::size_t full = 0;
    std::size_t stalled = 0;
    std::size_t closed = 0;
    std::size_t refused = 0;
    double least = times_.empty() ? 0 : 1;
    for (std::size_t i = 0; i < viewers_.size(); ++i) {
      const Viewer& viewer = *viewers_[i];
      bytes += viewer.window_bytes();
      reads += viewer.reads();
      stalled += viewer.stalls() > 0 ? 1 : 0;
      closed += viewer.state() == Viewer::State::closed ? 1 : 0;
      refused += viewer.state() == Viewer::State::refused ? 1 : 0;
      if (times_.empty()) continue;
      const std::size_t stream = i % times_.size();
      const double expected =
          slow * static_cast<double>(after.bytes[stream] - before.bytes[stream]);
      const auto got = std::min(expected, static_cast<double>(viewer.window_bytes()) +
                                              static_cast<double>(plan_.slack_bytes));
      least = std::min(least, got / expected);
      full += got >= 0.99 * expected ? 1 : 0;
    }
    json << ", \"bytes\": " << bytes << ", \"reads\": " << reads << ", \"full\": " << full
         << ", \"least_share\": " << least << ", \"stalled\": " << stalled
         << ", \"closed\": " << closed << ", \"refused\": " << refused << ", \"cpu_per_gb\": "
         << (bytes == 0 ? 0.0 : server_cpu / (static_cast<double>(bytes) / 1e9));
    return stalled == 0 && closed == 0 && refused == 0 &&
           (times_.empty() || full == viewers_.size());
  }

  void report_first_bytes(std::ostream& json) {
    std::vector<std::int64_t> times;
    for (const auto& viewer : viewers_) {
      if (viewer->first_byte_ns() > 0) times.push_back(viewer->first_byte_ns());
    }
    std::sort(times.begin(), times.end());
    json << ", \"first_byte_ms\": {\"p50\": " << quantile(times, 0.5) / 1e6
         << ", \"p99\": " << quantile(times, 0.99) / 1e6 << "}";
  }

  void report_latencies(std::ostream& json) {
    std::vector<std::uint32_t> all;
    std::vector<double> medians;
    std::uint64_t verified = 0;
    std::uint64_t resyncs = 0;
    for (const auto& viewer : viewers_) {
      auto& own = viewer->latencies();
      verified += viewer->verified();
      resyncs += viewer->resyncs();
      if (own.empty()) continue;
      all.insert(all.end(), own.begin(), own.end());
      std::sort(own.begin(), own.end());
      medians.push_back(quantile(own, 0.5) / 1e4);
    }
    // Of one viewer so few that parts of the window can be looked at, in the order of the frames.
    const auto in_order = viewers_.size() == 1 ? all : std::vector<std::uint32_t>();
    std::sort(all.begin(), all.end());
    const double mean = all.empty() ? 0
                                    : std::accumulate(all.begin(), all.end(), 0.0) /
                                          static_cast<double>(all.size()) / 1e4;
    const double worst = medians.empty() ? 0 : *std::max_element(medians.begin(), medians.end());
    json << ", \"latency_ms\": {\"samples\": " << all.size()
         << ", \"p50\": " << quantile(all, 0.5) / 1e4 << ", \"p99\": " << quantile(all, 0.99) / 1e4
         << ", \"p999\": " << quantile(all, 0.999) / 1e4 << ", \"mean\": " << mean
         << ", \"worst_median\": " << worst << ", \"followed\": " << medians.size()
         << ", \"verified\": " << verified << ", \"resyncs\": " << resyncs;
    json << ", \"in_order\": [";
    for (std::size_t i = 0; i < in_order.size(); ++i)
      json << (i > 0 ? "," : "") << in_order[i] / 1e4;
    json << "]}";
  }

  const Plan plan_;
  Epoll epoll_;
  std::vector<const SendTimes*> times_;
  std::vector<std::unique_ptr<Viewer>> viewers_;
  bool recording_ = false;
};

Plan read_plan(Arguments arguments) {
  Plan plan{.port = static_cast<std::uint16_t>(arguments.number("port", 0)),
            .target = arguments.text("target", "/bench/{}.ts"),
            .times = arguments.text("times", ""),
            .protocol = arguments.flag("wire")       ? Protocol::wire
                        : arguments.flag("http-1-0") ? Protocol::http_1_0
                                                     : Protocol::http,
            .streams = arguments.number("streams", 1),
            .steps = arguments.numbers("viewers", 100),
            .connects_per_second = arguments.number("connects", 250),
            .settle_ms = arguments.number("settle-ms", 2000),
            .window_ms = arguments.number("window-ms", 10'000),
            .frames_per_second = arguments.number("fps", 30),
            .slack_bytes = arguments.number("slack", 16'740),
            .server = arguments.number("server", 0),
            .follow = arguments.flag("follow"),
            .stop_when_stalled = arguments.flag("stop-when-stalled")};
  arguments.finish();
  if (plan.follow && plan.times.empty()) {
    std::fprintf(stderr, "--follow needs --times\n");
    std::exit(2);
  }
  return plan;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::prepare_process();
  bench::Load(bench::read_plan(bench::Arguments(argc, argv))).run();
}
