#include "relay/protocol/wire/tracks.hpp"

#include <doctest/doctest.h>

#include "tests/unit/protocol/wire/messages.hpp"

namespace wire {

TEST_CASE("tracks come back as they were") {
  const Tracks tracks = test::make_tracks(7);
  CHECK(from_media(to_media(tracks), 7) == tracks);
}

TEST_CASE("every codec has its name and kind") {
  for (const media::Codec codec :
       {media::Codec::h264, media::Codec::h265, media::Codec::av1, media::Codec::vp9,
        media::Codec::aac, media::Codec::opus, media::Codec::mp3}) {
    media::Track track;
    track.codec = codec;
    const media::Track back = to_media(from_media(track));
    CHECK(back.codec == codec);
    CHECK(back.kind != media::Kind::data);
  }
}

TEST_CASE("the kind of an unknown codec is guessed") {
  Track track;
  track.codec = "h266";
  CHECK(to_media(track).codec == media::Codec::unknown);
  CHECK(to_media(track).kind == media::Kind::data);
  track.sample_rate = 48'000;
  CHECK(to_media(track).kind == media::Kind::audio);
  track.width = 1920;
  CHECK(to_media(track).kind == media::Kind::video);
}

TEST_CASE("what does not fit the wire is left out") {
  media::Track track;
  track.config.resize(config_bytes_max + 1);
  track.language = "d\xff";
  CHECK(from_media(track).config.empty());
  CHECK(from_media(track).language.empty());
  const std::vector<media::Track> many(20, track);
  CHECK(from_media(many, 1).tracks.size() == tracks_max);
}

TEST_CASE("the version of tracks is what they say and nothing else") {
  const std::vector<Track> tracks = test::make_tracks(1).tracks;
  CHECK(version_of(tracks) == version_of(test::make_tracks(1).tracks));
  CHECK(version_of(tracks) == 2'913'547'638);  // the same for ever, on every machine
  CHECK(version_of({}) != 0);
  const auto changed = [&tracks](auto change) {
    auto others = tracks;
    change(others[0]);
    return version_of(others) != version_of(tracks);
  };
  CHECK(changed([](Track& track) { track.codec = "h265"; }));
  CHECK(changed([](Track& track) { ++track.timescale; }));
  CHECK(changed([](Track& track) { track.config.push_back(std::byte{0}); }));
  CHECK(changed([](Track& track) { ++track.width; }));
  CHECK(changed([](Track& track) { ++track.height; }));
  CHECK(changed([](Track& track) { ++track.sample_rate; }));
  CHECK(changed([](Track& track) { ++track.channels; }));
  CHECK(changed([](Track& track) { track.language = "eng"; }));
  CHECK(version_of({tracks[0]}) != version_of(tracks));
  CHECK(version_of({tracks[1], tracks[0]}) != version_of(tracks));
}

}  // namespace wire
