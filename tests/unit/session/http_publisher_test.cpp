#include "relay/session/http_publisher.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>

#include "tests/unit/loop/loop_rig.hpp"
#include "tests/unit/loop/sockets.hpp"
#include "tests/unit/media/container/fmp4/mp4_builder.hpp"
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

struct Rig final : HttpPublisher::Events {
  explicit Rig(http_body::Reader body, std::size_t arena_bytes = 64 << 20,
               base::Duration ahead = std::chrono::hours(1),
               media::Container container = media::Container::mpegts,
               std::size_t block_bytes = 64 * 1024)
      : arena(arena_bytes, block_bytes),
        home("live/cam", {{std::chrono::hours(1), 1 << 30}, {}, {{}, {}, ahead}}, fanout, pool, 1,
             base::utc_now()) {
    auto [fd, other] = test::tcp_pair();
    peer = std::move(other);
    publisher = std::make_unique<HttpPublisher>(1, worker, pool, loop::Tcp::from_socket(worker, fd),
                                                *this, home, container, body, true);
  }

  void on_publisher_end(HttpPublisher& ended, PublisherEnd why,
                        const std::string& detail) noexcept override {
    ++ends;
    behind = ended.take_received();
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
  // Of those that join images need, as many as there may be.
  std::size_t join_blocks() {
    std::size_t bytes = 0;
    const stream::StreamLog& log = home.stream().log();
    for (std::uint64_t sequence = log.first(); sequence < log.end(); ++sequence) {
      if (log.at(sequence).join) bytes += log.at(sequence).join->skip.bytes();
    }
    return bytes / (64 * 1024) + 1;
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
    CHECK(publisher->counts().chunks == home.stream().log().end());
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
  std::string behind;  // the body
  std::unique_ptr<HttpPublisher> publisher;
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
    CHECK(rig.publisher->counts().bytes == file.size());
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
  CHECK(windows <= blocks * (BlockIntake::runs_per_block_max + 2) + log.end());
}

TEST_CASE("framing takes no place in the arena however much there is of it") {
  const std::string file = data_file("audio_only.ts");
  std::string text;
  for (const char byte : file) text += "1;" + std::string(200, 'x') + "\r\n" + byte + "\r\n";
  Rig rig(http_body::Reader::chunked());
  rig.publisher->start("");
  rig.publish(text + "0\r\n\r\n");
  rig.await_end();
  CHECK(rig.end == PublisherEnd::finished);
  rig.check_published(file);
  CHECK(rig.pool.held_count() <= file.size() / (48 * 1024) + 2 + rig.join_blocks());
}

TEST_CASE("what is not payload counts against the tail like payload") {
  // Boxes of nothing between fragments of one small sample: each pins a block.
  const std::string file = data_file("../fmp4/every_frame.mp4");
  const std::size_t first = file.find("moof") - 4;
  std::string text = file.substr(0, first);
  for (std::size_t at = first; at < file.size();) {
    const std::size_t next = std::min(file.find("moof", at + 8) - 4, file.size());
    text += std::string("\0\1\0\0free", 8) + std::string(65536 - 8, 'x');
    text += file.substr(at, next - at);
    at = next;
  }
  Rig rig(http_body::Reader::with_length(text.size()), 64 << 20, std::chrono::hours(1),
          media::Container::fmp4);
  rig.publisher->start("");
  rig.publish(text);
  rig.await_end();
  CHECK(rig.end == PublisherEnd::finished);
  const stream::StreamLog& log = rig.home.stream().log();
  CHECK(log.held_bytes() > log.bytes() + text.size() / 2);
  CHECK(log.held_bytes() <= text.size() + 64 * 1024);
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
    // Of what is not read with the body's end, the next object reads the rest.
    CHECK(next.starts_with(rig.behind));
    if (with_head) CHECK(rig.behind == next);
    CHECK(rig.publisher->can_go_on());
    CHECK(rig.publisher->take_tcp() != nullptr);
    rig.check_published(file);
  }
}

TEST_CASE("what comes behind the body is kept when blocks are smaller than it") {
  const std::string file = data_file("audio_only.ts");
  std::string next;
  while (next.size() < 20'000) next += "GET /next HTTP/1.1\r\n\r\n";
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{188 * 10}, file.size()}) {
    Rig rig(http_body::Reader::with_length(bytes), 64 << 20, std::chrono::hours(1),
            media::Container::mpegts, 4096);
    rig.publisher->start(file.substr(0, bytes) + next);
    rig.await_end();
    CHECK(rig.end == PublisherEnd::finished);
    CHECK(rig.behind == next);
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
    test::run_until(rig.worker, [&] { return rig.publisher->counts().bytes == file.size(); });
    const linger now{1, 0};
    setsockopt(rig.peer.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    rig.peer.close();
    rig.await_end();
    CHECK(rig.end == PublisherEnd::broken);
    rig.check_published(file);
  }
  SUBCASE("replaced by its owner") {
    rig.publish(text);
    test::run_until(rig.worker, [&] { return rig.publisher->counts().bytes == file.size(); });
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
  const std::uint64_t bytes = rig.publisher->counts().bytes;
  test::run_turns(rig.worker, 20);
  CHECK(rig.publisher->counts().bytes == bytes);
  rig.await_end();  // it goes on by itself
  CHECK(rig.end == PublisherEnd::finished);
  rig.check_published(file);
}

TEST_CASE("a loop that stands still is no silence of the sender") {
  const std::string file = data_file("h264_mbaff.ts");
  const auto chunks_of = [&](std::size_t piece, base::Duration stall) {
    Rig rig(http_body::Reader::until_close());
    rig.publisher->start("");
    for (std::size_t sent = 0; sent < file.size(); sent += piece) {
      const std::string part = file.substr(sent, piece);
      REQUIRE(send(rig.peer.fd(), part.data(), part.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(part.size()));
      const base::Time end = base::monotonic_now() + stall;
      while (base::monotonic_now() < end) {
      }
      test::run_until(rig.worker, [&] {
        return rig.publisher->counts().bytes == std::min(sent + piece, file.size());
      });
    }
    rig.peer.end_sending();
    rig.await_end();
    rig.check_published(file);
    return rig.publisher->counts().chunks;
  };
  CHECK(chunks_of(7 * 188, std::chrono::milliseconds(14)) ==
        chunks_of(file.size(), base::Duration::zero()));
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
    return rig.publisher->counts().bytes == file.size();
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
  CHECK(rig.publisher->counts().chunks == log.end());
}

TEST_CASE("one that gets no block is not read and goes on when something was freed") {
  const std::string file = data_file("h264_aac.ts");
  Rig rig(http_body::Reader::with_length(file.size()));
  rig.has_blocks = false;
  rig.publisher->start("");
  rig.publish(file.substr(0, 100'000));
  test::run_until(rig.worker, [&] { return rig.publisher->is_paused(); });
  CHECK(rig.publisher->counts().bytes == 0);
  // Within its share it is not stopped, whatever the others did.
  CHECK_FALSE(rig.publisher->on_nothing_freed(false));
  rig.has_blocks = true;
  rig.publisher->on_freed();
  CHECK_FALSE(rig.publisher->is_paused());
  rig.publish(file.substr(100'000));
  rig.await_end();
  rig.check_published(file);
  CHECK(rig.drops == 0);
  CHECK(rig.publisher->counts().bytes_dropped == 0);
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
  const std::uint64_t dropped = rig.publisher->counts().bytes_dropped;
  CHECK(rig.drops == 0);
  test::run_until(rig.worker, [&] { return rig.drops > 0; });
  const stream::StreamLog& log = rig.home.stream().log();
  CHECK(log.end() - log.first() == 1);  // what nothing can follow is let go
  const std::uint64_t before = log.end();
  test::run_until(rig.worker, [&] { return rig.publisher->counts().bytes_dropped > dropped; });
  rig.has_blocks = true;
  rig.publish(file + file);
  rig.peer.end_sending();
  rig.await_end();
  CHECK(rig.drops == 1);
  REQUIRE(log.end() > before);
  CHECK(log.at(before).sync);
}

TEST_CASE("an MP4 that was dropped goes on at a keyframe too") {
  const std::string file = data_file("../fmp4/short_fragments.mp4");
  const std::size_t first = file.find("moof") - 4;
  const std::string fragments = file.substr(first, file.find("mfra") - 4 - first);
  std::string text = file;
  text.resize(first);
  while (text.size() < 1 << 20) text += fragments;
  Rig rig(http_body::Reader::until_close(), 64 << 20, std::chrono::hours(1),
          media::Container::fmp4);
  rig.publisher->start("");
  std::size_t sent = text.size() / 2;
  rig.publish(text.substr(0, sent));
  const stream::StreamLog& log = rig.home.stream().log();
  test::run_until(rig.worker, [&] { return rig.publisher->counts().bytes == sent; });
  rig.has_blocks = false;
  test::run_until(rig.worker, [&] {
    const ssize_t part =
        send(rig.peer.fd(), text.data() + sent, std::min<std::size_t>(text.size() - sent, 1880),
             MSG_NOSIGNAL | MSG_DONTWAIT);
    if (part > 0) sent += static_cast<std::size_t>(part);
    rig.publisher->on_nothing_freed(true);
    return rig.publisher->counts().bytes_dropped > 0;
  });
  const std::uint64_t before = log.end();
  rig.has_blocks = true;
  rig.publish(text.substr(sent) + fragments);
  rig.peer.end_sending();
  rig.await_end();
  CHECK(rig.end == PublisherEnd::finished);
  REQUIRE(log.end() > before);
  CHECK(log.at(before).sync);
  CHECK(log.at(before).discontinuity > log.at(before - 1).discontinuity);
  CHECK(rig.publisher->counts().faults[stream::InputFault::input_lost] == 1);
}

TEST_CASE("a fragment of thousands of samples becomes chunks over several turns") {
  const auto moof = [](std::size_t offset) {
    const auto run = test::trun(5000, 1, test::Fields().u32(offset).bytes);
    return test::moof({test::join({test::tfhd(1), test::tfdt(0), run})});
  };
  const test::Bytes body =
      test::join({test::moov({{.default_duration = 1, .default_size = 1}}),
                  moof(moof(0).size() + 8), test::box("mdat", test::Bytes(5000))});
  std::string text(reinterpret_cast<const char*>(body.data()), body.size());
  PublisherEnd end = PublisherEnd::finished;
  SUBCASE("and its body is over") {}
  SUBCASE("and then it is wrong") {
    text += std::string("\0\0\0\4free", 8);
    end = PublisherEnd::bad_media;
  }
  Rig rig(http_body::Reader::with_length(text.size()), 64 << 20, std::chrono::hours(1),
          media::Container::fmp4);
  rig.publisher->start(text);
  CHECK(rig.publisher->counts().chunks <= 2 * MediaIntake::chunks_per_turn_max);
  CHECK(rig.publisher->is_paused());
  CHECK(rig.ends == 0);
  std::uint64_t before = rig.publisher->counts().chunks;
  test::run_until(rig.worker, [&] {
    CHECK(rig.publisher->counts().chunks - before <= MediaIntake::chunks_per_turn_max);
    before = rig.publisher->counts().chunks;
    return rig.ends > 0;
  });
  CHECK(rig.publisher->counts().chunks == 5000);
  CHECK(rig.end == end);
}

}  // namespace session
