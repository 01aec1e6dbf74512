#include "relay/session/http_viewer.hpp"

#include <doctest/doctest.h>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace session {
namespace {

using stream::Framing;
using stream::SlowPolicy;

const std::string head = "HTTP/1.1 200 OK\r\n\r\n";

struct Rig final : HttpViewer::Events {
  explicit Rig(Framing kind = Framing::http_chunk, SlowPolicy slow = SlowPolicy::catch_up,
               std::string received = {}, int buffer_bytes = 0)
      : framing(kind),
        stream("live/cam", {{std::chrono::seconds(15), 64 << 20}, {}, {}}, fanout, maker.pool, 0),
        turn_end(worker, loop::bind<&Rig::on_turn_end>(this)) {
    auto [fd, other] = test::tcp_pair(buffer_bytes, buffer_bytes);
    peer = std::move(other);
    const stream::ViewerPolicy policy{slow, std::chrono::milliseconds(100),
                                      std::chrono::seconds(30), 256 * 1024, base::Duration::zero()};
    viewer = std::make_unique<HttpViewer>(
        1, worker, loop::Tcp::from_socket(worker, fd), *this,
        HttpViewer::Request{policy, stream::Begin::newest, media::Container::mpegts, framing, head,
                            std::move(received), true});
  }
  ~Rig() {
    viewer.reset();
    test::run_turns(worker, 2);  // its unfinished write lets its windows go
  }

