#include "relay/media/chunker.hpp"

#include <doctest/doctest.h>

namespace media {
namespace {

using std::chrono::milliseconds;

const std::byte bytes[1000]{};

Sample make(std::uint8_t track, std::int64_t dts, bool sync = true, std::size_t size = 10) {
  Sample sample;
  sample.track = track;
  sample.sync = sync;
  sample.dts = sample.pts = dts;
  sample.payload.push_back(memory::Window::on_static(std::span(bytes).first(size)));
  return sample;
}

std::vector<Track> tracks(std::initializer_list<Kind> kinds) {
  std::vector<Track> made;
  for (const Kind kind : kinds) made.emplace_back().kind = kind;
  return made;
}

std::vector<std::int64_t> times(const Chunker::Group& group) {
  std::vector<std::int64_t> found;
  for (const Sample& sample : group.samples) found.push_back(sample.dts);
  return found;
}

const base::Time start{};

}  // namespace

TEST_CASE("a group is a video frame and the audio before it") {
  Chunker chunker;
  chunker.set_tracks(tracks({Kind::audio, Kind::video}));
  chunker.add(make(0, 1), start);
  chunker.add(make(0, 2), start);
  CHECK_FALSE(chunker.poll());
  chunker.add(make(1, 3), start);
  auto group = chunker.poll();
  REQUIRE(group);
  CHECK(times(*group) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(group->sync);
  CHECK_FALSE(chunker.poll());
  chunker.add(make(1, 4, false), start);
  group = chunker.poll();
  REQUIRE(group);
  CHECK_FALSE(group->sync);
  CHECK_FALSE(chunker.deadline());
}

TEST_CASE("audio waits for video no longer than it may") {
  Chunker chunker;
  chunker.set_tracks(tracks({Kind::video, Kind::audio}));
  chunker.add(make(1, 1), start);
  chunker.add(make(1, 2), start + milliseconds(20));
  REQUIRE(chunker.deadline());
  CHECK(*chunker.deadline() == start + Chunker::wait_max);
  chunker.on_time(start + Chunker::wait_max - milliseconds(1));
  CHECK_FALSE(chunker.poll());
  chunker.on_time(start + Chunker::wait_max);
  const auto group = chunker.poll();
  REQUIRE(group);
  CHECK(times(*group) == std::vector<std::int64_t>{1, 2});
  CHECK_FALSE(group->sync);  // there is video: nobody begins without it
}

TEST_CASE("without video every audio frame leaves by itself") {
  Chunker chunker;
  chunker.set_tracks(tracks({Kind::audio}));
  for (int dts = 0; dts < 3; ++dts) chunker.add(make(0, dts), start);
  for (int dts = 0; dts < 3; ++dts) {
    const auto group = chunker.poll();
    REQUIRE(group);
    CHECK(group->sync);
    CHECK(times(*group) == std::vector<std::int64_t>{dts});
  }
  CHECK_FALSE(chunker.poll());
}

TEST_CASE("what waits is bounded in number and bytes") {
  Chunker many;
  many.set_tracks(tracks({Kind::video, Kind::audio}));
  for (std::size_t count = 0; count < Chunker::samples_max; ++count) many.add(make(1, 1), start);
  const auto group = many.poll();
  REQUIRE(group);
  CHECK(group->samples.size() == Chunker::samples_max);

  Chunker large;
  large.set_tracks(tracks({Kind::video, Kind::audio}));
  Sample sample = make(1, 1);
  while (sample.payload.bytes() < Chunker::bytes_max / 4) {
    sample.payload.push_back(memory::Window::on_static(bytes));
  }
  for (int count = 0; count < 4; ++count) {
    CHECK_FALSE(large.poll());
    large.add(sample, start);
  }
  CHECK(large.poll());
}

TEST_CASE("what waits leaves when the tracks change and at the end") {
  Chunker chunker;
  chunker.set_tracks(tracks({Kind::video, Kind::audio}));
  chunker.add(make(1, 1), start);
  chunker.set_tracks(tracks({Kind::video, Kind::audio}));
  CHECK(chunker.poll());
  chunker.add(make(1, 2), start);
  chunker.finish();
  CHECK(chunker.poll());
  chunker.finish();
  CHECK_FALSE(chunker.poll());
}

}  // namespace media
