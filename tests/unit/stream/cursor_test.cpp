#include "relay/stream/cursor.hpp"

#include "tests/unit/stream/stream_rig.hpp"

namespace stream {
namespace {

using std::chrono::milliseconds;
using test::StreamRig;

ViewerPolicy policy_of(SlowPolicy slow, base::Duration max_lag) {
  return {slow, max_lag, {}, 0, base::Duration::zero()};
}

// Chunks of 40 ms; every fifth is a sync chunk with join images.
void append_frames(StreamRig& rig, int count) {
  for (; count > 0; --count) {
    const auto sequence = static_cast<int>(rig.payloads.size());
    const bool sync = sequence % 5 == 0;
    rig.append({sync, 200, 4096, milliseconds(40) * sequence, sync});
  }
}

}  // namespace

TEST_CASE("a viewer begins at the newest sync chunk behind its join image") {
  StreamRig rig;
  append_frames(rig, 13);
  auto& viewer = rig.watch(test::patient());
  CHECK_FALSE(viewer.cursor.started());
  rig.serve();
  CHECK(viewer.received == rig.start_image(10) + rig.images(10, 13));
  CHECK(viewer.cursor.sequence() == 13);
  append_frames(rig, 4);
  rig.serve();
  CHECK(viewer.received == rig.start_image(10) + rig.images(10, 17));
  CHECK(viewer.cursor.skips() == 0);
}

TEST_CASE("a viewer that was there before the stream begins with its first sync chunk") {
  StreamRig rig;
  test::Viewer viewer(test::patient(), Begin::oldest);
  append_frames(rig, 13);
  viewer.cursor.enter(
      rig.stream.feed(media::Container::mpegts, Framing::http_chunk).audience(std::nullopt));
  viewer.cursor.resume();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 13));
}

TEST_CASE("without a sync chunk a viewer waits for one") {
  StreamRig rig;
  rig.append();
  auto& viewer = rig.watch();
  rig.serve();
  rig.append();
  rig.serve();
  CHECK(viewer.received.empty());
  CHECK(viewer.writes == 0);
  rig.append({true});
  rig.append();
  rig.serve();
  CHECK(viewer.received == rig.images(2, 4));  // it has no join image
}

TEST_CASE("a response ends before what it cannot say and a new one begins there") {
  StreamRig rig;
  const auto append = [&rig](bool sync, std::uint32_t generation) {
    rig.append({sync, 100, 4096, milliseconds(40) * rig.payloads.size(), false, generation});
  };
  append(true, 0);
  auto& at_end = rig.watch(test::patient());
  auto& behind = rig.watch(test::patient());
  auto& skipping = rig.watch(policy_of(SlowPolicy::skip, milliseconds(50)));
  behind.limits = {10};
  skipping.limits = {10};
  rig.serve();
  append(false, 0);
  rig.serve();
  append(true, 1);
  append(false, 1);
  auto& fresh = rig.watch(test::patient());
  rig.serve();
  CHECK(at_end.received == rig.images(0, 2));
  CHECK(at_end.tracks_changes == 1);
  behind.finish_rest();
  rig.serve();
  CHECK(behind.received == rig.images(0, 2));
  CHECK(behind.tracks_changes == 1);
  skipping.finish_rest();
  rig.serve();
  CHECK(skipping.received == rig.images(0, 1));
  CHECK(skipping.tracks_changes == 1);
  append(false, 1);
  rig.serve();
  CHECK(fresh.received == rig.images(2, 5));
  CHECK(fresh.tracks_changes == 0);
}

TEST_CASE("an empty chunk costs its viewers no write") {
  // As where a converted stream holds back what came before the configuration of its tracks.
  StreamRig rig;
  rig.append({true});
  auto& viewer = rig.watch();
  rig.serve();
  const int writes = viewer.writes;
  rig.append({false, 0});
  rig.serve();
  CHECK(viewer.writes == writes);
  CHECK(viewer.cursor.sequence() == 2);
  rig.append({false, 100});
  rig.serve();
  CHECK(viewer.writes == writes + 1);
  CHECK(viewer.received == rig.images(0, 1) + rig.images(2, 3));
}

