#include "relay/disk/recorder.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/base/logging.hpp"
#include "relay/disk/layout.hpp"
#include "relay/disk/segment_scan.hpp"
#include "tests/unit/disk/size_limit.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/stream/wire_rig.hpp"
#include "tests/unit/temporary_folder.hpp"

namespace disk {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::test::E;

/// A stream over the wire whose every fifth chunk of 40 ms is a sync chunk, and its recorder.
struct Rig final : Recorder::Events {
  explicit Rig(std::uint64_t backlog = 64 << 20)
      : log(base::LogLevel::error, base::LogFormat::text),
        store(std::make_unique<Store>(Store::Options{folder.path(), backlog, 1 << 20, 4}, log)),
        worker(std::make_unique<loop::Worker>(0)) {
    policy.enabled = true;
    policy.segment = milliseconds(400);
    policy.fsync = Fsync::interval;
    policy.fsync_interval = milliseconds(100);
  }
  ~Rig() override {
    source.home.set_tap(nullptr);
    worker->mailbox().close();
    recorder.reset();
    worker.reset();
  }

  void start(GapReason gap = GapReason::none) {
    recorder = std::make_unique<Recorder>(
        *worker, source.maker.pool, *store,
        Recorder::Options{"live/cam", policy, store->newest("live/cam"), gap, retry}, counters,
        *this);
    source.home.set_tap(recorder.get());
  }
  void on_durable(Recorder&, wire::Position end) noexcept override { durable = end; }
  void on_finished(Recorder&) noexcept override { ++finishes; }

  /// Up to the chunk before `end`.
  void publish(std::uint64_t begin, std::uint64_t end) {
    for (; begin < end; ++begin) publish_one(begin);
  }
  void publish_one(std::uint64_t sequence, std::size_t bytes = 200) {
    source.now = base::monotonic_now();
    source.append(source.to_log(source.make({E, sequence}, sequence % 5 == 0, bytes)));
  }
  template <class Done>
  void run_until(Done done) {
    ::test::run_until(*worker, done);
  }
  void run_until_written() {
    run_until([this] { return recorder->status().waiting_bytes == 0; });
  }
  /// Publishes on, a little with every turn, until that is so; returns what comes next.
  template <class Done>
  std::uint64_t publish_until(std::uint64_t next, Done done) {
    run_until([&] {
      publish_one(next++);
      return done();
    });
    return next;
  }
  void finish() {
    source.home.set_tap(nullptr);
    recorder->finish();
    run_until([this] { return recorder->is_finished(); });
    CHECK(finishes == 1);
  }
  std::vector<Segment> segments() {
    return store->catalog().range("live/cam", {}, base::Utc::max(), 100).value();
  }
  Scan scan(const Segment& segment) {
    return scan_segment(segment_path(folder.path(), "live/cam", segment.start), "live/cam").value();
  }
  /// The chunks of a segment, as "5-14", when its file is whole and closed.
  std::string whole(const Segment& segment) {
    const Scan found = scan(segment);
    CHECK(found.damage.empty());
    CHECK(found.has_index);
    CHECK_FALSE(segment.is_open);
    CHECK(found.table.segment.first == segment.first);
    CHECK(found.table.chunks.size() == segment.chunks);
    CHECK(found.table.segment.end == segment.end);
    CHECK(found.table.segment.end_time == segment.end_time);
    CHECK(found.table.segment.last_sync == segment.last_sync);
    CHECK(found.table.segment.bytes == segment.bytes);
    CHECK(found.table.segment.gap == segment.gap);
    return std::to_string(segment.first.sequence) + "-" +
           std::to_string(segment.next().sequence - 1);
  }

  ::test::TemporaryFolder folder;
  base::Log log;
  std::unique_ptr<Store> store;
  ::test::WireRig source;
  std::unique_ptr<loop::Worker> worker;
  RecordingPolicy policy;
  RecordingCounters counters;
  std::unique_ptr<Recorder> recorder;
  base::Duration retry = seconds(5);
  wire::Position durable;
  int finishes = 0;
};

}  // namespace

