#include "relay/session/clip_response.hpp"

#include <doctest/doctest.h>

#include "relay/disk/errc.hpp"
#include "tests/unit/disk/clip_rig.hpp"
#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;

const std::string head = "HTTP/1.1 200 OK\r\n\r\n";

struct Rig final : ClipResponse::Events {
  explicit Rig(int buffer_bytes = 0) : buffer(buffer_bytes) {
    recorded.has_audio = true;
    for (int n = 0; n < 400; n += 20) segments.push_back(recorded.record(n, n + 20));
    plan = recorded.plan(disk::test::ClipRig::at(0), disk::test::ClipRig::at(400)).value();
    whole = recorded.read(plan);
  }
  ~Rig() {
    response.reset();
    test::run_turns(worker, 2);
    worker.mailbox().close();  // a read that goes on holds blocks of the pool
  }

  // Of blocks that a response can have two pieces of.
  void start(std::uint64_t first, std::uint64_t bytes, std::string received = {}) {
    auto [fd, other] = test::tcp_pair(buffer, buffer);
    peer = std::move(other);
    auto share = table.reserve(ClipResponse::arena_bytes(arena));
    REQUIRE(share);
    response = std::make_unique<ClipResponse>(
        7, worker, pool, recorded.store.read_lane(), recorded.store.root(),
        loop::Tcp::from_socket(worker, fd), *this,
        ClipResponse::Request{plan, first, bytes, head, std::move(received), true, 30s},
        std::move(*share));
    response->start();
  }
  void await(std::size_t bytes) {
    test::run_until(worker, [&] { return peer.read().size() >= bytes || ends > 0; });
  }
  void await_end() {
    test::run_until(worker, [&] {
      peer.read();
      return ends > 0;
    });
    peer.read();
  }

  void on_clip_end(ClipResponse&, ClipEnd reason) noexcept override {
    ++ends;
    end = reason;
  }
  ClipResponse* find_clip(std::uint64_t id) noexcept override {
    CHECK(id == 7);
    return response.get();
  }

  int buffer;
  disk::test::ClipRig recorded;
  std::vector<disk::Segment> segments;
  disk::ClipTable table{recorded.store};
  std::shared_ptr<const disk::ClipPlan> plan;
  std::string whole;
  loop::Worker worker{0};
  memory::Arena arena{1 << 20, 4096};
  memory::BlockPool pool{arena};
  test::Peer peer;
  int ends = 0;
  ClipEnd end = ClipEnd::client;
  std::unique_ptr<ClipResponse> response;
};

constexpr int small = 8192;

}  // namespace

TEST_CASE("a clip arrives byte for byte and the connection goes on") {
  Rig rig;
  rig.start(0, rig.whole.size(), "GET /next");
  rig.await_end();
  CHECK(rig.peer.text() == head + rig.whole);
  CHECK(rig.end == ClipEnd::complete);
  CHECK(rig.response->bytes() == rig.whole.size());
  CHECK(rig.response->bytes_read() == rig.plan->content_bytes);
  CHECK(rig.response->can_go_on());
  CHECK(rig.response->take_received() == "GET /next");
  CHECK(rig.response->take_tcp() != nullptr);
}

TEST_CASE("any part of a clip arrives as it is in the whole") {
  Rig rig;
  const std::uint64_t moov = rig.plan->head.size();
  for (const auto& [first, bytes] : {std::pair<std::uint64_t, std::uint64_t>{0, 1},
                                     {10, moov - 10},
                                     {moov - 5, 10},
                                     {moov, 1},
                                     {moov + 12'345, 50'000},
                                     {rig.whole.size() - 1, 1}}) {
    rig.start(first, bytes);
    rig.await_end();
    CHECK(rig.peer.text() == head + rig.whole.substr(first, bytes));
    CHECK(rig.end == ClipEnd::complete);
    rig.response.reset();
    rig.ends = 0;
  }
}

TEST_CASE("a client that reads slowly gets it all and holds little of the arena") {
  Rig rig(small);
  rig.start(0, rig.whole.size());
  std::size_t most = 0;
  test::run_until(rig.worker, [&] {
    most = std::max(most, rig.pool.held_count());
    rig.peer.read(3000);
    return rig.ends > 0 && rig.peer.text().size() == head.size() + rig.whole.size();
  });
  CHECK(rig.peer.text() == head + rig.whole);
  CHECK(most * rig.arena.block_bytes() <= ClipResponse::arena_bytes(rig.arena));
  rig.response.reset();
  test::run_turns(rig.worker, 2);
  CHECK(rig.pool.held_count() == 0);
}

