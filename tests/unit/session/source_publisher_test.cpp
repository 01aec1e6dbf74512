#include "relay/session/source_publisher.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace session {
namespace {

using namespace std::chrono_literals;

std::string data_path(const std::string& name) {
  return std::string(SPANCAST_TEST_DATA) + "/" + name;
}
std::string data_file(const std::string& name) {
  std::ifstream in(data_path(name), std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Rig final : SourcePublisher::Events {
  explicit Rig(base::Duration ahead = 1h, std::size_t block_bytes = 64 * 1024,
               std::optional<media::Container> container = {}, base::Duration stall = {})
      : arena(64 << 20, block_bytes),
        home("live/cam", {{1h, 1 << 30}, {}, {{}, {}, ahead}}, fanout, pool, 1, base::utc_now()) {
    test::ignore_broken_pipes();
    publisher = std::make_unique<SourcePublisher>(1, worker, pool, *this, home,
                                                  SourcePublisher::Options{container, 1h, stall});
  }

  void on_publisher_end(SourcePublisher&, PublisherEnd why,
                        const std::string& detail) noexcept override {
    ++ends;
    end = why;
    reason = detail;
  }
  bool may_take_block(Publisher&) noexcept override { return pool.free_count() > 0; }
  void on_input_dropped(Publisher&) noexcept override {}
  void on_appended_by_timer() noexcept override {}
  void on_source_line(SourcePublisher&, std::string_view line) noexcept override { lines += line; }

  void start(const std::string& script) {
    REQUIRE(publisher->start({{"sh", "-c", script}, {"PATH=/usr/bin:/bin"}, {}}));
  }
  void run(const std::string& script) {
    start(script);
    test::run_until(worker, [&] { return ends > 0; });
    CHECK(ends == 1);
  }
  std::uint64_t chunks() { return home.stream().log().end(); }
  std::string published() {
    std::string text;
    for (std::uint64_t sequence = 0; sequence < chunks(); ++sequence) {
      text += test::to_text(home.stream().log().at(sequence).bytes);
    }
    return text;
  }

  loop::Worker worker{0};
  memory::Arena arena;
  memory::BlockPool pool{arena};
  stream::Fanout fanout;
  stream::Home home;
  int ends = 0;
  PublisherEnd end = PublisherEnd::replaced;
  std::string reason;
  std::string lines;
  std::unique_ptr<SourcePublisher> publisher;
};

}  // namespace

TEST_CASE("what a child writes becomes the stream byte for byte") {
  const std::string file = data_file("ts/h264_aac.ts");
  Rig rig;
  rig.run("cat " + data_path("ts/h264_aac.ts"));
  CHECK(rig.end == PublisherEnd::finished);
  CHECK(rig.reason == "exit code 0");
  CHECK(file.ends_with(rig.published()));
  CHECK(rig.published().size() > file.size() - 10 * 188);
  CHECK(rig.publisher->counts().bytes == file.size());
  CHECK(rig.home.tracks().size() == 2);
}

TEST_CASE("the first bytes tell the container however they are cut") {
  for (const std::size_t block_bytes : {4096u, 65536u}) {
    Rig rig(1h, block_bytes);
    rig.run("for i in 0 1 2 3 4 5 6 7 8 9; do dd bs=1 count=1 status=none; done <" +
            data_path("fmp4/cmaf.mp4") + "; tail -c +11 " + data_path("fmp4/cmaf.mp4"));
    CHECK(rig.end == PublisherEnd::finished);
    CHECK(rig.chunks() > 50);
    CHECK(rig.home.stream().log().newest().container == media::Container::fmp4);
  }
}

TEST_CASE("a child that writes no media ends with a reason") {
  Rig rig;
  const std::string not_media = "its output is neither MPEG-TS nor fragmented MP4";
  SUBCASE("and goes on for ever") {
    rig.run("yes");
    CHECK(rig.end == PublisherEnd::bad_media);
    CHECK(rig.reason == not_media);
  }
  SUBCASE("of a few bytes") {
    rig.run("echo hi");
    CHECK(rig.end == PublisherEnd::bad_media);
    CHECK(rig.reason == not_media);
  }
  SUBCASE("that begins as media does") {
    rig.run("yes G");
    CHECK(rig.end == PublisherEnd::bad_media);
    CHECK(rig.reason != not_media);
  }
  SUBCASE("and ignores that nobody reads it") {
    rig.run("trap '' PIPE; yes 2>/dev/null");
    CHECK(rig.end == PublisherEnd::bad_media);
  }
  CHECK(rig.chunks() == 0);
}

TEST_CASE("a container that was told is not guessed") {
  Rig rig(1h, 65536, media::Container::fmp4);
  rig.run("cat " + data_path("ts/h264_aac.ts"));
  CHECK(rig.end == PublisherEnd::bad_media);
}

TEST_CASE("an exit code that is not 0 ends a source as broken with what it said") {
  Rig rig;
  rig.run("cat " + data_path("ts/h264_aac.ts") + "; echo no camera >&2; exit 3");
  CHECK(rig.end == PublisherEnd::broken);
  CHECK(rig.reason == "exit code 3");
  CHECK(rig.lines == "no camera");
  CHECK(rig.chunks() > 50);
}

TEST_CASE("a child without a word is finished and is no media") {
  Rig rig;
  rig.run("true");
  CHECK(rig.end == PublisherEnd::finished);
  CHECK(rig.chunks() == 0);
}

TEST_CASE("a child that closes its output and goes on is ended") {
  Rig rig;
  rig.run("cat " + data_path("ts/h264_aac.ts") + "; exec >&-; exec sleep 1000");
  CHECK(rig.end == PublisherEnd::broken);
  CHECK(rig.reason == "it closed its output and went on");
}

TEST_CASE("whoever ends a source tells why") {
  Rig rig;
  rig.start("exec sleep 1000");
  rig.publisher->end(PublisherEnd::unwatched, "nobody watches it");
  rig.publisher->end(PublisherEnd::drain, "too late");
  CHECK(rig.publisher->is_ending());
  CHECK(rig.ends == 0);
  test::run_until(rig.worker, [&] { return rig.ends > 0; });
  CHECK(rig.end == PublisherEnd::unwatched);
  CHECK(rig.reason == "nobody watches it");
}

TEST_CASE("a source ahead of the clock is read slower and ended all the same") {
  Rig rig(10ms);
  rig.start("cat " + data_path("ts/h264_aac.ts") + " " + data_path("ts/h264_aac.ts"));
  test::run_until(rig.worker, [&] { return rig.publisher->is_paused(); });
  rig.publisher->end(PublisherEnd::drain, "");
  test::run_until(rig.worker, [&] { return rig.ends > 0; });
  CHECK(rig.end == PublisherEnd::drain);
}

TEST_CASE("a child that writes nothing for too long is ended as stalled") {
  Rig rig(1h, 65536, {}, 10s);
  rig.start("cat " + data_path("ts/h264_aac.ts") + "; exec sleep 1000");
  test::run_until(rig.worker, [&] { return rig.chunks() > 50; });
  const base::Time last = rig.publisher->last_byte();
  rig.publisher->on_time(last + 9999ms);
  rig.publisher->on_time(last + 9999ms);
  CHECK_FALSE(rig.publisher->is_ending());
  rig.publisher->on_time(last + 10s);  // the first time: what came may not be read yet
  CHECK_FALSE(rig.publisher->is_ending());
  rig.publisher->on_time(last + 10s);
  CHECK(rig.publisher->is_ending());
  test::run_until(rig.worker, [&] { return rig.ends > 0; });
  CHECK(rig.end == PublisherEnd::stalled);
  CHECK(rig.reason == "it wrote nothing for 10s");
}

TEST_CASE("what a child wrote while nobody looked counts before its silence") {
  Rig rig(1h, 65536, {}, 10s);
  rig.start("cat " + data_path("ts/h264_aac.ts") + "; exec sleep 1000");
  rig.publisher->on_time(base::monotonic_now() + 1h);
  test::run_until(rig.worker, [&] { return rig.chunks() > 50; });
  rig.publisher->on_time(rig.publisher->last_byte());
  rig.publisher->on_time(rig.publisher->last_byte() + 1h);
  CHECK_FALSE(rig.publisher->is_ending());
}

TEST_CASE("a child that goes on without pictures is ended as stalled") {
  Rig rig(1h, 65536, {}, 20ms);
  // Null packets for ever.
  rig.start("cat " + data_path("ts/h264_aac.ts") +
            "; while :; do printf 'G\\037\\377\\020'; head -c 184 /dev/zero; done");
  std::uint64_t chunks = 0;
  base::Time last_chunk;
  test::run_until(rig.worker, [&] {
    if (std::exchange(chunks, rig.chunks()) != rig.chunks()) last_chunk = base::monotonic_now();
    return chunks > 50 && rig.publisher->last_byte() - last_chunk >= 20ms;
  });
  const base::Time now = rig.publisher->last_byte();
  rig.publisher->on_time(now);
  CHECK_FALSE(rig.publisher->is_ending());
  rig.publisher->on_time(now);
  test::run_until(rig.worker, [&] { return rig.ends > 0; });
  CHECK(rig.end == PublisherEnd::stalled);
  CHECK(rig.reason == "it wrote no picture for 20ms");
}

TEST_CASE("a source that may be silent and one that is not read do not stall") {
  Rig silent;
  silent.start("exec sleep 1000");
  Rig paused(10ms, 65536, {}, 10s);
  paused.start("cat " + data_path("ts/h264_aac.ts") + " " + data_path("ts/h264_aac.ts"));
  test::run_until(paused.worker, [&] { return paused.publisher->is_paused(); });
  for (Rig* rig : {&silent, &paused}) {
    for (int count = 0; count < 3; ++count) {
      rig->publisher->on_time(rig->publisher->last_byte() + 1h);
      CHECK_FALSE(rig->publisher->is_ending());
    }
  }
}

TEST_CASE("a program that is not there is an error") {
  Rig rig;
  const auto started = rig.publisher->start({{"/nowhere/at-all"}, {}, {}});
  REQUIRE_FALSE(started);
  CHECK(started.error().message() == "No such file or directory");
  CHECK(rig.ends == 0);
}

}  // namespace session