TEST_CASE("a stream is recorded in segments that begin at sync chunks") {
  Rig rig;
  rig.start();
  rig.publish(0, 23);
  rig.finish();
  const auto segments = rig.segments();
  REQUIRE(segments.size() == 3);
  CHECK(rig.whole(segments[0]) == "0-9");
  CHECK(rig.whole(segments[1]) == "10-19");
  CHECK(rig.whole(segments[2]) == "20-22");
  CHECK(segments[0].start == ::test::WireRig::start_utc);
  CHECK(segments[0].end == segments[1].start);
  CHECK(segments[0].end_time == segments[1].start_time);
  CHECK(segments[0].last_sync == 5);
  for (const Segment& segment : segments) CHECK(segment.gap == GapReason::none);
  CHECK(rig.counters.segments == 3);
  CHECK(rig.counters.bytes == segments[0].bytes + segments[1].bytes + segments[2].bytes);
  CHECK(rig.recorder->status().bytes == rig.counters.bytes);
  CHECK(rig.store->backlog_bytes == 0);
  CHECK(rig.store->newest("live/cam")->next() == wire::Position{E, 23});
}

TEST_CASE("what was written of an open segment can be read") {
  Rig rig;
  rig.start();
  rig.publish(0, 7);
  rig.run_until_written();
  auto segments = rig.segments();
  REQUIRE(segments.size() == 1);
  CHECK(segments[0].is_open);
  auto table = rig.store->published(segments[0].id);
  REQUIRE(table);
  CHECK(table->chunks.size() == 7);
  CHECK(rig.scan(segments[0]).table.chunks == table->chunks);
  rig.publish(7, 9);
  rig.run_until_written();
  CHECK(table->chunks.size() == 7);
  CHECK(rig.store->published(segments[0].id)->chunks.size() == 9);
  rig.finish();
  CHECK_FALSE(rig.store->published(segments[0].id));
  CHECK(rig.whole(rig.segments()[0]) == "0-8");
}

