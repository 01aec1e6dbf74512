#include "relay/stream/feed.hpp"

#include <deque>

#include "relay/stream/fanout.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;

constexpr Framing framings[] = {Framing::none, Framing::http_chunk, Framing::websocket};

struct Rig {
  explicit Rig(Framing kind, std::uint64_t tail_bytes = 1 << 30)
      : framing(kind),
        log({std::chrono::seconds(1000), tail_bytes}, 5),
        feed(log, fanout, kind),
        oldest(5) {}

  void append(const test::ChunkMaker::Kind& kind) {
    Chunk chunk = maker.make(log.end(), kind);
    images.push_back(test::framed(test::to_text(chunk.bytes), framing));
    log.append(std::move(chunk));
    log.trim();
    feed.append();
    feed.trim();
  }
  const std::string& image(std::uint64_t sequence) const {
    return images[static_cast<std::size_t>(sequence - oldest)];
  }
  // What a cursor at `sequence` would be sent, run by run.
  std::string read_from(std::uint64_t sequence) {
    std::string text;
    while (sequence < log.end()) {
      const Feed::Run run = feed.run(sequence);
      CHECK(run.begin == sequence);
      CHECK(run.end > sequence);
      const std::string part = test::to_text(run.buffers);
      CHECK(part.size() == run.bytes);
      text += part;
      sequence = run.end;
    }
    return text;
  }
  std::string expected_from(std::uint64_t sequence) const {
    std::string text;
    for (; sequence < log.end(); ++sequence) text += image(sequence);
    return text;
  }
  void check_everywhere() {
    for (std::uint64_t sequence = log.first(); sequence <= log.end(); ++sequence) {
      CHECK(read_from(sequence) == expected_from(sequence));
    }
    if (log.empty()) return;
    CHECK(feed.newest().begin == log.end() - 1);
    CHECK(test::to_text(feed.newest().buffers) == image(log.end() - 1));
  }

  Framing framing;
  test::ChunkMaker maker;
  Fanout fanout;
  StreamLog log;
  Feed feed;
  std::uint64_t oldest;
  std::vector<std::string> images;  // from sequence `oldest` on
};

// Written up to `cut`, handed over to the end of the cut chunk, then read on: nothing is lost.
void check_every_cut(Rig& rig, std::uint64_t from) {
  const Feed::Run run = rig.feed.run(from);
  const std::string whole = test::to_text(run.buffers);
  const std::string expected = rig.expected_from(from);
  for (std::size_t cut = 0; cut < run.bytes; ++cut) {
    const Feed::Cut place = rig.feed.locate(from, cut);
    REQUIRE(place.sequence >= from);
    REQUIRE(place.sequence < run.end);
    const std::string rest = test::to_text(rig.feed.rest(place.sequence, place.written));
    CHECK(rest.size() <= rig.image(place.sequence).size());
    CHECK_FALSE(rest.empty());
    CHECK(whole.substr(0, cut) + rest + rig.read_from(place.sequence + 1) == expected);
  }
}

}  // namespace

TEST_CASE("a feed without chunks has nothing to send") {
  Rig rig(Framing::http_chunk);
  const Feed::Run run = rig.feed.run(5);
  CHECK(run.bytes == 0);
  CHECK(run.buffers.empty());
  CHECK(run.end == 5);
  CHECK(rig.feed.newest().begin != 5);
}

TEST_CASE("a run is all that follows in images framed for its kind of viewer") {
  for (const Framing framing : framings) {
    Rig rig(framing);
    for (const std::size_t bytes :
         {1u, 15u, 16u, 125u, 126u, 255u, 256u, 4095u, 4096u, 65'535u, 65'536u}) {
      rig.append({true, bytes, 1000});
      rig.check_everywhere();
    }
    CHECK(rig.feed.run(5).end == 16);
  }
  Rig rig(Framing::http_chunk);
  rig.append({true, 26});
  CHECK(test::to_text(rig.feed.run(5).buffers).starts_with("1a\r\n"));
  CHECK(test::to_text(rig.feed.run(5).buffers).ends_with("\r\n"));
}

TEST_CASE("an empty chunk has an empty image and ends no response") {
  Rig rig(Framing::http_chunk);
  rig.append({true, 0});
  CHECK(rig.feed.run(5).bytes == 0);
  CHECK(rig.feed.run(5).end == 6);
  rig.append({true, 10});
  rig.append({true, 0});
  rig.append({true, 10});
  CHECK(rig.read_from(5) == rig.expected_from(5));
  check_every_cut(rig, 5);
  check_every_cut(rig, 7);
}

TEST_CASE("what a short write leaves is found at every cut") {
  for (const Framing framing : framings) {
    Rig rig(framing);
    rig.append({true, 20, 7});
    rig.append({false, 1});
    rig.append({false, 300, 100});
    for (std::uint64_t from = 5; from < 8; ++from) check_every_cut(rig, from);
  }
}

