// What the store of state costs: a start with many records, and commits in the steady state: every
// 200 ms all streams and publishers, and of the viewers those whose 10 s are over.
//   state_store FOLDER [RECORDS] [STREAMS] [VIEWERS] [normal|full|off]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "relay/state/store.hpp"
#include "schemas/session.pb.h"

namespace {

namespace session = spancast::session;
using state::Kind;
using state::Store;

session::StreamRecord make_stream(std::size_t number, std::uint64_t sequence) {
  session::StreamRecord record;
  record.set_path("live/camera-" + std::to_string(number));
  record.set_epoch(0xf00d'0000'0000'0001);
  record.set_next_sequence(sequence);
  record.set_reserved_sequence(sequence + 250);
  for (const char* codec : {"h264", "aac"}) {
    session::TrackRecord& track = *record.add_tracks();
    track.set_codec(codec);
    track.set_timescale(90'000);
    track.set_config(std::string(45, '\x42'));
  }
  record.mutable_timeline()->set_end_time(static_cast<std::int64_t>(sequence) * 3600);
  record.mutable_last_utc()->set_seconds(1'774'612'800);
  record.set_segment(1'774'612'800);
  return record;
}

session::ViewerRecord make_viewer(std::size_t number, std::uint64_t bytes) {
  session::ViewerRecord record;
  record.set_token("viewer-with-a-token-of-the-usual-length-" + std::to_string(number));
  record.set_stream("live/camera-" + std::to_string(number % 100));
  record.mutable_start()->set_seconds(1'774'612'800);
  record.set_bytes(bytes);
  record.mutable_cursor()->set_epoch(0xf00d'0000'0000'0001);
  record.mutable_cursor()->set_sequence(bytes);
  return record;
}

double seconds_since(base::Time began) { return base::to_seconds(base::monotonic_now() - began); }

class Bench {
 public:
  Bench(std::string folder, state::RecordFile::Synchronous synchronous)
      : options_{std::move(folder), {synchronous, std::chrono::milliseconds(1'000)}} {}

  void start(std::size_t records) {
    Store(options_, log_).commit();
    {
      Store store(options_, log_);
      for (std::size_t number = 0; number < records; ++number) set_viewer(store, number, 1);
      const base::Time began = base::monotonic_now();
      store.commit();
      std::printf("commit of %zu records  %.3f s\n", records, seconds_since(began));
    }
    for (int run = 0; run < 5; ++run) {
      const base::Time began = base::monotonic_now();
      const Store store(options_, log_);
      const double opened = seconds_since(began);
      std::size_t count = 0;
      store.each(Kind::viewer, [&](const std::string&, google::protobuf::Message&) { ++count; });
      std::printf("start with %zu records  %.3f s, of it opened and read %.3f s\n", count,
                  seconds_since(began), opened);
    }
  }

  void steady(std::size_t streams, std::size_t viewers) {
    constexpr std::size_t commits = 250;
    Store store(options_, log_);
    const state::Counters before = store.counters();
    double set_seconds = 0;
    std::vector<double> times;
    for (std::size_t turn = 0; turn < commits; ++turn) {
      base::Time began = base::monotonic_now();
      for (std::size_t number = 0; number < streams; ++number) {
        auto record = make_stream(number, turn);
        store.set(Kind::stream, record.path(), record);
      }
      for (std::size_t number = turn % 50; number < viewers; number += 50) {
        set_viewer(store, number, turn);
      }
      set_seconds += seconds_since(began);
      began = base::monotonic_now();
      store.commit();
      times.push_back(seconds_since(began));
    }
    std::sort(times.begin(), times.end());
    const state::Counters after = store.counters();
    std::printf(
        "%zu streams, %zu viewers: commit median %.2f ms, 99%% %.2f ms, most %.2f ms; "
        "%.0f records and %.0f bytes of records each; set %.2f us each; %.1f kB/s\n",
        streams, viewers, times[commits / 2] * 1e3, times[commits * 99 / 100] * 1e3,
        times.back() * 1e3, static_cast<double>(after.records - before.records) / commits,
        static_cast<double>(after.bytes - before.bytes) / commits,
        set_seconds * 1e6 / static_cast<double>(after.records - before.records),
        static_cast<double>(after.bytes - before.bytes) / commits * 5 / 1e3);
  }

 private:
  static void set_viewer(Store& store, std::size_t number, std::uint64_t bytes) {
    auto record = make_viewer(number, bytes);
    store.set(Kind::viewer, record.token(), record);
  }

  const Store::Options options_;
  base::Log log_{base::LogLevel::warning, base::LogFormat::text};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fputs("state_store FOLDER [RECORDS] [STREAMS] [VIEWERS] [SYNC]\n", stderr);
  const auto number = [&](int index, std::size_t otherwise) {
    return argc > index ? std::strtoul(argv[index], nullptr, 10) : otherwise;
  };
  using Synchronous = state::RecordFile::Synchronous;
  const std::string word = argc > 5 ? argv[5] : "normal";
  const auto synchronous = word == "full"  ? Synchronous::full
                           : word == "off" ? Synchronous::off
                                           : Synchronous::normal;
  const std::string folder = argv[1];
  Bench(folder + "/start", synchronous).start(number(2, 100'000));
  Bench(folder + "/steady", synchronous).steady(number(3, 100), number(4, 1'000));
  return 0;
}
