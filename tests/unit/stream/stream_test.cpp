#include "relay/stream/stream.hpp"

#include "tests/unit/stream/stream_rig.hpp"

namespace stream {

namespace {

using std::chrono::milliseconds;
using test::StreamRig;

bool end_finished(Stream& stream) {
  std::size_t most = 100;
  return stream.end_finished(most);
}

}  // namespace

TEST_CASE("a feed is made for whoever reads it and dropped when nobody does") {
  StreamRig rig;
  rig.append({true, 5000});
  Feed& feed = rig.stream.feed(media::Container::mpegts, Framing::none);
  CHECK(&rig.stream.feed(media::Container::mpegts, Framing::none) == &feed);
  CHECK(&rig.stream.feed(media::Container::mpegts, Framing::http_chunk) != &feed);
  auto& viewer = rig.watch();
  rig.stream.drop_unused_feeds();
  CHECK(rig.stream.viewers() == 1);
  rig.append();
  rig.serve();
  CHECK(viewer.received == rig.images(0, 2));
}

TEST_CASE("at its end every viewer leaves and is told") {
  StreamRig rig;
  rig.append({true});
  for (int count = 0; count < 5; ++count) {
    rig.watch({}, count % 2 == 0 ? Framing::none : Framing::http_chunk);
  }
  rig.serve();
  CHECK(rig.stream.viewers() == 5);
  rig.stream.end();
  CHECK(rig.stream.viewers() == 0);
  for (const auto& viewer : rig.viewers) {
    CHECK(viewer->stream_ends == 1);
    CHECK(viewer->cursor.audience() == nullptr);
  }
  CHECK_FALSE(rig.fanout.run(rig.now).now);
}

TEST_CASE("at its end whoever has not read all of it reads on") {
  StreamRig rig;
  rig.append({true});
  auto& done = rig.watch(test::patient());
  auto& slow = rig.watch(test::patient());
  slow.limits = {10};
  rig.serve();
  for (int count = 0; count < 3; ++count) rig.append();
  rig.serve();
  CHECK_FALSE(end_finished(rig.stream));
  CHECK(done.stream_ends == 1);
  CHECK(slow.stream_ends == 0);
  CHECK(rig.stream.viewers() == 1);
  slow.finish_rest();
  rig.serve();
  CHECK(slow.received == rig.images(0, 4));
  CHECK(end_finished(rig.stream));
  CHECK(slow.stream_ends == 1);
}

TEST_CASE("at its end no more leave at a time than may") {
  StreamRig rig;
  rig.append({true});
  for (int count = 0; count < 5; ++count) rig.watch(test::patient());
  rig.serve();
  std::size_t most = 3;
  CHECK_FALSE(rig.stream.end_finished(most));
  CHECK(most == 0);
  CHECK(rig.stream.viewers() == 2);
  CHECK_FALSE(rig.stream.end_finished(most));
  CHECK(rig.stream.viewers() == 2);
  most = 3;
  CHECK(rig.stream.end_finished(most));
  CHECK(most == 1);
  for (const auto& viewer : rig.viewers) CHECK(viewer->stream_ends == 1);
}

TEST_CASE("at its end nobody waits for a keyframe that never comes") {
  StreamRig rig;
  rig.append();
  auto& viewer = rig.watch();
  rig.serve();
  CHECK(end_finished(rig.stream));
  CHECK(viewer.stream_ends == 1);
}

TEST_CASE("the lag of a stream is that of its slowest viewer") {
  StreamRig rig;
  rig.append({true});
  auto& slow = rig.watch(test::patient());
  rig.watch(test::patient());
  slow.limits = {10};
  rig.serve();
  for (int count = 1; count < 6; ++count) rig.append({false, 10, 4096, milliseconds(40 * count)});
  rig.serve();
  CHECK(to_duration(rig.stream.lag_max()) == milliseconds(160));
  slow.finish_rest();
  rig.serve();
  CHECK(rig.stream.lag_max() == 0);
}

TEST_CASE("under pressure the tail shrinks to its newest group and viewers go on") {
  StreamRig rig;
  for (int count = 0; count < 12; ++count) rig.append({count % 5 == 0});
  auto& viewer = rig.watch(test::patient());
  rig.serve();
  rig.stream.trim_to_newest_group();
  CHECK(rig.stream.log().first() == 10);
  rig.append();
  rig.serve();
  CHECK(viewer.received == rig.images(10, 13));
}

}  // namespace stream
