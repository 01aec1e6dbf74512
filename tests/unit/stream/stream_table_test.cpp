#include "relay/stream/stream_table.hpp"

#include <algorithm>
#include <functional>
#include <future>
#include <memory>
#include <thread>

#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"
#include "tests/unit/stream/stream_rig.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;

/// One worker with its table, running on a thread of its own.
class Side final : public StreamTable::Events {
 public:
  Side(unsigned index, memory::Arena& arena, Directory& directory)
      : worker(index),
        pool(arena),
        table(index, pool, fanout, directory, *this),
        turn_end_(std::make_unique<loop::TurnEnd>(worker, loop::bind<&Side::on_turn_end>(this))) {}

  void start() {
    thread_ = std::thread([this] { worker.run(); });
  }
  /// Does it on the worker's thread and waits for it.
  template <class Action>
  auto call(Action action) {
    std::promise<decltype(action())> promise;
    worker.mailbox().post_action([&]() noexcept {
      if constexpr (std::is_void_v<decltype(action())>) {
        action();
        promise.set_value();
      } else {
        promise.set_value(action());
      }
    });
    return promise.get_future().get();
  }
  void stop() {
    call([this] { worker.stop(); });
    thread_.join();
  }
  /// Asks on the worker's thread until it is so.
  template <class Condition>
  void await(Condition condition) {
    const base::Time deadline = base::monotonic_now() + std::chrono::seconds(20);
    while (!call(condition)) REQUIRE(base::monotonic_now() < deadline);
  }

  void on_stream_ready(const std::string& path) noexcept override { ready.push_back(path); }
  void on_stream_missing(const std::string& path) noexcept override { missing.push_back(path); }

  loop::Worker worker;
  memory::BlockPool pool;
  Fanout fanout;
  StreamTable table;
  std::vector<std::string> ready;
  std::vector<std::string> missing;

 private:
  void on_turn_end() noexcept {
    const auto next = fanout.run(base::monotonic_now());
    table.update_replicas();
    table.end_finished(base::monotonic_now());
    turn_end_->keep_turning(next.now);
  }
  std::unique_ptr<loop::TurnEnd> turn_end_;
  std::thread thread_;
};

const std::string path = "live/cam";

/// Two workers; the stream's home is on the first, its viewers are on the second.
struct Rig {
  Rig() {
    const std::vector<StreamTable::Peer> peers{{&here.worker.mailbox(), &here.table},
                                               {&there.worker.mailbox(), &there.table}};
    here.table.set_peers(peers);
    there.table.set_peers(peers);
    here.start();
    there.start();
  }
  ~Rig() {
    there.call([&] { viewers.clear(); });
    here.call([&] { here.table.end_home(path); });
    there.await([&] { return there.table.find(path) == nullptr; });
    here.stop();
    there.stop();
    here.worker.mailbox().close();
    there.worker.mailbox().close();
  }

  void claim() {
    here.call([&] {
      const auto claim = here.table.claim(path, policy, ++epoch, base::utc_now());
      CHECK(claim.home != nullptr);
    });
  }
  // Payloads are kept here so that what a viewer read can be compared.
  void append(int count, std::size_t bytes = 100) {
    here.call([&] {
      for (; count > 0; --count) {
        memory::BlockWriter writer(here.pool);
        const auto space = writer.space(bytes).value().first(bytes);
        for (std::byte& byte : space) byte = static_cast<std::byte>('a' + next_++ % 23);
        Chunk chunk;
        chunk.sync = appended.size() % 5 == 0;
        chunk.time = 900'000 + 3600 * static_cast<MediaTime>(appended.size());
        chunk.bytes.push_back(writer.window(space));
        appended.push_back(test::to_text(chunk.bytes));
        here.table.home(path)->append(std::move(chunk));
      }
    });
  }
  std::string images(std::size_t from) const {
    std::string text;
    for (; from < appended.size(); ++from) {
      text += test::framed(appended[from], Framing::http_chunk);
    }
    return text;
  }
  StreamTable::LookUp look_up(bool watch = false) {
    return there.call([&] { return there.table.look_up(path, policy, watch); });
  }
  void await_replica() {
    look_up();
    there.await([&] { return there.table.find(path) != nullptr; });
  }
  /// `limits`: what its first writes take.
  test::Viewer& watch(std::deque<std::size_t> limits = {}) {
    return there.call([&]() -> std::reference_wrapper<test::Viewer> {
      auto& viewer = *viewers.emplace_back(std::make_unique<test::Viewer>(test::patient()));
      viewer.limits = limits;
      Stream& stream = *there.table.find(path);
      viewer.cursor.enter(stream.feed(media::Container::mpegts, Framing::http_chunk)
                              .audience(base::Duration::zero()));
      viewer.cursor.resume();
      return viewer;
    });
  }

