#include "relay/session/publisher.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"
#include "tests/unit/stream/chunk_maker.hpp"

namespace session {
namespace {

std::string data_file(const std::string& name) {
  std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/ts/" + name, std::ios::binary);
  REQUIRE(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string in_chunks(const std::string& body, std::size_t size) {
  std::string text;
  for (std::size_t from = 0; from < body.size(); from += size) {
    text += test::framed(body.substr(from, size), stream::Framing::http_chunk);
  }
  return text + "0\r\n\r\n";
}

struct Rig final : Publisher::Events {
  explicit Rig(http_body::Reader body, std::size_t arena_bytes = 64 << 20,
               base::Duration ahead = std::chrono::hours(1))
      : arena(arena_bytes, 64 * 1024),
        home("live/cam", {{std::chrono::hours(1), 1 << 30}, {}, {{}, {}, ahead}}, fanout, pool, 1,
             base::utc_now()) {
    auto [fd, other] = test::tcp_pair();
    peer = std::move(other);
    publisher = std::make_unique<Publisher>(1, worker, pool, loop::Tcp::from_socket(worker, fd),
                                            *this, home, media::Container::mpegts, body, true);
  }

  void on_publisher_end(Publisher&, PublisherEnd why, const std::string& detail) noexcept override {
    ++ends;
    end = why;
    reason = detail;
  }
  bool may_take_block(Publisher&) noexcept override {
    if (has_blocks && pool.free_count() > 0) return true;
    ++full;
    return false;
  }
  void on_input_dropped(Publisher&) noexcept override { ++drops; }
  void on_appended_by_timer() noexcept override {}

  // Sends it all while the loop runs.
  void publish(const std::string& text) {
    std::size_t sent = 0;
    test::run_until(worker, [&] {
      const ssize_t part =
          send(peer.fd(), text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (part > 0) sent += static_cast<std::size_t>(part);
      return sent == text.size() || ends > 0;
    });
  }
  void await_end() {
    test::run_until(worker, [&] { return ends > 0; });
  }
  std::string published() {
    std::string text;
    const stream::StreamLog& log = home.stream().log();
    for (std::uint64_t sequence = log.first(); sequence < log.end(); ++sequence) {
      text += test::to_text(log.at(sequence).bytes);
    }
    return text;
  }
  // From the first PAT on, byte for byte.
  void check_published(const std::string& file) {
    const std::string text = published();
    CHECK(text.size() > file.size() - 10 * 188);
    CHECK(file.ends_with(text));
    CHECK(publisher->chunks() == home.stream().log().end());
  }

  loop::Worker worker{0};
  memory::Arena arena;
  memory::BlockPool pool{arena};
  stream::Fanout fanout;
  stream::Home home;
  test::Peer peer;
  int ends = 0;
  int full = 0;
  int drops = 0;
  bool has_blocks = true;
  PublisherEnd end = PublisherEnd::broken;
  std::string reason;
  std::unique_ptr<Publisher> publisher;
};

}  // namespace

TEST_CASE("a chunked body becomes the stream byte for byte whatever its chunks are") {
  const std::string file = data_file("h264_aac.ts");
  for (const std::size_t size : {188u, 1000u, 1316u, 65536u}) {
    Rig rig(http_body::Reader::chunked());
    rig.publisher->start("");
    rig.publish(in_chunks(file, size));
    rig.await_end();
    CHECK(rig.end == PublisherEnd::finished);
    rig.check_published(file);
    CHECK(rig.publisher->bytes() == file.size());
    CHECK(rig.publisher->can_go_on());
    CHECK(rig.home.tracks().size() == 2);
  }
}

TEST_CASE("a body in chunks of one byte is not a window for each") {
  const std::string file = data_file("audio_only.ts");
  Rig rig(http_body::Reader::chunked());
  rig.publisher->start("");
  rig.publish(in_chunks(file, 1));
  rig.await_end();
  CHECK(rig.end == PublisherEnd::finished);
  rig.check_published(file);
  std::size_t windows = 0;
  const stream::StreamLog& log = rig.home.stream().log();
  for (std::uint64_t sequence = 0; sequence < log.end(); ++sequence) {
    windows += log.at(sequence).bytes.count();
  }
  const std::size_t blocks = file.size() * 6 / (60 * 1024) + 1;
  CHECK(windows <= blocks * (Publisher::runs_per_block_max + 2) + log.end());
}

TEST_CASE("bytes that came with the head are copied once and read first") {
  const std::string file = data_file("h264_aac.ts");
  const std::string text = in_chunks(file, 1316);
  for (const std::size_t cut : {std::size_t{1}, std::size_t{3}, std::size_t{5000}, text.size()}) {
    Rig rig(http_body::Reader::chunked());
    rig.publisher->start(text.substr(0, cut));
    rig.publish(text.substr(cut));
    rig.await_end();
    CHECK(rig.end == PublisherEnd::finished);
    rig.check_published(file);
  }
}

TEST_CASE("what comes behind the body is kept for the next request") {
  const std::string file = data_file("audio_only.ts");
  const std::string next = "GET /next HTTP/1.1\r\n\r\n";
  for (const bool with_head : {true, false}) {
    Rig rig(http_body::Reader::with_length(file.size()));
    rig.publisher->start(with_head ? file + next : "");
    if (!with_head) rig.publish(file + next);
    rig.await_end();
    CHECK(rig.end == PublisherEnd::finished);
    CHECK(next.starts_with(rig.publisher->take_received()));
    CHECK(rig.publisher->can_go_on());
    CHECK(rig.publisher->take_tcp() != nullptr);
    rig.check_published(file);
  }
}

TEST_CASE("a body until close ends with the connection") {
  const std::string file = data_file("audio_only.ts");
  Rig rig(http_body::Reader::until_close());
  rig.publisher->start("");
  rig.publish(file);
  rig.peer.end_sending();
  rig.await_end();
  CHECK(rig.end == PublisherEnd::finished);
  CHECK(rig.publisher->is_peer_ended());
  CHECK_FALSE(rig.publisher->can_go_on());
  rig.check_published(file);
}

TEST_CASE("how a body ends badly is told apart and what came is kept") {
  const std::string file = data_file("audio_only.ts");
  Rig rig(http_body::Reader::chunked());
  rig.publisher->start("");
  std::string text = in_chunks(file, 1316);
  text.resize(text.size() - 5);
  SUBCASE("truncated") {
    rig.publish(text);
    rig.peer.end_sending();
    rig.await_end();
    CHECK(rig.end == PublisherEnd::truncated);
    rig.check_published(file);
  }
  SUBCASE("bad framing") {
    rig.publish(text + "nonsense");
    rig.await_end();
    CHECK(rig.end == PublisherEnd::bad_body);
    rig.check_published(file);
  }
  SUBCASE("broken") {
    rig.publish(text);
    test::run_until(rig.worker, [&] { return rig.publisher->bytes() == file.size(); });
    const linger now{1, 0};
    setsockopt(rig.peer.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    rig.peer.close();
    rig.await_end();
    CHECK(rig.end == PublisherEnd::broken);
    rig.check_published(file);
  }
  SUBCASE("replaced by its owner") {
    rig.publish(text);
    test::run_until(rig.worker, [&] { return rig.publisher->bytes() == file.size(); });
    rig.publisher->end(PublisherEnd::replaced, "because");
    rig.publisher->end(PublisherEnd::drain, "later");
    CHECK(rig.reason == "because");
    rig.check_published(file);
  }
  CHECK(rig.ends == 1);
  CHECK_FALSE(rig.reason.empty());
}

TEST_CASE("what is no MPEG-TS is refused") {
  Rig rig(http_body::Reader::until_close());
  rig.publisher->start("");
  rig.publish(std::string(1024 * 1024, 'x'));
  rig.await_end();
  CHECK(rig.end == PublisherEnd::bad_media);
  CHECK_FALSE(rig.reason.empty());
}

TEST_CASE("a publisher that runs ahead of the clock is not read until its time has come") {
  const std::string file = data_file("h264_aac.ts");
  Rig rig(http_body::Reader::with_length(file.size()), 64 << 20, std::chrono::milliseconds(100));
  std::size_t given = 0;
  SUBCASE("received") { rig.publisher->start(""); }
  SUBCASE("came with the head") {
    given = file.size() / 2;
    rig.publisher->start(file.substr(0, given));
  }
  rig.publish(file.substr(given));
  test::run_until(rig.worker, [&] { return rig.publisher->is_paused() || rig.ends > 0; });
  REQUIRE(rig.publisher->is_paused());
  const std::uint64_t bytes = rig.publisher->bytes();
  test::run_turns(rig.worker, 20);
  CHECK(rig.publisher->bytes() == bytes);
  rig.await_end();  // it goes on by itself
  CHECK(rig.end == PublisherEnd::finished);
  rig.check_published(file);
}

TEST_CASE("with a full arena input is dropped and goes on at a keyframe when there is room") {
  std::string file;
  while (file.size() < 3 << 20) file += data_file("h264_aac.ts");
  Rig rig(http_body::Reader::until_close(), 1 << 20);
  rig.publisher->start("");
  rig.publish(file);
  // Nobody else frees anything.
  test::run_until(rig.worker, [&] {
    rig.publisher->on_nothing_freed(true);
    return rig.publisher->bytes() == file.size();
  });
  rig.peer.end_sending();
  rig.await_end();
  CHECK(rig.full > 0);
  CHECK(rig.drops > 0);
  const stream::StreamLog& log = rig.home.stream().log();
  CHECK(log.bytes() <= 1 << 20);
  CHECK(log.newest().discontinuity >= static_cast<std::uint32_t>(rig.drops));
  for (std::uint64_t sequence = log.first() + 1; sequence < log.end(); ++sequence) {
    if (log.at(sequence).discontinuity == log.at(sequence - 1).discontinuity) continue;
    CHECK(log.at(sequence).sync);
  }
  CHECK(rig.publisher->chunks() == log.end());
}

TEST_CASE("one that gets no block is not read and goes on when something was freed") {
  const std::string file = data_file("h264_aac.ts");
  Rig rig(http_body::Reader::with_length(file.size()));
  rig.has_blocks = false;
  rig.publisher->start("");
  rig.publish(file.substr(0, 100'000));
  test::run_until(rig.worker, [&] { return rig.publisher->is_paused(); });
  CHECK(rig.publisher->bytes() == 0);
  // Within its share it is not stopped, whatever the others did.
  CHECK_FALSE(rig.publisher->on_nothing_freed(false));
  rig.has_blocks = true;
  rig.publisher->on_freed();
  CHECK_FALSE(rig.publisher->is_paused());
  rig.publish(file.substr(100'000));
  rig.await_end();
  rig.check_published(file);
  CHECK(rig.drops == 0);
  CHECK(rig.publisher->bytes_dropped() == 0);
}

TEST_CASE("one beyond its share is stopped once and then dropped up to a keyframe") {
  const std::string file = data_file("h264_aac.ts");
  Rig rig(http_body::Reader::until_close());
  rig.publisher->start("");
  rig.publish(file.substr(0, file.size() / 188 / 2 * 188));
  test::run_until(rig.worker, [&] { return rig.home.stream().log().end() > 2; });
  CHECK_FALSE(rig.publisher->on_nothing_freed(true));  // it needs no block now
  rig.has_blocks = false;
  test::run_until(rig.worker, [&] {
    // The last block is filled up first.
    static_cast<void>(send(rig.peer.fd(), file.data(), 1880, MSG_NOSIGNAL | MSG_DONTWAIT));
    return rig.publisher->is_paused();
  });
  CHECK(rig.publisher->on_nothing_freed(true));
  CHECK_FALSE(rig.publisher->on_nothing_freed(true));
  const std::uint64_t dropped = rig.publisher->bytes_dropped();
  CHECK(rig.drops == 0);
  test::run_until(rig.worker, [&] { return rig.drops > 0; });
  const stream::StreamLog& log = rig.home.stream().log();
  CHECK(log.end() - log.first() == 1);  // what nothing can follow is let go
  const std::uint64_t before = log.end();
  test::run_until(rig.worker, [&] { return rig.publisher->bytes_dropped() > dropped; });
  rig.has_blocks = true;
  rig.publish(file + file);
  rig.peer.end_sending();
  rig.await_end();
  CHECK(rig.drops == 1);
  REQUIRE(log.end() > before);
  CHECK(log.at(before).sync);
}

}  // namespace session