TEST_CASE("a run ends where the next chunk cannot follow in one response") {
  Rig rig(Framing::http_chunk);
  for (std::uint32_t generation : {0u, 0u, 1u, 1u, 2u}) {
    test::ChunkMaker::Kind kind{true, 10};
    kind.generation = generation;
    rig.append(kind);
  }
  CHECK(rig.feed.run(5).end == 7);
  CHECK(rig.feed.run(6).end == 7);
  CHECK(rig.feed.run(7).end == 9);
  CHECK(rig.feed.run(9).end == 10);
  CHECK(rig.feed.newest().begin != 9);  // nobody steps into it without looking
  CHECK(rig.read_from(5) == rig.expected_from(5));
  check_every_cut(rig, 7);
  test::ChunkMaker::Kind next{true, 10};
  next.generation = 2;
  rig.append(next);
  CHECK(rig.feed.newest().begin == 10);
  CHECK(rig.feed.run(9).end == 11);
}

TEST_CASE("a run ends before the chunk that somebody does not want") {
  Rig rig(Framing::websocket);
  for (int count = 0; count < 4; ++count) rig.append({true, 20});
  CHECK(test::to_text(rig.feed.run(5, 7).buffers) == rig.image(5) + rig.image(6));
  CHECK(rig.feed.run(5, 7).end == 7);
  CHECK(rig.feed.run(8, 9).end == 9);
  CHECK(rig.feed.run(8, 100).end == 9);
  CHECK(rig.feed.run(5).end == 9);
}

TEST_CASE("a feed follows its log through trims and compactions") {
  for (const Framing framing : framings) {
    Rig rig(framing, 4000);
    for (int count = 0; count < 600; ++count) {
      rig.append({count % 7 == 0, 100 + static_cast<std::size_t>(count * 37 % 200), 10});
      REQUIRE(rig.log.first() + 5 < rig.log.end() + 5);
      if (count % 5 == 0) rig.check_everywhere();
    }
    check_every_cut(rig, rig.log.first());
    check_every_cut(rig, rig.log.end() - 2);
    rig.log.trim_to_newest_group();
    rig.feed.trim();
    rig.check_everywhere();
  }
}

TEST_CASE("a run has at most so many buffers and is whole chunks") {
  Rig rig(Framing::http_chunk);
  for (int count = 0; count < 10; ++count) rig.append({true, 300, 1});
  const Feed::Run run = rig.feed.run(5);
  CHECK(run.buffers.size() <= Feed::buffers_max);
  CHECK(run.buffers.size() == 3 * 302);
  CHECK(run.end == 8);
  CHECK(rig.feed.run(12).end == 15);
  CHECK(rig.read_from(5) == rig.expected_from(5));
  check_every_cut(rig, 5);
  check_every_cut(rig, 6);
}

TEST_CASE("images that lie one behind the other are one buffer of a run") {
  Rig rig(Framing::none);
  rig.maker.hole = 0;
  for (int count = 0; count < 5; ++count) rig.append({true, 100});
  CHECK(rig.feed.run(5).buffers.size() == 1);
  CHECK(rig.feed.run(5).buffers.data() == rig.feed.run(5).buffers.data());
  rig.maker.hole = 1;
  rig.append({true, 100});
  rig.append({true, 100});
  CHECK(rig.feed.run(5).buffers.size() == 2);  // the hole lies behind the window
  CHECK(rig.feed.run(9).buffers.size() == 2);
  rig.check_everywhere();
  check_every_cut(rig, 5);
  rig.log.restart(5);
  rig.feed.restart();
  rig.images.clear();
  rig.append({true, 100});
  rig.append({true, 100});
  rig.check_everywhere();
}

TEST_CASE("exactly as many buffers as fit are one run") {
  Rig rig(Framing::none);
  rig.append({true, 1023, 1});
  rig.append({true, 1, 1});
  CHECK(rig.feed.run(5).end == 7);
  CHECK(rig.feed.run(5).buffers.size() == Feed::buffers_max);
  rig.append({true, 1, 1});
  CHECK(rig.feed.run(5).end == 7);
  CHECK(rig.feed.run(6).end == 8);
}

TEST_CASE("a chunk of more buffers or bytes than fit is a run of its own") {
  Rig rig(Framing::http_chunk);
  rig.append({true, 1500, 1});
  rig.append({true, 1500 * 1024});
  rig.append({true, 700 * 1024});
  rig.append({true, 700 * 1024});
  rig.append({true, 5});
  for (std::uint64_t from = 5; from < 8; ++from) CHECK(rig.feed.run(from).end == from + 1);
  CHECK(rig.feed.run(8).end == 10);
  CHECK(rig.read_from(5) == rig.expected_from(5));
  // Only around the seams: there are too many places.
  const Feed::Run run = rig.feed.run(6);
  for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, std::size_t{7}, std::size_t{8},
                                run.bytes / 2, run.bytes - 3, run.bytes - 2, run.bytes - 1}) {
    const Feed::Cut place = rig.feed.locate(6, cut);
    CHECK(place.sequence == 6);
    CHECK(place.written == cut);
    CHECK(test::to_text(rig.feed.rest(6, cut)) == rig.image(6).substr(cut));
  }
}