  PathPolicy policy{{milliseconds(800), 8 << 20}, {}, {}};
  memory::Arena arena{16 << 20, 4096};
  Directory directory{2};
  Side here{0, arena, directory};
  Side there{1, arena, directory};
  std::vector<std::unique_ptr<test::Viewer>> viewers;  // on `there`
  std::vector<std::string> appended;
  std::uint64_t epoch = 100;

 private:
  unsigned next_ = 0;
};

}  // namespace

TEST_CASE("a replica is seeded with the tail and follows it in order") {
  Rig rig;
  rig.claim();
  rig.append(8);
  CHECK(rig.look_up() == StreamTable::LookUp::coming);
  rig.there.await([&] { return rig.there.ready.size() == 1; });
  CHECK(rig.look_up() == StreamTable::LookUp::ready);
  test::Viewer& viewer = rig.watch();
  rig.there.await([&] { return viewer.received == rig.images(5); });
  // Round by round: a replica that is more than the tail behind would be seeded anew.
  for (int round = 0; round < 50; ++round) {
    rig.append(3);
    rig.there.await([&] { return viewer.received == rig.images(5); });
  }
  CHECK(rig.there.call([&] { return viewer.cursor.skips(); }) == 0);
  CHECK(rig.here.call([&] { return rig.here.table.find(path)->viewers(); }) == 0);
}

TEST_CASE("looking up what nobody publishes finds nothing") {
  Rig rig;
  CHECK(rig.look_up() == StreamTable::LookUp::missing);
  CHECK(rig.there.call([&] { return rig.there.table.find(path) == nullptr; }));
}

TEST_CASE("whoever watches for a stream is told when it is claimed elsewhere") {
  Rig rig;
  CHECK(rig.look_up(true) == StreamTable::LookUp::watched);
  rig.claim();
  rig.there.await([&] { return rig.there.ready.size() == 1; });
  CHECK(rig.look_up(true) == StreamTable::LookUp::coming);  // now its replica
  rig.there.await([&] { return rig.there.ready.size() == 2; });
  CHECK(rig.look_up(true) == StreamTable::LookUp::ready);
}

TEST_CASE("whoever no longer watches is not told") {
  Rig rig;
  CHECK(rig.look_up(true) == StreamTable::LookUp::watched);
  rig.there.call([&] { rig.there.table.unwatch(path); });
  rig.claim();
  rig.append(1);
  CHECK(rig.there.call([&] { return rig.there.ready.size(); }) == 0);
}

TEST_CASE("a stream that is at home elsewhere can be claimed there only") {
  Rig rig;
  rig.claim();
  const auto claim =
      rig.there.call([&] { return rig.there.table.claim(path, rig.policy, 1, base::utc_now()); });
  CHECK(claim.home == nullptr);
  CHECK_FALSE(claim.full);
  CHECK(claim.elsewhere == 0);
  CHECK(rig.here.call([&] {
    return rig.here.table.claim(path, rig.policy, 1, base::utc_now()).home ==
           rig.here.table.home(path);
  }));
  CHECK(rig.here.call([&] { return rig.here.table.home(path)->epoch(); }) == rig.epoch);
  rig.there.call([&] {
    CHECK(rig.there.table.claim("a", rig.policy, 1, base::utc_now()).home != nullptr);
    CHECK(rig.there.table.claim("b", rig.policy, 1, base::utc_now()).full);
    rig.there.table.end_home("a");
    CHECK(rig.there.table.claim("b", rig.policy, 1, base::utc_now()).home != nullptr);
    rig.there.table.end_home("b");
    rig.there.table.end_home("b");
  });
}

TEST_CASE("the end of a stream reaches the viewers of its replicas") {
  Rig rig;
  rig.claim();
  rig.append(6);
  rig.await_replica();
  test::Viewer& viewer = rig.watch();
  rig.append(6);
  rig.here.call([&] { rig.here.table.end_home(path); });
  rig.there.await([&] { return viewer.stream_ends == 1; });
  CHECK(rig.there.call([&] { return rig.there.table.find(path) == nullptr; }));
  CHECK(rig.look_up() == StreamTable::LookUp::missing);
  CHECK(rig.there.missing.empty());
  // A new stream of that name, with numbers of its own.
  rig.appended.clear();
  rig.claim();
  rig.append(2);
  rig.await_replica();
  test::Viewer& again = rig.watch();
  rig.there.await([&] { return again.received == rig.images(0); });
}

