#include "relay/disk/head_box.hpp"

#include "relay/disk/errc.hpp"
#include "relay/protocol/wire/tracks.hpp"
#include "tests/unit/disk/record_rig.hpp"

namespace disk {
namespace {

Head make_head() {
  const wire::Tracks told = ::test::WireRig::make_tracks(77);
  media::TrackSet tracks{wire::to_media(told), 9};
  tracks.tracks[0].id = 256;
  tracks.tracks[1].id = 0x1ffe;
  tracks.tracks[2].kind = media::Kind::audio;
  Head head{"live/cam", 0xf00d'0000'0000'0001, GapReason::backlog, nullptr, nullptr};
  head.tracks = std::make_shared<const media::TrackSet>(std::move(tracks));
  head.wire_tracks = std::make_shared<const wire::Tracks>(told);
  return head;
}

auto bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

void check_same(const Head& head, const Head& other) {
  CHECK(head.stream == other.stream);
  CHECK(head.epoch == other.epoch);
  CHECK(head.gap == other.gap);
  CHECK(are_alike(*head.tracks, *other.tracks));
  CHECK(*head.wire_tracks == *other.wire_tracks);
}

}  // namespace

TEST_CASE("the head of a segment comes back with its tracks") {
  const Head head = make_head();
  const std::string bytes = write_head(head);
  CHECK(find_head(bytes_of(bytes + "and more")).value() == bytes.size());
  const auto read = read_head(bytes_of(bytes));
  REQUIRE(read.has_value());
  check_same(*read, head);
}

TEST_CASE("a segment without tracks has a head") {
  Head head{"cam", 1, GapReason::none, std::make_shared<const media::TrackSet>(),
            std::make_shared<const wire::Tracks>()};
  const std::string bytes = write_head(head);
  const auto read = read_head(bytes_of(bytes));
  REQUIRE(read.has_value());
  check_same(*read, head);
}

TEST_CASE("a configuration that the wire leaves out comes back") {
  media::Track track = ::test::h264_track();
  track.config.resize(wire::config_bytes_max + 1);
  Head head{"cam", 1, GapReason::none,
            std::make_shared<const media::TrackSet>(media::TrackSet{{track}, 0}), nullptr};
  head.wire_tracks = std::make_shared<const wire::Tracks>(wire::from_media({&track, 1}, 5));
  REQUIRE(head.wire_tracks->tracks[0].config.empty());
  track.id = 1;
  const std::string bytes = write_head(head);
  const auto read = read_head(bytes_of(bytes));
  REQUIRE(read.has_value());
  check_same(*read, head);
}

TEST_CASE("no byte of a head can change unnoticed and none may be missing") {
  const std::string bytes = write_head(make_head());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] ^ 1 << at % 8);
    const auto read = read_head(bytes_of(other));
    REQUIRE(read.has_error());
    CHECK((read.error() == Errc::bad_head || read.error() == Errc::bad_checksum));
    CHECK(find_head(bytes_of(bytes).first(at)).error() == Errc::bad_head);
  }
  CHECK(read_head(bytes_of(bytes + "x")).error() == Errc::bad_head);
}

TEST_CASE("tracks that did not change are the same objects in the next segment") {
  Head head = make_head();
  RecordReader reader;
  REQUIRE(reader.begin(bytes_of(write_head(head))).has_value());
  const Head first = reader.head();
  head.gap = GapReason::none;
  REQUIRE(reader.begin(bytes_of(write_head(head))).has_value());
  CHECK(reader.head().tracks == first.tracks);
  CHECK(reader.head().wire_tracks == first.wire_tracks);
  CHECK(reader.head().gap == GapReason::none);
  wire::Tracks renamed = *head.wire_tracks;
  ++renamed.version;
  head.wire_tracks = std::make_shared<const wire::Tracks>(renamed);
  REQUIRE(reader.begin(bytes_of(write_head(head))).has_value());
  CHECK(reader.head().tracks == first.tracks);
  CHECK(reader.head().wire_tracks != first.wire_tracks);
  media::TrackSet others = *head.tracks;
  ++others.tracks[0].id;
  head.tracks = std::make_shared<const media::TrackSet>(others);
  REQUIRE(reader.begin(bytes_of(write_head(head))).has_value());
  CHECK(reader.head().tracks != first.tracks);
  // What cannot be read changes nothing.
  CHECK(reader.begin({}).has_error());
  CHECK(reader.head().tracks->tracks[0].id == others.tracks[0].id);
}

}  // namespace disk