TEST_CASE("viewers of a kind get the images framed for them") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& plain = rig.watch({}, Framing::none);
  auto& chunked = rig.watch({}, Framing::http_chunk);
  append_frames(rig, 3);
  rig.serve();
  CHECK(plain.received == rig.starts[0] + rig.images(0, 4, Framing::none));
  CHECK(chunked.received == rig.start_image(0) + rig.images(0, 4));
}

TEST_CASE("wherever writes are cut a viewer gets the framed chunks byte for byte") {
  StreamRig rig;
  rig.append({true, 30, 7, {}, true});
  rig.append({false, 5});
  rig.append({false, 40, 9});
  const std::string whole = rig.start_image(0) + rig.images(0, 3);
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    for (const std::size_t second : {std::size_t{0}, std::size_t{1}, std::size_t{13}}) {
      auto& viewer = rig.watch(test::patient());
      const std::size_t join = rig.start_image(0).size();
      viewer.limits = {std::min(cut, join), second, second};
      if (cut >= join) viewer.limits = {join, cut - join, second};
      rig.serve();
      while (viewer.rest) {
        CHECK(test::to_text(*viewer.rest).size() <= rig.images(2, 3).size());
        viewer.finish_rest();
        rig.serve();
      }
      CHECK(viewer.received == whole);
      CHECK(viewer.writes_while_waiting == 0);
      rig.viewers.pop_back();
    }
  }
}

TEST_CASE("after a short write only the chunk that was cut is kept") {
  StreamRig rig;
  append_frames(rig, 5);
  auto& viewer = rig.watch(test::patient());
  const std::size_t first = rig.images(0, 1).size();
  SUBCASE("in the middle of a chunk") {
    viewer.limits = {test::everything, first + 10};
    rig.serve();
    REQUIRE(viewer.rest);
    CHECK(viewer.cursor.sequence() == 2);
    CHECK(test::to_text(*viewer.rest) == rig.images(1, 2).substr(10));
  }
  SUBCASE("between two chunks") {
    viewer.limits = {test::everything, first};
    rig.serve();
    REQUIRE(viewer.rest);
    CHECK(test::to_text(*viewer.rest) == rig.images(1, 2));
  }
  CHECK(viewer.cursor.is_waiting());
  append_frames(rig, 3);
  rig.serve();
  CHECK(viewer.writes == 2);  // not served meanwhile
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 8));
  CHECK(viewer.writes == 3);  // however many chunks came
  CHECK(rig.fanout.counters().short_writes == 1);
  CHECK(rig.fanout.counters().bytes == viewer.received.size());
}

TEST_CASE("a sink that is busy with something of its own is not served") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch();
  viewer.cursor.wait();
  append_frames(rig, 1);
  rig.serve();
  CHECK(viewer.writes == 0);
  viewer.cursor.resume();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 2));
}

TEST_CASE("under skip a late viewer jumps to the newest sync chunk and misses whole chunks") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch(policy_of(SlowPolicy::skip, milliseconds(100)));
  viewer.limits = {test::everything, 50};
  rig.serve();
  CHECK(viewer.rest);
  append_frames(rig, 11);  // up to 11; sync at 5 and 10
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received ==
        rig.start_image(0) + rig.images(0, 1) + rig.skip_image(10) + rig.images(10, 12));
  CHECK(viewer.cursor.skips() == 1);
  CHECK(rig.fanout.counters().skips[static_cast<std::size_t>(SkipReason::lag)] == 1);
}

TEST_CASE("under skip a lag without a newer sync chunk changes nothing") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch(policy_of(SlowPolicy::skip, milliseconds(100)));
  viewer.limits = {test::everything, 50};
  rig.serve();
  append_frames(rig, 4);
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 5));
  CHECK(viewer.cursor.skips() == 0);
}