TEST_CASE("the viewers of an ended stream leave over many turns") {
  constexpr std::size_t count = 3 * StreamTable::ends_per_turn + 1;
  Rig rig;
  rig.claim();
  rig.append(6);
  rig.await_replica();
  for (std::size_t viewer = 0; viewer < count; ++viewer) rig.watch();
  const auto ended = [&rig] {
    std::size_t ends = 0;
    for (const auto& viewer : rig.viewers) ends += static_cast<std::size_t>(viewer->stream_ends);
    return ends;
  };
  const auto have_read = [&rig](const auto& viewer) { return viewer->received == rig.images(5); };
  rig.there.await([&] { return std::ranges::all_of(rig.viewers, have_read); });
  rig.there.call([&] {
    StreamTable& table = rig.there.table;
    table.on_replica_end(path, 0, false);
    CHECK(ended() == StreamTable::ends_per_turn);
    CHECK(table.is_ending());
    table.end_finished(base::monotonic_now());
    CHECK(ended() == 2 * StreamTable::ends_per_turn);
  });
  rig.there.await([&] { return ended() == count && !rig.there.table.is_ending(); });
}

TEST_CASE("viewers read what is left of an ended stream within a bounded time") {
  Rig rig;
  rig.claim();
  rig.append(6);
  rig.await_replica();
  std::vector<test::Viewer*> slow;
  for (int count = 0; count < 3; ++count) {
    slow.push_back(&rig.watch({10}));
    rig.there.await([&] { return slow.back()->rest.has_value(); });
  }
  rig.append(4);
  rig.here.call([&] { rig.here.table.end_home(path); });
  rig.there.await([&] { return rig.there.table.find(path) == nullptr; });
  const auto look = [&](base::Duration later) {
    rig.there.call([&] { rig.there.table.end_finished(base::monotonic_now() + later); });
  };
  look(milliseconds(0));
  CHECK(rig.there.call([&] { return slow[0]->stream_ends; }) == 0);
  rig.there.call([&] { slow[0]->finish_rest(); });
  rig.there.await([&] { return slow[0]->stream_ends == 1; });
  CHECK(slow[0]->received == rig.images(5));
  CHECK(rig.there.call([&] { return slow[1]->stream_ends; }) == 0);
  look(StreamTable::ended_max + milliseconds(1));
  CHECK(rig.there.call([&] { return slow[1]->stream_ends + slow[2]->stream_ends; }) == 2);
  CHECK_FALSE(rig.there.call([&] { return rig.there.table.drop_ended(); }));
}

TEST_CASE("under pressure an ended stream goes with those who still read it") {
  Rig rig;
  rig.claim();
  rig.append(6);
  rig.await_replica();
  test::Viewer& slow = rig.watch({10});
  rig.there.await([&] { return slow.rest.has_value(); });
  rig.append(1);
  rig.here.call([&] { rig.here.table.end_home(path); });
  rig.there.await([&] { return rig.there.table.find(path) == nullptr; });
  CHECK(rig.there.call([&] { return rig.there.table.drop_ended(); }));
  CHECK(rig.there.call([&] { return slow.stream_ends; }) == 1);
}

TEST_CASE("a stream that ends while it is asked for is reported missing") {
  Rig rig;
  rig.claim();
  // Asked for in the directory, gone when the letter arrives.
  rig.here.call([&] {
    CHECK(rig.look_up() == StreamTable::LookUp::coming);
    rig.here.table.end_home(path);
  });
  rig.there.await([&] { return rig.there.missing.size() == 1; });
  CHECK(rig.there.ready.empty());
  CHECK(rig.look_up() == StreamTable::LookUp::missing);
}

TEST_CASE("a home takes the place of a replica whose end has not arrived") {
  Rig rig;
  rig.claim();
  rig.append(3);
  rig.await_replica();
  test::Viewer& viewer = rig.watch();
  rig.there.call([&] {
    rig.here.call([&] { rig.here.table.end_home(path); });
    const auto claim = rig.there.table.claim(path, rig.policy, 1, base::utc_now());
    CHECK(claim.home != nullptr);
  });
  rig.there.await([&] { return viewer.stream_ends == 1; });
  CHECK(viewer.received == rig.images(0));
  CHECK(rig.there.call([&] { return rig.there.table.homes().size(); }) == 1);
  rig.there.call([&] { rig.there.table.end_home(path); });
}