  void on_viewer_end(HttpViewer&, ViewerEnd reason) noexcept override {
    ++ends;
    end = reason;
  }
  bool on_viewer_elsewhere(HttpViewer& one, wire::Position next, bool) noexcept override {
    elsewhere = next;
    one.leave();
    return true;
  }
  void on_turn_end() noexcept { turn_end.keep_turning(fanout.run(base::monotonic_now()).now); }
  void append(test::ChunkMaker::Kind kind = {}) {
    kind.time = std::chrono::milliseconds(40) * stream.log().end();
    stream::Chunk chunk = maker.make(stream.log().end(), kind);
    chunk.received = base::monotonic_now();
    images.push_back(test::framed(test::to_text(chunk.bytes), framing));
    stream.append(std::move(chunk));
  }
  std::string all() const {
    std::string text = head;
    for (const std::string& image : images) text += image;
    return text;
  }
  void await(const std::string& text) {
    test::run_until(worker, [&] { return peer.read().size() >= text.size(); });
    CHECK(peer.text() == text);
  }
  // Appends until the socket takes no more; nobody reads.
  void fill() {
    append({true, 50'000});
    viewer->start(stream);
    test::run_until(worker, [&] {
      if (viewer->pinned_bytes() == 0) append({false, 50'000});
      return viewer->pinned_bytes() > 0;
    });
  }

  Framing framing;
  loop::Worker worker{0};
  test::ChunkMaker maker{64 << 20};
  stream::Fanout fanout;
  stream::Stream stream;
  test::Peer peer;
  std::vector<std::string> images;
  std::optional<wire::Position> elsewhere;
  int ends = 0;
  ViewerEnd end = ViewerEnd::error;
  loop::TurnEnd turn_end;
  std::unique_ptr<HttpViewer> viewer;
};

constexpr int small = 8192;

}  // namespace

TEST_CASE("a viewer gets the head and then every chunk as it comes") {
  Rig rig;
  rig.append({true});
  rig.viewer->start(rig.stream);
  CHECK(rig.viewer->path() == "live/cam");
  rig.await(rig.all());
  for (int count = 0; count < 20; ++count) {
    rig.append({count % 5 == 0, 1000});
    rig.await(rig.all());
  }
  CHECK(rig.viewer->bytes() == rig.all().size() - head.size());
  CHECK(rig.ends == 0);
}

TEST_CASE("the end of a stream is a last-chunk and the connection goes on") {
  Rig rig(Framing::http_chunk, SlowPolicy::skip, "GET /next");
  rig.append({true});
  rig.viewer->start(rig.stream);
  rig.await(rig.all());
  rig.peer.send(" HTTP/1.1");  // pipelined
  test::run_turns(rig.worker, 3);
  rig.stream.end();
  CHECK(rig.ends == 1);
  CHECK(rig.end == ViewerEnd::stream_end);
  CHECK(rig.viewer->can_go_on());
  CHECK(rig.viewer->take_received() == "GET /next HTTP/1.1");
  CHECK(rig.viewer->take_tcp() != nullptr);
  CHECK(rig.peer.read() == rig.all() + "0\r\n\r\n");
}

TEST_CASE("without chunked coding the end is the end of the connection") {
  Rig rig(Framing::none);
  rig.append({true});
  rig.viewer->start(rig.stream);
  rig.await(rig.all());
  rig.stream.end();
  CHECK(rig.ends == 1);
  CHECK_FALSE(rig.viewer->can_go_on());
  CHECK(rig.peer.read() == rig.all());
}

TEST_CASE("who is too slow or pins memory is ended without a last-chunk") {
  for (const ViewerEnd reason : {ViewerEnd::slow, ViewerEnd::pinned}) {
    Rig rig;
    rig.append({true});
    rig.viewer->start(rig.stream);
    rig.await(rig.all());
    rig.viewer->end(reason);
    rig.viewer->end(ViewerEnd::drain);
    CHECK(rig.ends == 1);
    CHECK(rig.end == reason);
    CHECK_FALSE(rig.viewer->can_go_on());
    CHECK(rig.peer.read() == rig.all());
    CHECK(rig.stream.viewers() == 0);
  }
}

TEST_CASE("a viewer that closed its side only is served until it is gone") {
  Rig rig;
  rig.append({true});
  rig.viewer->start(rig.stream);
  rig.peer.end_sending();
  rig.await(rig.all());
  rig.append();
  rig.await(rig.all());
  CHECK(rig.ends == 0);
  rig.peer.close();
  test::run_until(rig.worker, [&] {
    rig.append();
    return rig.ends > 0;
  });
  CHECK(rig.end == ViewerEnd::client);
}

TEST_CASE("a viewer that closed one side and then went is noticed without a write") {
  Rig rig;
  rig.append({true});
  rig.viewer->start(rig.stream);
  rig.peer.end_sending();
  test::run_turns(rig.worker, 3);
  rig.viewer->on_time(base::monotonic_now());
  CHECK(rig.ends == 0);
  rig.peer.close();  // with bytes that it has not read: a reset
  test::run_until(rig.worker, [&] {
    rig.viewer->on_time(base::monotonic_now());
    return rig.ends > 0;
  });
  CHECK(rig.end == ViewerEnd::client);
}

TEST_CASE("a short write goes on when the viewer reads and nothing is lost") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  CHECK(rig.viewer->pinned_bytes() <= 50'000);
  CHECK(rig.viewer->cursor().is_waiting());
  for (int count = 0; count < 10; ++count) rig.append({false, 50'000});
  rig.await(rig.all());
  CHECK(rig.viewer->pinned_bytes() == 0);
  CHECK(rig.fanout.counters().short_writes > 0);
}

TEST_CASE("an end in the middle of a chunk lets the chunk end first") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  const std::uint64_t next = rig.viewer->cursor().sequence();
  rig.append({false, 50'000});
  rig.viewer->end(ViewerEnd::drain);
  CHECK(rig.ends == 0);
  CHECK(rig.stream.viewers() == 0);
  test::run_until(rig.worker, [&] {
    rig.peer.read();
    return rig.ends > 0;
  });
  CHECK(rig.end == ViewerEnd::drain);
  rig.images.resize(next);
  CHECK(rig.peer.read() == rig.all() + "0\r\n\r\n");
  CHECK(rig.viewer->can_go_on());
}

TEST_CASE("a drain comes behind what was published by then") {
  Rig rig;
  rig.append({true});
  SUBCASE("a viewer in the middle of it") {
    rig.viewer->start(rig.stream);
    rig.await(rig.all());
    // No turn of the loop serves it any more.
    for (int count = 0; count < 5; ++count) rig.append({false, 1000});
    rig.viewer->drain();
    CHECK(rig.peer.read() == rig.all() + "0\r\n\r\n");
  }
  SUBCASE("a viewer that has just begun") {
    rig.viewer->start(rig.stream);
    rig.viewer->drain();
    CHECK(rig.peer.read() == rig.all() + "0\r\n\r\n");
  }
  CHECK(rig.ends == 1);
  CHECK(rig.end == ViewerEnd::drain);
  CHECK(rig.viewer->can_go_on());
  rig.viewer->drain();
  CHECK(rig.ends == 1);
}

TEST_CASE("a drain before the first chunk is an empty body") {
  Rig rig;
  rig.viewer->start(rig.stream);
  rig.viewer->drain();
  CHECK(rig.ends == 1);
  CHECK(rig.peer.read() == head + "0\r\n\r\n");
}

TEST_CASE("a viewer behind a full socket is drained at the end of its chunk") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  const std::uint64_t next = rig.viewer->cursor().sequence();
  rig.append({false, 50'000});
  rig.viewer->drain();
  CHECK(rig.ends == 0);
  test::run_until(rig.worker, [&] {
    rig.peer.read();
    return rig.ends > 0;
  });
  rig.images.resize(next);
  CHECK(rig.peer.read() == rig.all() + "0\r\n\r\n");
}

TEST_CASE("a viewer is cut off once and counts as drained") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  SUBCASE("in the middle of streaming") {}
  SUBCASE("in the middle of its end") { rig.viewer->drain(); }
  rig.viewer->cut_off(ViewerEnd::drain);
  rig.viewer->cut_off(ViewerEnd::drain);
  rig.viewer->end(ViewerEnd::slow);
  CHECK(rig.ends == 1);
  CHECK(rig.end == ViewerEnd::drain);
  CHECK_FALSE(rig.viewer->can_go_on());
}

TEST_CASE("a viewer that takes nothing is closed after the stall timeout") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  const base::Time now = base::monotonic_now();
  rig.viewer->on_time(now);
  rig.viewer->on_time(now + std::chrono::seconds(29));
  CHECK(rig.ends == 0);
  SUBCASE("nothing was taken") {
    rig.viewer->on_time(now + std::chrono::seconds(31));
    CHECK(rig.ends == 1);
    CHECK(rig.end == ViewerEnd::stalled);
    rig.viewer.reset();
    test::run_until(rig.worker, [&] {
      rig.peer.read();
      return rig.peer.error() != 0;
    });
    CHECK(rig.peer.error() == ECONNRESET);  // nothing lingers in the kernel
  }
  SUBCASE("a little was taken") {
    rig.peer.read(20'000);
    test::run_until(rig.worker, [&] {
      rig.viewer->on_time(now + std::chrono::seconds(29));
      rig.peer.read(1000);
      return rig.viewer->pinned_bytes() == 0;
    });
    rig.viewer->on_time(now + std::chrono::seconds(31));
    CHECK(rig.ends == 0);
  }
}

TEST_CASE("a viewer that pins memory is closed at once even while it ends") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  CHECK(rig.viewer->pinned().bytes() == rig.viewer->pinned_bytes());
  CHECK(rig.viewer->blocked_since() <= base::monotonic_now());
  rig.viewer->end(ViewerEnd::drain);
  CHECK(rig.ends == 0);  // the chunk that was cut goes out first
  rig.viewer->end(ViewerEnd::pinned);
  CHECK(rig.ends == 1);
  CHECK_FALSE(rig.viewer->can_go_on());
}

TEST_CASE("a stalled viewer destroyed with an unfinished write gives its blocks back") {
  Rig rig(Framing::http_chunk, SlowPolicy::catch_up, {}, small);
  rig.fill();
  rig.viewer->end(ViewerEnd::pinned);
  rig.viewer.reset();
  rig.stream.restart(1000);
  rig.maker.writer.let_go();
  rig.stream.drop_unused_feeds();
  test::run_until(rig.worker, [&] { return rig.maker.pool.held_count() == 0; });
}

TEST_CASE("under disconnect a viewer that falls behind ends at a chunk boundary") {
  Rig rig(Framing::http_chunk, SlowPolicy::disconnect, {}, small);
  rig.fill();
  const std::uint64_t next = rig.viewer->cursor().sequence();
  for (int count = 0; count < 10; ++count) rig.append({count == 9, 50'000});
  test::run_until(rig.worker, [&] {
    rig.peer.read();
    return rig.ends > 0;
  });
  CHECK(rig.end == ViewerEnd::slow);
  CHECK(rig.viewer->lag() > std::chrono::milliseconds(100));
  rig.viewer.reset();
  rig.images.resize(next);
  test::run_until(rig.worker, [&] {
    rig.peer.read();
    return rig.peer.ended();
  });
  CHECK(rig.peer.text() == rig.all());
}

TEST_CASE("what a viewer sends is kept up to a bound") {
  Rig rig;
  rig.append({true});
  rig.viewer->start(rig.stream);
  rig.peer.send(std::string(40'000, 'x'));
  test::run_turns(rig.worker, 5);
  rig.append();
  rig.await(rig.all());
  CHECK(rig.viewer->take_received().size() == HttpViewer::received_bytes_max);
}

TEST_CASE("a viewer goes on in another stream on the same connection") {
  Rig rig(Framing::none);
  stream::Stream past{
      "live/cam", {{std::chrono::hours(1), 64 << 20}, {}, {}}, rig.fanout, rig.maker.pool, 0, true};
  std::string all = head;
  for (std::uint64_t sequence = 0; sequence < 4; ++sequence) {
    stream::Chunk chunk = rig.maker.make(sequence, {sequence == 1, 500});
    chunk.position = {7, 100 + sequence};
    if (sequence > 0) all += test::to_text(chunk.bytes);
    past.append(std::move(chunk));
  }
  rig.viewer->start(past, stream::Entry{1, true, {}, false});
  rig.await(all);
  std::size_t most = 1;
  past.end_finished(most, wire::Position{7, 104});
  CHECK(rig.elsewhere == wire::Position{7, 104});
  CHECK(rig.ends == 0);
  // It has no stream meanwhile, and can be looked at.
  rig.viewer->on_time(base::monotonic_now());
  CHECK(rig.viewer->lag() == base::Duration::zero());
  rig.append({true});
  rig.append();
  rig.append({true});
  rig.viewer->go_on(rig.stream, stream::Entry{1, true, {}, false});
  all += rig.images[2];
  rig.await(all);
  rig.append();
  all += rig.images[3];
  rig.await(all);
  CHECK(rig.viewer->cursor().skips() == 0);
}

TEST_CASE("a viewer without a stream ends like any other") {
  Rig rig;
  stream::Stream past{
      "live/cam", {{std::chrono::hours(1), 64 << 20}, {}, {}}, rig.fanout, rig.maker.pool, 0, true};
  stream::Chunk chunk = rig.maker.make(0, {true, 500});
  const std::string image = test::framed(test::to_text(chunk.bytes), Framing::http_chunk);
  past.append(std::move(chunk));
  rig.viewer->start(past, stream::Entry{0, true, {}, false});
  rig.await(head + image);
  std::size_t most = 1;
  past.end_finished(most, wire::Position{7, 1});
  rig.viewer->drain();
  CHECK(rig.ends == 1);
  CHECK(rig.end == ViewerEnd::drain);
  CHECK(rig.peer.read() == head + image + "0\r\n\r\n");
}

}  // namespace session