TEST_CASE("a join image that was cut is finished before what follows") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch(policy_of(SlowPolicy::skip, milliseconds(100)));
  viewer.limits = {4};
  rig.serve();
  REQUIRE(viewer.rest);
  CHECK(test::to_text(*viewer.rest) == rig.start_image(0).substr(4));
  append_frames(rig, 7);  // up to 7: it lags already
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.skip_image(5) + rig.images(5, 8));
}

TEST_CASE("under catch_up a late viewer gets everything that is in the tail") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch(policy_of(SlowPolicy::catch_up, milliseconds(1)));
  viewer.limits = {test::everything, 50};
  rig.serve();
  append_frames(rig, 30);
  CHECK(to_duration(viewer.cursor.lag()) == milliseconds(29 * 40));
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 31));
  CHECK(viewer.cursor.lag() == 0);
}

TEST_CASE("who falls out of the tail goes on at a sync chunk in it") {
  StreamRig rig({milliseconds(600), 1 << 20});
  append_frames(rig, 1);
  auto& patient = rig.watch(policy_of(SlowPolicy::catch_up, milliseconds(1)));
  auto& skipping = rig.watch(policy_of(SlowPolicy::skip, std::chrono::seconds(60)));
  for (auto* viewer : {&patient, &skipping}) viewer->limits = {test::everything, 50};
  rig.serve();
  append_frames(rig, 40);  // up to 40
  REQUIRE(rig.stream.log().first() == 25);
  rig.append({false, 200, 4096, milliseconds(41 * 40)});
  REQUIRE(rig.stream.log().first() == 26);
  for (auto* viewer : {&patient, &skipping}) viewer->finish_rest();
  rig.serve();
  CHECK(patient.received ==
        rig.start_image(0) + rig.images(0, 1) + rig.skip_image(30) + rig.images(30, 42));
  CHECK(skipping.received ==
        rig.start_image(0) + rig.images(0, 1) + rig.skip_image(40) + rig.images(40, 42));
  CHECK(rig.fanout.counters().skips[static_cast<std::size_t>(SkipReason::tail)] == 2);
}

TEST_CASE("behind a log that let everything go the next sync chunk is waited for") {
  StreamRig rig;
  rig.append({true});
  auto& viewer = rig.watch(test::patient(milliseconds(100)));
  rig.serve();
  rig.append();
  CHECK(viewer.cursor.held_since() == rig.now);
  rig.stream.drop_before(rig.stream.log().end());
  CHECK(viewer.cursor.held_since() == std::nullopt);
  rig.serve();
  CHECK(viewer.received == rig.images(0, 1));
  rig.append({true});
  rig.serve();
  CHECK(viewer.received == rig.images(0, 1) + rig.images(2, 3));
  CHECK(viewer.cursor.skips() == 1);
}

TEST_CASE("out of a tail without sync chunks the next one is waited for") {
  StreamRig rig({std::chrono::seconds(15), 1000});
  append_frames(rig, 1);
  auto& viewer = rig.watch(policy_of(SlowPolicy::skip, milliseconds(100)));
  viewer.limits = {test::everything, 50};
  rig.serve();
  for (int count = 0; count < 10; ++count) rig.append({false, 200});
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 1));
  CHECK_FALSE(viewer.cursor.started());
  rig.append({true, 200, 4096, {}, true});
  rig.serve();
  CHECK(viewer.received ==
        rig.start_image(0) + rig.images(0, 1) + rig.skip_image(11) + rig.images(11, 12));
  CHECK(viewer.cursor.skips() == 1);
}

TEST_CASE("under disconnect a late viewer ends at a chunk boundary") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch(policy_of(SlowPolicy::disconnect, milliseconds(100)));
  viewer.limits = {test::everything, 50};
  rig.serve();
  append_frames(rig, 9);
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.too_slow == 1);
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 1));
  append_frames(rig, 1);
  rig.serve();
  CHECK(viewer.writes == 2);
}