TEST_CASE("a replica that lost the tail is seeded anew and its viewers skip") {
  Rig rig;
  rig.claim();
  rig.append(6);
  rig.await_replica();
  test::Viewer& viewer = rig.watch();
  rig.there.await([&] { return viewer.received == rig.images(5); });
  const std::string before = viewer.received;
  // Its worker is stuck in one turn while the home appends many tails.
  rig.there.call([&] {
    for (int round = 0; round < 100; ++round) rig.append(1);
  });
  // It reads what it was sent, which the home sees with its next chunk.
  rig.there.await([&] {
    rig.append(1);
    return viewer.cursor.skips() > 0;
  });
  rig.there.await([&] {
    const std::size_t size = viewer.received.size();
    return size > before.size() && rig.images(0).ends_with(viewer.received.substr(size - 200));
  });
  CHECK(rig.there.call([&] {
    return rig.there.fanout.counters().skips[static_cast<std::size_t>(SkipReason::replica)];
  }) >= 1);
  CHECK(rig.arena.bytes() - std::size_t{rig.arena.free_count()} * 4096 < (4 << 20));
}

TEST_CASE("a replica nobody reads is dropped after two looks and comes back when asked for") {
  Rig rig;
  rig.claim();
  rig.append(6);
  rig.await_replica();
  test::Viewer& viewer = rig.watch();
  const auto drop = [&] { rig.there.call([&] { rig.there.table.drop_unused(); }); };
  drop();
  drop();
  CHECK(rig.look_up() == StreamTable::LookUp::ready);
  rig.there.call([&] { viewer.cursor.leave(); });
  drop();
  CHECK(rig.look_up() == StreamTable::LookUp::ready);
  drop();
  CHECK(rig.there.call([&] { return rig.there.table.find(path) == nullptr; }));
  rig.append(20);
  rig.await_replica();
  test::Viewer& again = rig.watch();
  rig.append(2);
  rig.there.await([&] { return again.received == rig.images(25); });
}

TEST_CASE("the largest tail shrinks first and only to its newest group") {
  Rig rig;
  rig.claim();
  rig.append(12, 1000);
  rig.here.call([&] {
    auto& small = *rig.here.table.claim("small", rig.policy, 1, base::utc_now()).home;
    test::ChunkMaker maker;
    for (int count = 0; count < 4; ++count) small.append(maker.make(0, {true, 10}));
    CHECK(rig.here.table.survey_tails().largest_bytes == rig.here.table.find(path)->log().bytes());
    CHECK_FALSE(rig.here.table.survey_tails().has_ended);
    CHECK(rig.here.table.trim_largest_tail());
    CHECK(rig.here.table.find(path)->log().first() == 10);
    CHECK(small.stream().log().first() == 0);
    CHECK(rig.here.table.trim_largest_tail());
    CHECK(small.stream().log().first() == 3);
    CHECK_FALSE(rig.here.table.trim_largest_tail());
    rig.here.table.end_home("small");
  });
}

TEST_CASE("a replica that is told to let go what it has not got yet keeps its newest chunk") {
  Rig rig;
  rig.claim();
  rig.append(12);
  rig.await_replica();
  rig.there.await([&] { return rig.there.table.find(path)->log().end() == 12; });
  test::Viewer& viewer = rig.watch({0});
  rig.there.await([&] { return viewer.rest.has_value(); });
  rig.there.call([&] {
    rig.there.table.on_replica_cut(path, rig.epoch, 20);
    const StreamLog& log = rig.there.table.find(path)->log();
    CHECK(log.first() == 11);
    CHECK(log.end() == 12);
    CHECK(viewer.cursor.held_since() == std::nullopt);  // it is busy
    viewer.finish_rest();
    CHECK(viewer.cursor.held_since() == log.at(11).received);
  });
  rig.there.await([&] { return viewer.received == rig.images(10); });
}

TEST_CASE("what a home lets go its replicas let go too") {
  Rig rig;
  rig.claim();
  rig.append(12);
  rig.await_replica();
  test::Viewer& viewer = rig.watch();
  rig.there.await([&] { return rig.there.table.find(path)->log().end() == 12; });
  rig.here.call([&] {
    CHECK(rig.here.table.survey_tails().largest_bytes > 0);
    rig.here.table.home(path)->let_tail_go();
    CHECK(rig.here.table.survey_tails().largest_bytes == 0);
  });
  rig.there.await([&] { return rig.there.table.find(path)->log().first() == 11; });
  // The viewers there go on with what comes next.
  const std::size_t before = rig.there.call([&] { return viewer.received.size(); });
  rig.append(20);
  rig.there.await([&] { return viewer.received.size() > before; });
}

}  // namespace stream
