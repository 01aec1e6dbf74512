#include "relay/stream/home.hpp"

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;

const base::Utc start{std::chrono::seconds(1'800'000'000) + std::chrono::milliseconds(700)};

struct Host final : ReplicaHost {
  void on_replica_update(ReplicaUpdate update) noexcept override {
    sequences.push_back(update.first_sequence);
    counts.push_back(update.chunks.size());
    seeds.push_back(update.seed);
    if (reads) {
      update.progress->read_until = update.first_sequence + update.chunks.size();
    }
  }
  void on_replica_cut(const std::string&, std::uint64_t epoch,
                      std::uint64_t first) noexcept override {
    cut_epoch = epoch;
    cut_first = first;
  }
  void on_replica_end(const std::string& path, std::uint64_t epoch,
                      bool is_lost) noexcept override {
    ended = path;
    ended_epoch = epoch;
    ended_lost = is_lost;
  }

  bool reads = true;
  std::vector<std::uint64_t> sequences;
  std::vector<std::size_t> counts;
  std::vector<bool> seeds;
  std::string ended;
  std::uint64_t ended_epoch = 0;
  bool ended_lost = false;
  std::uint64_t cut_epoch = 0;
  std::uint64_t cut_first = 0;
};

struct Rig {
  explicit Rig(TailPolicy tail = {std::chrono::seconds(100), 1 << 30},
               const std::optional<Past>& past = std::nullopt)
      : home("live/cam", {tail, {}, {}}, fanout, maker.pool, 77, start, past) {}

  const Chunk& append(int ms, bool sync = false) {
    home.append(maker.make(0, {sync, 100, 4096, milliseconds(ms)}));
    return home.stream().log().newest();
  }
  struct Segment {
    std::uint32_t number = 0;
    std::uint32_t part = 0;
    std::uint32_t discontinuity = 0;
  };
  /// Of a publisher that numbers itself.
  const Chunk& append_numbered(wire::Position position, const Segment& segment) {
    Chunk chunk = maker.make(0, {true, 100, 4096, milliseconds(40) * numbered_++});
    chunk.position = position;
    chunk.segment = segment.number;
    chunk.part = segment.part;
    chunk.discontinuity = segment.discontinuity;
    chunk.utc = base::Utc(std::chrono::seconds(7));
    home.append(std::move(chunk));
    return home.stream().log().newest();
  }
  /// The time of the next chunk, as its publisher's session finds it.
  MediaTime place() { return home.timeline().on_frame(std::nullopt, start).time; }
  void deliver() { test::run_turns(worker, 3); }

  test::ChunkMaker maker;
  Fanout fanout;
  loop::Worker worker{0};
  Host host;
  Home home;

 private:
  int numbered_ = 0;
};

}  // namespace

TEST_CASE("chunks are numbered in order and segments from the second of the start") {
  Rig rig;
  CHECK(rig.home.epoch() == 77);
  const Chunk& first = rig.append(0, true);
  CHECK(first.sequence == 0);
  CHECK(first.segment == 1'800'000'000);
  CHECK(first.part == 0);
  CHECK(first.discontinuity == 0);
  CHECK(rig.append(40).sequence == 1);
}

TEST_CASE("a segment begins at the first sync chunk after a second") {
  Rig rig;
  const std::uint32_t first = rig.append(0, true).segment;
  CHECK(rig.append(500, true).segment == first);
  CHECK(rig.append(960, true).segment == first);
  CHECK(rig.append(1040).segment == first);  // not without a sync frame
  const Chunk& next = rig.append(1080, true);
  CHECK(next.segment == first + 1);
  CHECK(next.part == 0);
  CHECK(rig.append(2040, true).segment == first + 1);
  CHECK(rig.append(2080, true).segment == first + 2);
}

TEST_CASE("a part begins after a fifth of a second") {
  Rig rig;
  rig.append(0, true);
  CHECK(rig.append(160).part == 0);
  CHECK(rig.append(200).part == 1);
  CHECK(rig.append(360).part == 1);
  CHECK(rig.append(1000, true).part == 0);
  CHECK(rig.append(1160).part == 0);
  CHECK(rig.append(1240).part == 1);
}

TEST_CASE("a discontinuity is counted at once and begins a segment at the next sync chunk") {
  Rig rig;
  const std::uint32_t first = rig.append(0, true).segment;
  rig.home.on_discontinuity();
  const Chunk& between = rig.append(40);
  CHECK(between.discontinuity == 1);
  CHECK(between.segment == first);
  const Chunk& next = rig.append(80, true);
  CHECK(next.segment == first + 1);
  CHECK(next.discontinuity == 1);
  CHECK(rig.append(120, true).segment == first + 1);
  rig.home.on_discontinuity();
  CHECK(rig.append(160, true).discontinuity == 2);
}

TEST_CASE("a chunk that nobody has numbered is called by its place in the log") {
  Rig rig;
  CHECK(rig.append(0, true).position == wire::Position{77, 0});
  CHECK(rig.append(40).position == wire::Position{77, 1});
  CHECK(rig.home.kept(77) == wire::Kept{{77, 2}, 2});
  CHECK(rig.home.stream().log().at(1).gap == wire::GapReason::unspecified);
}

TEST_CASE("what a publisher has numbered stays as it is") {
  Rig rig;
  const Chunk& first = rig.append_numbered({9, 100}, {5'000, 3, 2});
  CHECK(first.sequence == 0);
  CHECK(first.position == wire::Position{9, 100});
  CHECK(first.segment == 5'000);
  CHECK(first.part == 3);
  CHECK(first.discontinuity == 2);
  CHECK(first.utc == base::Utc(std::chrono::seconds(7)));
  const Chunk& next = rig.append_numbered({9, 101}, {4'999, 0, 0});
  CHECK(next.segment == 4'999);
  CHECK(next.gap == wire::GapReason::unspecified);
}

TEST_CASE("a publisher that leaves segments to the relay gets them behind the last ones") {
  Rig rig;
  rig.append_numbered({9, 100}, {2'000'000'000, 3, 2});
  const Chunk& next = rig.append_numbered({9, 101}, {});
  CHECK(next.position == wire::Position{9, 101});
  CHECK(next.segment == 2'000'000'001);
  CHECK(next.part == 0);
  CHECK(next.discontinuity == 2);
}

TEST_CASE("the home says why numbers are missing") {
  Rig rig;
  const auto gap_at = [&rig](wire::Position position) {
    return rig.append_numbered(position, {}).gap;
  };
  CHECK(gap_at({9, 100}) == wire::GapReason::unspecified);
  CHECK(gap_at({9, 101}) == wire::GapReason::unspecified);
  CHECK(gap_at({9, 105}) == wire::GapReason::lost);
  const std::uint32_t before = rig.home.stream().log().newest().discontinuity;
  rig.home.on_gap(wire::GapReason::memory);
  CHECK(gap_at({9, 110}) == wire::GapReason::memory);
  CHECK(rig.home.stream().log().newest().discontinuity == before + 1);
  CHECK(gap_at({9, 111}) == wire::GapReason::unspecified);
  CHECK(gap_at({10, 112}) == wire::GapReason::publisher);
  // A publisher that does not number: our numbers leave out those of the others.
  CHECK(rig.append(40).gap == wire::GapReason::publisher);
  CHECK(rig.home.stream().log().newest().position == wire::Position{77, 6});
  CHECK(rig.append(80).gap == wire::GapReason::unspecified);
}

TEST_CASE("a publisher that comes back is asked for what follows its last chunk") {
  Rig rig({std::chrono::seconds(100), 2'000});
  CHECK_FALSE(rig.home.kept(9));
  CHECK_FALSE(rig.home.continues(9));
  rig.append_numbered({9, 100}, {});
  CHECK(rig.home.kept(9) == wire::Kept{{9, 101}, 101});
  CHECK(rig.home.continues(9));
  CHECK_FALSE(rig.home.kept(10));
  rig.append_numbered({10, 5}, {});
  CHECK(rig.home.kept(9) == wire::Kept{{9, 101}, 101});
  CHECK(rig.home.kept(10) == wire::Kept{{10, 6}, 6});
  CHECK_FALSE(rig.home.continues(9));
  for (std::uint64_t count = 6; count < 30; ++count) rig.append_numbered({10, count}, {});
  CHECK_FALSE(rig.home.kept(9));  // nothing of it is left
  rig.home.let_tail_go();
  CHECK(rig.home.kept(10) == wire::Kept{{10, 30}, 30});
}

namespace {

// Recorded until ten seconds ago.
constexpr std::uint64_t recorded_epoch = 9;
const Past past{{recorded_epoch, 500}, 480, 9'400'007, start - std::chrono::seconds(10), 9'500'000,
                1'900'000'000,         4};

}  // namespace

TEST_CASE("a home goes on behind what was recorded before") {
  Rig rig({std::chrono::seconds(100), 1 << 30}, past);
  CHECK(rig.place() == 9'500'000 + 10 * 90'000);
  const Chunk& first = rig.append(0, true);
  CHECK(first.position == wire::Position{77, 0});
  CHECK(first.segment == 1'900'000'001);
  CHECK(first.discontinuity == 5);
  CHECK(first.gap == wire::GapReason::unspecified);
  CHECK(rig.append(40).discontinuity == 5);
}

TEST_CASE("a publisher whose epoch was recorded goes on as if it had never been away") {
  Rig rig({std::chrono::seconds(100), 1 << 30}, past);
  CHECK_FALSE(rig.home.kept(10));
  CHECK(rig.home.kept(recorded_epoch) == wire::Kept{{recorded_epoch, 500}, 480});
  CHECK_FALSE(rig.home.resume({10, 480}, start));
  SUBCASE("with chunks that are recorded, at the times they had") {
    CHECK(rig.home.resume({recorded_epoch, 480}, start - std::chrono::seconds(12)));
    CHECK(rig.place() == 9'400'007);
    CHECK(rig.append_numbered({recorded_epoch, 480}, {}).discontinuity == 4);
    CHECK(rig.home.kept(recorded_epoch) == wire::Kept{{recorded_epoch, 481}, 481});
    CHECK_FALSE(rig.home.resume({recorded_epoch, 481}, start));
  }
  SUBCASE("with what follows, never before the end of the last chunk") {
    CHECK(rig.home.resume({recorded_epoch, 500}, start - std::chrono::seconds(11)));
    CHECK(rig.place() == past.end_time);
  }
  SUBCASE("unless another one was faster") {
    CHECK(rig.append_numbered({10, 3}, {}).discontinuity == 5);
    CHECK(rig.home.kept(recorded_epoch) == wire::Kept{{recorded_epoch, 500}, 480});
  }
}

namespace {

// Of a process whose memory is gone; it numbered itself, or its publisher did.
Past known_past(std::uint64_t epoch, std::uint64_t reserved) {
  Past known = past;
  known.next.epoch = epoch;
  known.is_kept = false;
  if (reserved > 0) known.reserved = {epoch, reserved};
  return known;
}

}  // namespace

TEST_CASE("a home goes on with the numbers that were set aside") {
  Rig rig({std::chrono::seconds(100), 1 << 30}, known_past(21, 7'000));
  CHECK(rig.home.epoch() == 21);
  CHECK_FALSE(rig.home.present());
  CHECK(rig.place() == 9'500'000 + 10 * 90'000);
  const Chunk& first = rig.append(0, true);
  CHECK(first.position == wire::Position{21, 7'000});
  CHECK(first.gap == wire::GapReason::restart);
  CHECK(first.discontinuity == 5);
  CHECK(first.segment == 1'900'000'001);
  const Chunk& second = rig.append(40);
  CHECK(second.position == wire::Position{21, 7'001});
  CHECK(second.gap == wire::GapReason::unspecified);
}

TEST_CASE("a publisher that numbers itself has no use for numbers that were set aside") {
  Rig rig({std::chrono::seconds(100), 1 << 30}, known_past(21, 7'000));
  const Chunk& first = rig.append_numbered({9, 0}, {});
  CHECK(first.gap == wire::GapReason::unspecified);
  const Chunk& second = rig.append(40, true);
  CHECK(second.position == wire::Position{21, 7'001});
  CHECK(second.gap == wire::GapReason::publisher);
}

TEST_CASE("a publisher of whose chunks none were recorded is asked for all it keeps") {
  Rig rig({std::chrono::seconds(100), 1 << 30}, known_past(recorded_epoch, 0));
  CHECK(rig.home.epoch() == 77);
  CHECK(rig.home.kept(recorded_epoch) == wire::Kept{{recorded_epoch, 500}, 0});
  SUBCASE("they stand where they stood") {
    CHECK(rig.home.resume({recorded_epoch, 300}, past.end - std::chrono::seconds(5)));
    CHECK(rig.place() == 9'500'000 - 5 * 90'000);
    const Chunk& first = rig.append_numbered({recorded_epoch, 300}, {});
    CHECK(first.gap == wire::GapReason::unspecified);
    CHECK(first.discontinuity == 4);
  }
  SUBCASE("exactly, from the last one that a decoder may begin with") {
    CHECK(rig.home.resume({recorded_epoch, 480}, past.end - std::chrono::seconds(5)));
    CHECK(rig.place() == 9'400'007);
  }
  SUBCASE("or later, where it has made more meanwhile") {
    CHECK(rig.home.resume({recorded_epoch, 600}, past.end + std::chrono::seconds(4)));
    CHECK(rig.place() == 9'500'000 + 4 * 90'000);
  }
}

TEST_CASE("what a later home goes on with is behind the newest chunk") {
  Rig rig;
  CHECK_FALSE(rig.home.present());
  for (int frame = 0; frame < 4; ++frame) {
    CHECK(rig.home.timeline().on_frame(frame * 3'600, start).time == 900'000 + frame * 3'600);
    rig.append(frame * 40, frame % 3 == 0);
  }
  const auto present = rig.home.present();
  REQUIRE(present);
  const Chunk& newest = rig.home.stream().log().newest();
  CHECK(present->next == newest.position.next());
  CHECK(present->last_sync == newest.position.sequence);
  CHECK(present->last_sync_time == newest.time);
  CHECK(present->end_time >= newest.time);
  CHECK(present->end >= newest.utc);
  CHECK(present->segment == newest.segment);
  CHECK_FALSE(present->is_kept);
  CHECK(present->reserved.epoch == 0);
  rig.append_numbered({9, 100}, {});
  CHECK(rig.home.present()->next == wire::Position{9, 101});
}

TEST_CASE("the recorder is told of every chunk with its numbers") {
  struct Recorder final : Home::Tap {
    void on_append(const Chunk& chunk) noexcept override { positions.push_back(chunk.position); }
    void on_gap(wire::GapReason reason) noexcept override { gaps.push_back(reason); }
    std::vector<wire::Position> positions;
    std::vector<wire::GapReason> gaps;
  } recorder;
  Rig rig;
  rig.append(0, true);
  rig.home.set_tap(&recorder);
  rig.append(40);
  rig.home.on_gap(wire::GapReason::memory);
  rig.append(80);
  CHECK(rig.home.stream().log().newest().gap == wire::GapReason::unspecified);  // numbers follow
  rig.home.set_tap(nullptr);
  rig.append(120);
  CHECK(recorder.positions == std::vector<wire::Position>{{77, 1}, {77, 2}});
  CHECK(recorder.gaps == std::vector{wire::GapReason::memory});
}

TEST_CASE("a replica gets the whole tail and then one message a turn in log order") {
  Rig rig;
  for (int count = 0; count < 3; ++count) rig.append(40 * count, count == 0);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.home.update_replicas();  // nothing new
  rig.append(120);
  rig.append(160);
  rig.home.update_replicas();
  rig.append(200);
  rig.home.update_replicas();
  rig.home.update_replicas();
  rig.deliver();
  CHECK(rig.host.sequences == std::vector<std::uint64_t>{0, 3, 5});
  CHECK(rig.host.counts == std::vector<std::size_t>{3, 2, 1});
  CHECK(rig.host.seeds == std::vector{true, false, false});
}

TEST_CASE("a home is on the list of changed ones while its replicas are to be told something") {
  Rig rig({milliseconds(200), 1 << 30});
  std::vector<Home*> changed;
  rig.home.set_changed_list(changed);
  rig.append(0, true);
  CHECK(changed.empty());  // nobody is to be told
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  CHECK(changed.empty());  // the seed was sent
  rig.append(40);
  rig.append(80);
  CHECK(changed == std::vector{&rig.home});
  CHECK(rig.home.update_replicas());
  rig.append(120);
  CHECK(changed.size() == 2);  // whoever went through the list has taken it off before
  changed.clear();

  for (int count = 4; count < 20; ++count) rig.append(40 * count, true);
  CHECK_FALSE(rig.home.update_replicas());  // more than the tail behind: not before it has read
  changed = {&rig.home};
  rig.append(800);
  CHECK(changed.size() == 1);
  rig.deliver();
  CHECK(rig.home.update_replicas());
}

TEST_CASE("an empty stream seeds a replica with nothing") {
  Rig rig;
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.append(0, true);
  rig.home.update_replicas();
  rig.deliver();
  CHECK(rig.host.sequences == std::vector<std::uint64_t>{0, 0});
  CHECK(rig.host.counts == std::vector<std::size_t>{0, 1});
}

TEST_CASE("a replica more than the tail behind is seeded anew when it has read what it has") {
  Rig rig({milliseconds(200), 1 << 30});
  rig.append(0, true);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  for (int count = 1; count < 20; ++count) {
    rig.append(40 * count, true);
    rig.home.update_replicas();
  }
  // Its worker has not read once: after the tail's length the home has stopped sending.
  rig.deliver();
  const std::size_t sent = rig.host.sequences.size();
  CHECK(sent <= 7);
  CHECK(rig.host.seeds.back() == false);
  rig.home.update_replicas();
  rig.deliver();
  REQUIRE(rig.host.sequences.size() == sent + 1);
  CHECK(rig.host.seeds.back());
  CHECK(rig.host.sequences.back() == rig.home.stream().log().first());
  CHECK(rig.host.sequences.back() + rig.host.counts.back() == rig.home.stream().log().end());
  rig.append(1000, true);
  rig.home.update_replicas();
  rig.deliver();
  CHECK_FALSE(rig.host.seeds.back());
}

TEST_CASE("a replica that never reads keeps no more than a tail of blocks") {
  Rig rig({milliseconds(200), 1 << 30});
  rig.append(0, true);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  for (int count = 1; count < 2000; ++count) {
    rig.append(40 * count, true);
    rig.home.update_replicas();
  }
  const auto free = rig.maker.arena.free_count() + rig.maker.pool.ready_count();
  CHECK(rig.maker.arena.block_count() - free < 10);  // of some fifty that were filled
}

TEST_CASE("a turn that appends more than the tail seeds anew instead of leaving a hole") {
  Rig rig({milliseconds(200), 1 << 30});
  rig.append(0, true);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.deliver();
  for (int count = 1; count < 20; ++count) rig.append(40 * count, true);
  rig.home.update_replicas();
  rig.deliver();
  CHECK(rig.host.seeds == std::vector{true, true});
  CHECK(rig.host.sequences.back() == rig.home.stream().log().first());
}

TEST_CASE("an unsubscribed replica gets nothing more and the end is told to the others") {
  Rig rig;
  Host other;
  rig.append(0, true);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.home.subscribe(2, rig.worker.mailbox(), other);
  rig.home.unsubscribe(1);
  rig.home.unsubscribe(5);
  rig.append(40);
  rig.home.update_replicas();
  rig.home.stream().set_lost(true);
  rig.home.end_replicas();
  rig.append(80);
  rig.home.update_replicas();
  rig.deliver();
  CHECK(rig.host.sequences.size() == 1);
  CHECK(rig.host.ended.empty());
  CHECK(other.sequences.size() == 2);
  CHECK(other.ended == "live/cam");
  CHECK(other.ended_lost);
  CHECK(other.ended_epoch == 77);
}

TEST_CASE("who subscribes again is seeded again") {
  Rig rig;
  rig.append(0, true);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.append(40);
  rig.home.update_replicas();
  rig.deliver();
  CHECK(rig.host.seeds == std::vector{true, true, false});
}

TEST_CASE("a tail that is let go keeps its newest chunk and replicas are told") {
  Rig rig;
  rig.home.let_tail_go();  // nothing is there
  for (int index = 0; index < 5; ++index) rig.append(index * 40, index == 0);
  rig.home.subscribe(1, rig.worker.mailbox(), rig.host);
  rig.home.let_tail_go();
  rig.deliver();
  CHECK(rig.home.stream().log().first() == 4);
  CHECK(rig.home.stream().log().end() == 5);
  CHECK(rig.host.cut_epoch == 77);
  CHECK(rig.host.cut_first == 4);
  CHECK_FALSE(rig.home.stream().log().newest_sync());
  CHECK(rig.append(200, true).sequence == 5);
}

}  // namespace stream