TEST_CASE("under disconnect a viewer may begin at a keyframe older than its lag") {
  StreamRig rig;
  for (int count = 0; count < 20; ++count) {
    rig.append({count == 0, 200'000, 4096, milliseconds(40 * count)});  // several runs
  }
  auto& viewer = rig.watch(policy_of(SlowPolicy::disconnect, milliseconds(100)));
  rig.serve();
  CHECK(viewer.too_slow == 0);
  CHECK(viewer.received == rig.images(0, 20));
  CHECK(viewer.offered_max <= Feed::run_bytes_max);
  CHECK(viewer.buffers_max <= Feed::buffers_max);
}

TEST_CASE("a broken connection is reported once and never written to again") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch();
  SUBCASE("in the join image") { viewer.is_broken = true; }
  SUBCASE("in a chunk") {
    rig.serve();
    viewer.is_broken = true;
  }
  append_frames(rig, 2);
  rig.serve();
  CHECK(viewer.broken.value() == ECONNRESET);
  const int writes = viewer.writes;
  viewer.cursor.resume();
  append_frames(rig, 2);
  rig.serve();
  CHECK(viewer.writes == writes);
  CHECK(rig.stream.viewers() == 0);
}

TEST_CASE("a restarted replica is joined at its newest sync chunk and counted when it is") {
  StreamRig rig;
  append_frames(rig, 3);
  auto& viewer = rig.watch(test::patient());
  rig.serve();
  const std::string before = viewer.received;
  rig.stream.restart(100);
  rig.serve();
  rig.payloads.resize(100);
  rig.starts.resize(100);
  rig.skips.resize(100);
  CHECK(viewer.received == before);
  CHECK(viewer.cursor.skips() == 0);
  rig.append({false, 50});
  rig.append({true, 50, 4096, {}, true});
  rig.serve();
  CHECK(viewer.received == before + rig.skip_image(101) + rig.images(101, 102));
  CHECK(viewer.cursor.skips() == 1);
  CHECK(rig.fanout.counters().skips[static_cast<std::size_t>(SkipReason::replica)] == 1);
}

TEST_CASE("a restart in the middle of a cut chunk lets that chunk end first") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch(test::patient());
  viewer.limits = {test::everything, 50};
  rig.serve();
  rig.stream.restart(100);
  rig.payloads.resize(100);
  rig.starts.resize(100);
  rig.skips.resize(100);
  rig.append({true, 50, 4096, {}, true});
  rig.serve();
  CHECK(viewer.rest);
  viewer.finish_rest();
  rig.serve();
  CHECK(viewer.received ==
        rig.start_image(0) + rig.images(0, 1) + rig.skip_image(100) + rig.images(100, 101));
}

TEST_CASE("a cursor that leaves and enters again goes on where it was") {
  StreamRig rig;
  append_frames(rig, 2);
  auto& viewer = rig.watch(test::patient());
  rig.serve();
  Audience& audience = *viewer.cursor.audience();
  viewer.cursor.leave();
  viewer.cursor.leave();
  CHECK(viewer.cursor.audience() == nullptr);
  CHECK(viewer.cursor.lag() == 0);
  append_frames(rig, 2);
  rig.serve();
  viewer.cursor.enter(audience);
  viewer.cursor.resume();
  rig.serve();
  CHECK(viewer.received == rig.start_image(0) + rig.images(0, 4));
}

TEST_CASE("the sink is told when chunks or flushes need more room than it has") {
  StreamRig rig;
  append_frames(rig, 1);
  auto& viewer = rig.watch({SlowPolicy::catch_up, {}, {}, 1000, base::Duration::zero()});
  auto& roomy = rig.watch({SlowPolicy::catch_up, {}, {}, 1 << 20, base::Duration::zero()});
  append_frames(rig, 1);
  rig.serve();
  CHECK(viewer.unsent == 0);
  rig.append({false, 5000});
  rig.serve();
  CHECK(viewer.unsent >= 5000);
  CHECK(roomy.unsent == 0);
}

}  // namespace stream