TEST_CASE("of a long segment nearly all can be read though it is told less often") {
  Rig rig;
  rig.policy.segment = std::chrono::hours(1);
  rig.start();
  rig.publish(0, 5'000);
  rig.run_until_written();
  const std::int64_t id = rig.segments().at(0).id;
  const auto count = [&] { return rig.store->published(id)->chunks.size(); };
  const std::size_t before = count();
  rig.publish(5'000, 5'001);
  rig.run_until_written();
  CHECK(count() == before);  // a copy of all for one would be dear
  for (std::uint64_t next = 5'001; next < 5'100; next += 9) {
    rig.publish(next, next + 9);
    rig.run_until_written();
    CHECK(next + 9 - count() < 25);
  }
  rig.finish();
  CHECK(rig.whole(rig.segments().at(0)) == "0-5099");
}

TEST_CASE("what the disk has is told when it is asked to") {
  Rig rig;
  SUBCASE("never") { rig.policy.fsync = Fsync::never; }
  SUBCASE("at the end of each segment") { rig.policy.fsync = Fsync::segment; }
  SUBCASE("every so often") { rig.policy.fsync = Fsync::interval; }
  rig.start();
  rig.publish(0, 12);
  rig.run_until_written();
  if (rig.policy.fsync == Fsync::interval) {
    rig.run_until([&] { return rig.durable.sequence == 12; });
  }
  const bool is_never = rig.policy.fsync == Fsync::never;
  const std::uint64_t before = is_never ? 0 : rig.policy.fsync == Fsync::segment ? 10 : 12;
  CHECK(rig.durable.sequence == before);
  rig.finish();
  CHECK(rig.durable.sequence == (is_never ? 0 : 12));
  CHECK(rig.recorder->durable() == rig.durable);
  CHECK((rig.counters.syncs > 0) == !is_never);
}

TEST_CASE("numbers that are missing begin a segment with their reason") {
  Rig rig;
  rig.start();
  rig.publish(0, 3);
  rig.source.made += 50;
  rig.publish(5, 8);
  rig.finish();
  const auto segments = rig.segments();
  REQUIRE(segments.size() == 2);
  CHECK(rig.whole(segments[0]) == "0-2");
  CHECK(rig.whole(segments[1]) == "5-7");
  CHECK(segments[1].gap == GapReason::lost);
  const auto reason = static_cast<std::size_t>(GapReason::lost);
  CHECK(rig.counters.gaps[reason] == 1);
  CHECK(rig.counters.gap_lengths[reason] == segments[1].start - segments[0].end);
  CHECK(rig.recorder->status().gaps == seconds(2));
  CHECK(rig.durable == wire::Position{E, 8});  // the log had none of them
}

TEST_CASE("much at once is written in batches that let their blocks go early") {
  Rig rig;
  rig.policy.segment = seconds(100);
  rig.start();
  for (std::uint64_t sequence = 0; sequence < 100; ++sequence) rig.publish_one(sequence, 50'000);
  CHECK(rig.recorder->status().waiting_bytes > 4 << 20);
  CHECK(rig.store->backlog_bytes == rig.recorder->status().waiting_bytes);
  rig.finish();
  CHECK(rig.store->backlog_bytes == 0);
  CHECK(rig.whole(rig.segments().at(0)) == "0-99");
}

TEST_CASE("a disk that is too slow costs a gap and nothing else") {
  Rig rig(20'000);
  rig.start();
  rig.publish(0, 3);
  rig.publish_one(3, 18'000);
  CHECK(rig.recorder->status().state == RecordingState::recording);
  rig.publish_one(4, 18'000);
  rig.publish(5, 8);
  CHECK(rig.recorder->status().state == RecordingState::lagging);
  CHECK(rig.store->backlog_bytes < 20'000);
  rig.run_until_written();
  rig.publish(8, 13);
  CHECK(rig.recorder->status().state == RecordingState::recording);
  rig.finish();
  const auto segments = rig.segments();
  REQUIRE(segments.size() == 2);
  CHECK(rig.whole(segments[0]) == "0-3");
  CHECK(rig.whole(segments[1]) == "10-12");
  CHECK(segments[1].gap == GapReason::backlog);
  CHECK(rig.counters.gap_lengths[static_cast<std::size_t>(GapReason::backlog)] ==
        6 * ::test::WireRig::interval);
  CHECK(rig.durable == wire::Position{E, 4});  // not everything before what came later
}

TEST_CASE("a folder that cannot be made stops a recording until it can") {
  Rig rig;
  rig.retry = milliseconds(60);
  std::ofstream(rig.folder.path() / "live") << "a file";
  rig.start();
  rig.publish(0, 7);
  rig.run_until([&] { return rig.counters.errors == 1; });
  CHECK(rig.recorder->status().state == RecordingState::failed);
  CHECK_FALSE(rig.recorder->status().detail.empty());
  CHECK(rig.recorder->status().waiting_bytes == 0);
  // It tries again and still cannot.
  std::uint64_t next = rig.publish_until(7, [&] { return rig.counters.errors == 3; });
  std::filesystem::remove(rig.folder.path() / "live");
  next = rig.publish_until(
      next, [&] { return rig.recorder->status().state == RecordingState::recording; });
  rig.finish();
  const auto segments = rig.segments();
  REQUIRE_FALSE(segments.empty());
  CHECK(rig.whole(segments.back()).ends_with("-" + std::to_string(next - 1)));
  CHECK(segments[0].first.sequence % 5 == 0);
  CHECK(segments[0].gap == GapReason::none);  // nothing is before it
  CHECK(rig.durable.sequence == 0);           // but something should be
}

TEST_CASE("what was whole when the disk became full stays and the rest is a gap") {
  Rig rig;
  rig.retry = milliseconds(60);
  rig.policy.segment = seconds(100);
  rig.start();
  rig.publish(0, 2);
  {
    const test::SizeLimit limit(200'000);
    for (std::uint64_t sequence = 2; sequence < 30; ++sequence) rig.publish_one(sequence, 20'000);
    rig.run_until([&] { return rig.counters.errors == 1; });
    rig.run_until([&] { return rig.counters.segments == 1; });
  }
  CHECK(rig.recorder->status().state == RecordingState::failed);
  auto segments = rig.segments();
  REQUIRE(segments.size() == 1);
  const std::uint64_t end = segments[0].next().sequence;
  CHECK(end > 5);
  CHECK(end < 12);
  CHECK(rig.whole(segments[0]) == "0-" + std::to_string(end - 1));
  const std::uint64_t next = rig.publish_until(
      30, [&] { return rig.recorder->status().state == RecordingState::recording; });
  rig.finish();
  segments = rig.segments();
  REQUIRE(segments.size() == 2);
  CHECK(rig.whole(segments[1]).ends_with("-" + std::to_string(next - 1)));
  CHECK(segments[1].first.sequence % 5 == 0);
  CHECK(segments[1].gap == GapReason::failed);
  const auto reason = static_cast<std::size_t>(GapReason::failed);
  CHECK(rig.counters.gaps[reason] == 1);
  CHECK(rig.counters.gap_lengths[reason] == segments[1].start - segments[0].end);
  CHECK(rig.durable.sequence <= 2);
}

TEST_CASE("a recorder goes on behind what was recorded before") {
  Rig rig;
  rig.start();
  rig.publish(0, 8);
  rig.finish();
  rig.finishes = 0;
  rig.source.made -= 3;
  SUBCASE("also if some of it comes again") {
    rig.start(GapReason::restart);
    rig.publish(5, 12);
    rig.finish();
    const auto segments = rig.segments();
    REQUIRE(segments.size() == 2);
    CHECK(rig.whole(segments[0]) == "0-7");
    CHECK(rig.whole(segments[1]) == "5-11");
    CHECK(segments[1].gap == GapReason::none);
  }
  SUBCASE("and says what is missing") {
    rig.start(GapReason::restart);
    rig.source.made += 10;
    rig.publish(15, 17);
    rig.finish();
    CHECK(rig.whole(rig.segments().at(1)) == "15-16");
    CHECK(rig.segments().at(1).gap == GapReason::restart);
  }
}

TEST_CASE("a segment that begins as another one gets a file of its own") {
  Rig rig;
  rig.start();
  rig.publish(0, 3);
  rig.finish();
  rig.finishes = 0;
  rig.source.made = 0;
  rig.start(GapReason::restart);
  rig.publish(0, 6);
  rig.finish();
  const auto segments = rig.segments();
  REQUIRE(segments.size() == 2);
  CHECK(rig.whole(segments[0]) == "0-2");
  CHECK(rig.whole(segments[1]) == "0-5");
  CHECK(segments[1].start == segments[0].start + std::chrono::microseconds(1));
}

TEST_CASE("a recorder that got nothing is finished at once") {
  Rig rig;
  rig.start();
  rig.source.home.set_tap(nullptr);
  rig.recorder->finish();
  CHECK(rig.recorder->is_finished());
  CHECK(rig.segments().empty());
}

TEST_CASE("a recorder may go with what it has not written") {
  Rig rig;
  rig.start();
  rig.publish(0, 7);
  SUBCASE("while nothing is under way") {}
  SUBCASE("while something is") {
    for (std::uint64_t sequence = 7; sequence < 40; ++sequence) rig.publish_one(sequence, 50'000);
  }
  rig.source.home.set_tap(nullptr);
  rig.worker->mailbox().close();
  rig.recorder.reset();
  CHECK(rig.store->backlog_bytes == 0);
}

}  // namespace disk
