// Files made by tests/data/make-fmp4 with real encoders and muxers, against what ffprobe reads.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "relay/media/codec/av1.hpp"
#include "tests/unit/media/container/fmp4/reader_rig.hpp"

using media::Codec;
using test::Bytes;
using test::ReaderRig;
using test::Seen;

namespace {

struct Expected {
  const char* name;
  std::vector<Codec> codecs;
  // ffprobe adds the largest negative composition offset to every pts.
  std::int64_t pts_shift = 0;
  // ffprobe repeats the wrong times of audio frames without a duration.
  bool has_wrong_audio_times = false;
};

const Expected files[] = {
    {"key", {Codec::h264, Codec::aac}},
    {"absolute", {Codec::h264, Codec::aac}},
    {"every_frame", {Codec::h264, Codec::aac}, 0, true},
    {"cmaf", {Codec::h264, Codec::aac}, 2048},
    {"dash", {Codec::h264, Codec::aac}},
    {"separate_moof", {Codec::h264, Codec::aac}},
    {"one_fragment", {Codec::h264, Codec::aac}},
    {"short_fragments", {Codec::h264, Codec::aac}},
    {"edit_list", {Codec::h264, Codec::aac}},
    {"negative_offsets", {Codec::h264, Codec::aac}, 2048},
    {"empty_edit", {Codec::h264, Codec::aac}},
    {"ismv", {Codec::h264, Codec::aac}, 400'001},
    {"hvc1", {Codec::h265}},
    {"hev1", {Codec::h265}},
    {"av1_opus", {Codec::av1, Codec::opus}},
    {"av1_empty", {Codec::av1}},
    {"vp9_mp3", {Codec::vp9, Codec::mp3}},
    {"three_audio", {Codec::aac, Codec::unknown, Codec::opus}},
    {"gst_avc1", {Codec::h264, Codec::aac}},
    {"gst_avc3", {Codec::h264, Codec::aac}},
    {"gst_unstreamable", {Codec::h264, Codec::aac}},
};

struct Packet {
  std::int64_t pts = 0;
  std::int64_t dts = 0;
  std::size_t size = 0;
  bool sync = false;
  std::uint32_t checksum = 0;
};

/// Of each track.
std::vector<std::vector<Packet>> read_packets(const std::string& name) {
  std::ifstream in(std::string(SPANCAST_TEST_DATA) + "/fmp4/" + name + ".txt");
  REQUIRE(in.good());
  std::vector<std::vector<Packet>> out;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream fields(line);
    std::size_t track = 0;
    Packet packet;
    std::string flags;
    std::string hash;
    fields >> track >> packet.pts >> packet.dts >> packet.size >> flags >> hash;
    REQUIRE(!fields.fail());
    packet.sync = flags.front() == 'K';
    packet.checksum =
        static_cast<std::uint32_t>(std::stoul(hash.substr(hash.find(':') + 1), nullptr, 16));
    if (out.size() <= track) out.resize(track + 1);
    out[track].push_back(packet);
  }
  return out;
}

// RFC 1950
std::uint32_t adler32(std::span<const std::byte> bytes) {
  std::uint32_t a = 1;
  std::uint32_t b = 0;
  for (const std::byte byte : bytes) {
    a = (a + std::to_integer<std::uint32_t>(byte)) % 65'521;
    b = (b + a) % 65'521;
  }
  return b << 16 | a;
}

// Takes out what was put in front of the frame, behind its access unit delimiter.
Bytes without_parameter_sets(Bytes payload, std::size_t size, Codec codec) {
  if (payload.size() <= size) return payload;
  const unsigned header = std::to_integer<unsigned>(payload[4]);
  const bool has_delimiter =
      codec == Codec::h264 ? (header & 0x1F) == 9 : (header >> 1 & 0x3F) == 35;
  const std::size_t at = has_delimiter ? 4 + std::to_integer<std::size_t>(payload[3]) : 0;
  const auto first = payload.begin() + static_cast<std::ptrdiff_t>(at);
  payload.erase(first, first + static_cast<std::ptrdiff_t>(payload.size() - size));
  return payload;
}

void compare(const std::vector<Seen>& seen, const std::vector<Packet>& packets,
             const Expected& expected, Codec codec, bool is_video) {
  REQUIRE(seen.size() == packets.size());
  for (std::size_t index = 0; index < seen.size(); ++index) {
    CAPTURE(index);
    const Seen& sample = seen[index];
    const Packet& packet = packets[index];
    if (is_video || !expected.has_wrong_audio_times) {
      CHECK(sample.dts == packet.dts);
      CHECK(sample.pts == packet.pts - (is_video ? expected.pts_shift : 0));
    } else if (index > 1) {
      CHECK(sample.dts - seen[index - 1].dts == 1024);
      CHECK(sample.pts == sample.dts);
    }
    CHECK(sample.sync == packet.sync);
    const Bytes payload = without_parameter_sets(sample.payload, packet.size, codec);
    CHECK(payload.size() == packet.size);
    CHECK((sample.payload.size() == packet.size || sample.sync));
    CHECK(adler32(payload) == packet.checksum);
  }
}

}  // namespace