TEST_CASE("a feed made late has the images of the whole tail") {
  Rig rig(Framing::http_chunk, 2000);
  for (int count = 0; count < 60; ++count) rig.append({count % 7 == 0, 100, 30});
  Feed late(rig.log, rig.fanout, Framing::http_chunk);
  const Feed::Run run = late.run(rig.log.first());
  CHECK(test::to_text(run.buffers) == rig.expected_from(rig.log.first()));
}

TEST_CASE("a feed begins anew where its log does") {
  Rig rig(Framing::http_chunk);
  for (int count = 0; count < 500; ++count) rig.append({true, 50, 10});
  rig.log.restart(1000);
  rig.feed.restart();
  CHECK(rig.feed.run(1000).bytes == 0);
  CHECK(rig.feed.newest().begin != 1000);
  rig.images.clear();
  rig.oldest = 1000;
  for (int count = 0; count < 5; ++count) rig.append({true, 50, 10});
  rig.check_everywhere();
  check_every_cut(rig, 1000);
}

TEST_CASE("join images are framed and cut like chunks") {
  Rig rig(Framing::http_chunk);
  rig.append({true, 50, 10, {}, true});
  rig.append({true, 50});
  rig.append({true, 50, 10, {}, true});
  for (const std::uint64_t sequence : {std::uint64_t{5}, std::uint64_t{7}}) {
    const JoinImages& images = *rig.log.at(sequence).join;
    for (const JoinKind kind : {JoinKind::start, JoinKind::skip}) {
      const auto& windows = kind == JoinKind::start ? images.start : images.skip;
      const std::string expected = test::framed(test::to_text(windows), Framing::http_chunk);
      CHECK(test::to_text(rig.feed.join(sequence, kind)) == expected);
      CHECK(test::to_text(rig.feed.join(sequence, kind)) == expected);  // shared
      for (std::size_t cut = 0; cut < expected.size(); ++cut) {
        CHECK(test::to_text(rig.feed.join_rest(cut)) == expected.substr(cut));
      }
    }
  }
  CHECK(rig.feed.join(6, JoinKind::start).empty());
}

TEST_CASE("a feed holds no block that its log has let go") {
  Rig rig(Framing::http_chunk, 100'000);
  rig.append({true, 5000, 4096, {}, true});
  CHECK_FALSE(rig.feed.join(5, JoinKind::start).empty());
  for (int count = 0; count < 100; ++count) rig.append({true, 5000});
  const std::size_t held = rig.maker.pool.held_count();
  Rig other(Framing::http_chunk, 100'000);
  for (int count = 0; count < 101; ++count) other.append({true, 5000});
  CHECK(held <= other.maker.pool.held_count() + 1);
  // All that is left is what the log holds; with it gone every block is free.
  rig.log.restart(0);
  rig.feed.restart();
  rig.maker.writer.let_go();
  CHECK(rig.maker.pool.held_count() == 0);
}

TEST_CASE("sockets need room for the largest chunk and for two flush intervals") {
  Rig rig(Framing::none);
  for (int count = 0; count < 26; ++count) {
    rig.append({true, 1000, 4096, milliseconds(40 * count)});
  }
  // 26 000 bytes in a second.
  CHECK(rig.feed.unsent_least(base::Duration::zero()) == 1000);
  CHECK(rig.feed.unsent_least(milliseconds(100)) == 5200);
  rig.append({true, 60'000, 4096, milliseconds(1040)});
  CHECK(rig.feed.unsent_least(base::Duration::zero()) == 60'000);
  for (int count = 0; count < 300; ++count) {
    rig.append({true, 1000, 4096, milliseconds(1080 + 40 * count)});
  }
  const std::size_t later = rig.feed.unsent_least(base::Duration::zero());
  CHECK(later < 30'000);  // forgotten by and by
  CHECK(later >= 1000);
}

TEST_CASE("there is one audience for each flush interval while it is in use") {
  Rig rig(Framing::none);
  Audience& automatic = rig.feed.audience(std::nullopt);
  Audience& fixed = rig.feed.audience(milliseconds(100));
  CHECK(&automatic != &fixed);
  CHECK(&rig.feed.audience(milliseconds(100)) == &fixed);
  CHECK(rig.feed.audiences().size() == 2);
  CHECK(rig.feed.drop_empty_audiences());
  CHECK(rig.feed.audiences().empty());
}

}  // namespace stream
