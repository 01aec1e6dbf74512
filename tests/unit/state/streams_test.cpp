#include "relay/state/streams.hpp"

#include "relay/state/timestamp.hpp"
#include "tests/unit/disk/size_limit.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/state/rig.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace state {
namespace {

using namespace std::chrono_literals;
using ::test::ChunkMaker;
using test::StoreRig;

const base::Utc begin_utc{std::chrono::seconds(1'800'000'000)};
const std::string path = "live/cam";

struct Rig : StoreRig {
  struct Process {
    ChunkMaker maker;
    stream::Fanout fanout;
    KnownStreams known;
    StreamKeeper keeper;
    stream::Home home;

    Process(Store& store, std::uint64_t epoch)
        : known(store, begin_utc, 60s),
          keeper(store),
          home(path, {{100s, 1 << 30}, {}, {}}, fanout, maker.pool, epoch, begin_utc,
               known.take(path)) {}
    wire::Position append(wire::Position position = {}) {
      static_cast<void>(home.timeline().on_frame(std::nullopt, begin_utc));
      auto chunk = maker.make(0, {true, 100, 4096, 40ms});
      chunk.position = position;
      home.append(std::move(chunk));
      keeper.keep(home, begin_utc);
      return home.stream().log().newest().position;
    }
  };

  /// Of another process, which was killed.
  std::unique_ptr<Process> begin(std::uint64_t epoch) {
    start_store();
    return std::make_unique<Process>(*store, epoch);
  }
  void start_store() {
    if (store) CHECK(store->commit());
    start();
  }
  test::session::StreamRecord record() const {
    test::session::StreamRecord found;
    store->each(Kind::stream, [&](const std::string& name, google::protobuf::Message& message) {
      if (name == path) found.CopyFrom(message);
    });
    return found;
  }
};

}  // namespace

TEST_CASE("numbers that a process may have given are never given by the next") {
  Rig rig;
  auto first = rig.begin(7);
  CHECK(first->append() == wire::Position{7, 0});
  CHECK(first->append() == wire::Position{7, 1});
  auto second = rig.begin(8);
  CHECK(second->append() == wire::Position{7, 1 + numbers_reserved});
  // One that ends before it has published anything has set numbers aside, too.
  auto third = rig.begin(9);
  auto fourth = rig.begin(10);
  const wire::Position position = fourth->append();
  CHECK(position.epoch == 7);
  CHECK(position.sequence >= 1 + 3 * numbers_reserved);
}

TEST_CASE("numbers are set aside again before they run out") {
  Rig rig;
  auto process = rig.begin(7);
  process->append();
  const std::uint64_t reserved = rig.record().reserved_sequence();
  CHECK(reserved == 1 + numbers_reserved);
  process->append();
  CHECK(rig.record().next_sequence() == 2);
  CHECK(rig.record().reserved_sequence() == reserved);
  process->append({7, reserved - numbers_reserved / 2});
  CHECK(rig.record().reserved_sequence() == reserved + numbers_reserved / 2 + 1);
}

TEST_CASE("behind a graceful end one number is missing") {
  Rig rig;
  auto first = rig.begin(7);
  first->append();
  first->keeper.keep_last(first->home, begin_utc);
  auto second = rig.begin(8);
  CHECK(second->append() == wire::Position{7, 2});
}

TEST_CASE("numbers that could not be set aside are not used") {
  Rig rig;
  auto first = rig.begin(7);
  first->append();
  rig.start_store();
  const auto known = [&rig] {
    const disk::test::SizeLimit full(0);
    KnownStreams streams(*rig.store, begin_utc, 60s);
    return streams.take(path);
  }();
  REQUIRE(known);
  CHECK(known->next == wire::Position{7, 1});
  CHECK(known->reserved.epoch == 0);
}

TEST_CASE("of a publisher that numbers itself nothing is set aside") {
  Rig rig;
  auto first = rig.begin(7);
  first->append({9, 100});
  CHECK(rig.record().epoch() == 9);
  CHECK(rig.record().next_sequence() == 101);
  CHECK(rig.record().reserved_sequence() == 0);
  auto second = rig.begin(8);
  CHECK(second->home.kept(9) == wire::Kept{{9, 101}, 0});
  CHECK(second->append() == wire::Position{8, 0});
}

TEST_CASE("a stream that is over, or not back in time, is forgotten") {
  Rig rig;
  auto first = rig.begin(7);
  first->append();
  SUBCASE("it is over") { first->keeper.end(path); }
  SUBCASE("it is not back") {
    rig.start_store();
    KnownStreams known(*rig.store, begin_utc, 60s);
    known.forget_expired(begin_utc + 59s);
    CHECK(rig.record().path() == path);
    known.forget_expired(begin_utc + 60s);
    CHECK_FALSE(known.take(path));
  }
  CHECK(rig.record().path().empty());
  auto second = rig.begin(8);
  CHECK(second->append() == wire::Position{8, 0});
}

TEST_CASE("what is taken is not known twice") {
  Rig rig;
  auto first = rig.begin(7);
  first->append();
  rig.start_store();
  KnownStreams known(*rig.store, begin_utc, 60s);
  CHECK(known.take(path));
  CHECK_FALSE(known.take(path));
  known.forget_expired(begin_utc + 1h);
  CHECK(rig.record().path() == path);  // its keeper has it now
}

TEST_CASE("a record of what cannot be is not gone on with") {
  Rig rig;
  auto first = rig.begin(7);
  first->append();
  auto record = rig.record();
  SUBCASE("no epoch") { record.set_epoch(0); }
  SUBCASE("a number beyond all") { record.set_next_sequence(~std::uint64_t{0}); }
  SUBCASE("a reserve beyond all") { record.set_reserved_sequence(wire::sequence_max); }
  SUBCASE("no time") { record.clear_last_utc(); }
  SUBCASE("no such time") { record.mutable_last_utc()->set_nanos(-1); }
  SUBCASE("no timeline") { record.clear_timeline(); }
  SUBCASE("no such media time") {
    record.mutable_timeline()->set_end_time(std::numeric_limits<std::int64_t>::max());
  }
  SUBCASE("a sync chunk that is to come") { record.set_last_sync_sequence(1'000); }
  rig.store->set(Kind::stream, path, record);
  auto second = rig.begin(8);
  CHECK(second->append() == wire::Position{8, 0});
}

TEST_CASE("times of records are those of Protobuf") {
  const base::Utc utc{1'800'000'000'123'456us};
  CHECK(to_timestamp(utc).seconds() == 1'800'000'000);
  CHECK(to_timestamp(utc).nanos() == 123'456'000);
  CHECK(to_utc(to_timestamp(utc)) == utc);
  const base::Utc before{-1us};
  CHECK(to_timestamp(before).nanos() == 999'999'000);
  CHECK(to_utc(to_timestamp(before)) == before);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(253'402'300'799);
  CHECK(to_utc(timestamp));
  timestamp.set_seconds(253'402'300'800);
  CHECK_FALSE(to_utc(timestamp));
  timestamp.set_seconds(-62'135'596'801);
  CHECK_FALSE(to_utc(timestamp));
  timestamp.set_seconds(0);
  timestamp.set_nanos(1'000'000'000);
  CHECK_FALSE(to_utc(timestamp));
}

}  // namespace state