TEST_CASE("real files read as ffprobe reads them however they arrive") {
  for (const Expected& expected : files) {
    CAPTURE(std::string(expected.name));
    const Bytes file = test::data_file(std::string("fmp4/") + expected.name + ".mp4");
    const auto packets = read_packets(expected.name);
    std::vector<Seen> first;
    for (const std::size_t step : {65'536U, 4096U, 188U, 7U, 1U}) {
      CAPTURE(step);
      ReaderRig rig(1 << 20, 4 << 10);
      REQUIRE(rig.feed(file, step));
      rig.finish();
      if (!first.empty()) {
        REQUIRE(rig.samples == first);
        continue;
      }
      first = rig.samples;
      const auto tracks = rig.reader.tracks();
      REQUIRE(tracks.size() == expected.codecs.size());
      for (std::size_t index = 0; index < tracks.size(); ++index) {
        CHECK(tracks[index].codec == expected.codecs[index]);
        if (tracks[index].codec == Codec::unknown) continue;
        CHECK(tracks[index].config.empty() == (tracks[index].codec == Codec::mp3));
        std::vector<Seen> of_track;
        for (const Seen& seen : rig.samples) {
          if (seen.track == index) of_track.push_back(seen);
        }
        compare(of_track, packets.at(index), expected, tracks[index].codec,
                tracks[index].kind == media::Kind::video);
      }
      const auto& counters = rig.reader.counters();
      CHECK(counters.bad_samples + counters.unplaced_samples + counters.cut_samples == 0);
      CHECK(rig.pool.held_count() <= 3);  // input, generated headers, parameter sets
    }
  }
}

TEST_CASE("every sync frame of real files begins with parameter sets") {
  for (const Expected& expected : files) {
    CAPTURE(std::string(expected.name));
    ReaderRig rig;
    REQUIRE(rig.feed(test::data_file(std::string("fmp4/") + expected.name + ".mp4")));
    for (const Seen& seen : rig.samples) {
      const Codec codec = rig.reader.tracks()[seen.track].codec;
      if (!seen.sync || (codec != Codec::h264 && codec != Codec::h265)) continue;
      const auto type = [&](std::size_t at) {
        const unsigned header = std::to_integer<unsigned>(seen.payload.at(at));
        return codec == Codec::h264 ? header & 0x1F : header >> 1 & 0x3F;
      };
      std::size_t at = 4;
      if (type(at) == (codec == Codec::h264 ? 9U : 35U))
        at += 4 + std::to_integer<std::size_t>(seen.payload[3]);
      CHECK(type(at) == (codec == Codec::h264 ? 7U : 32U));
    }
  }
}

TEST_CASE("the tracks of real files have sizes and rates and languages") {
  ReaderRig rig;
  REQUIRE(rig.feed(test::data_file("fmp4/key.mp4")));
  CHECK(rig.reader.tracks()[0].width == 96);
  CHECK(rig.reader.tracks()[0].height == 54);
  CHECK(rig.reader.tracks()[0].rate.per_1000_s() == 25'000);
  CHECK(rig.reader.tracks()[1].sample_rate == 48'000);
  CHECK(rig.reader.tracks()[1].channels == 1);
  ReaderRig audio;
  REQUIRE(audio.feed(test::data_file("fmp4/three_audio.mp4")));
  CHECK(audio.reader.tracks()[0].language == "deu");
  CHECK(audio.reader.tracks()[1].language.empty());
  CHECK(audio.reader.tracks()[2].language == "eng");
}

TEST_CASE("AV1 without a configuration record gets that of its first sync sample") {
  ReaderRig rig;
  REQUIRE(rig.feed(test::data_file("fmp4/av1_empty.mp4")));
  const media::Track& track = rig.reader.tracks()[0];
  CHECK(codec::av1::parse_config(track.config) == codec::VideoSize{96, 54});
  CHECK(rig.reader.tracks_version() == 2);
  // The same movie header again, which still does not know it, is none of another movie.
  REQUIRE(rig.feed(test::data_file("fmp4/av1_empty.mp4")));
  CHECK(rig.reader.tracks_version() == 2);
}