TEST_CASE("damaged payload ends the connection before it is sent") {
  Rig rig;
  const auto& piece = rig.plan->pieces[250];
  const auto& segment = rig.segments[12];
  const auto path = disk::segment_path(rig.recorded.store.root(), segment.stream, segment.start);
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(piece.offset));
  file.put('!');
  file.close();
  rig.start(0, rig.whole.size());
  rig.await_end();
  CHECK(rig.end == ClipEnd::disk);
  CHECK(rig.response->failure() == disk::Errc::bad_checksum);
  CHECK_FALSE(rig.response->can_go_on());
  std::uint64_t before = rig.plan->head.size();
  for (std::size_t index = 0; index < 250; ++index) before += rig.plan->pieces[index].bytes;
  CHECK(rig.peer.text().size() <= head.size() + before);
  CHECK((head + rig.whole).starts_with(rig.peer.text()));
}

TEST_CASE("a client that takes nothing is closed and one that is served is not") {
  Rig rig(small);
  rig.start(0, rig.whole.size());
  rig.await(head.size() + 1);
  test::run_turns(rig.worker, 20);
  const base::Time now = base::monotonic_now();
  rig.response->on_time(now);
  rig.response->on_time(now + 29s);
  CHECK(rig.ends == 0);
  rig.response->on_time(now + 31s);
  CHECK(rig.ends == 1);
  CHECK(rig.end == ClipEnd::stalled);
}

TEST_CASE("in a drain a client that reads gets its clip and one that does not is not waited for") {
  Rig rig(small);
  rig.start(0, rig.whole.size());
  rig.response->drain();
  SUBCASE("it reads") {
    test::run_until(rig.worker, [&] {
      rig.response->on_time(base::monotonic_now());
      rig.peer.read(3000);
      return rig.ends > 0;
    });
    CHECK(rig.end == ClipEnd::complete);
    CHECK_FALSE(rig.response->can_go_on());
  }
  SUBCASE("it does not") {
    test::run_until(rig.worker, [&] {
      const auto counts = rig.recorded.store.read_lane().counts();
      return counts.running + counts.waiting == 0;
    });
    test::run_turns(rig.worker, 20);
    rig.response->on_time(base::monotonic_now());
    rig.response->on_time(base::monotonic_now() + 2s);
    CHECK(rig.end == ClipEnd::drain);
  }
}

TEST_CASE("a client that goes ends the response and one that closed its side does not") {
  Rig rig(small);
  rig.start(0, rig.whole.size());
  rig.await(head.size() + 1);
  SUBCASE("it goes") {
    rig.peer.close();
    rig.await_end();
    CHECK(rig.end == ClipEnd::client);
  }
  SUBCASE("it closed its side") {
    rig.peer.end_sending();
    rig.await_end();
    CHECK(rig.end == ClipEnd::complete);
    CHECK_FALSE(rig.response->can_go_on());
  }
}

TEST_CASE("a response that goes while the disk is read leaves nothing behind") {
  Rig rig;
  rig.start(0, rig.whole.size());
  rig.response.reset();
  test::run_turns(rig.worker, 5);
  test::run_until(rig.worker, [&] { return rig.pool.held_count() == 0; });
}

TEST_CASE("without a free block a response waits for one") {
  Rig rig;
  std::vector<memory::BlockHold*> held;
  while (auto hold = rig.pool.take()) held.push_back(*hold);
  rig.start(0, rig.whole.size());
  test::run_turns(rig.worker, 20);
  CHECK(rig.ends == 0);
  CHECK(rig.peer.read().size() == head.size() + rig.plan->head.size());
  for (memory::BlockHold* hold : held) memory::BlockPool::release(hold);
  rig.response->on_time(base::monotonic_now());
  rig.await_end();
  CHECK(rig.peer.text() == head + rig.whole);
}

TEST_CASE("clips have half of what may be read back") {
  Rig rig;
  const std::uint64_t most = rig.recorded.store.past_bytes_max();
  {
    auto half = rig.table.reserve(most / 2);
    CHECK(half);
    CHECK_FALSE(rig.table.reserve(1));
    CHECK(rig.recorded.store.past_bytes == most / 2);
  }
  CHECK(rig.recorded.store.past_bytes == 0);
  rig.recorded.store.past_bytes = most;
  CHECK_FALSE(rig.table.reserve(1));
  CHECK(rig.recorded.store.past_bytes == most);
  rig.recorded.store.past_bytes = 0;
}

}  // namespace session
