// Frames of real encoders through real decoders; each comes out before the next goes in.

#include "client/player/decoder.hpp"

#include <doctest/doctest.h>
#include <gst/app/gstappsink.h>
#include <gst/gst.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "client/gst/pointer.hpp"
#include "relay/memory/block_writer.hpp"
#include "relay/memory/window_list.hpp"
#include "tests/faults/failing_decoder.hpp"

namespace client {
namespace {

constexpr base::Utc captured{std::chrono::seconds(1'700'000'000)};

struct Frame {
  std::string payload;
  std::int64_t pts = 0;  // ns
  bool sync = false;
};

struct Coded {
  std::vector<Frame> frames;
  std::string codec_data;
};

// What a pipeline that ends in `appsink name=sink` makes.
Coded encode(const std::string& description) {
  gst_init(nullptr, nullptr);
  const gst::Pointer<GstElement> pipeline(gst_parse_launch(description.c_str(), nullptr));
  REQUIRE(pipeline != nullptr);
  const gst::Pointer<GstElement> sink(gst_bin_get_by_name(GST_BIN(pipeline.get()), "sink"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  Coded coded;
  for (;;) {
    const gst::Pointer<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(sink.get())));
    if (!sample) break;
    GstBuffer* const buffer = gst_sample_get_buffer(sample.get());
    GstMapInfo map;
    REQUIRE(gst_buffer_map(buffer, &map, GST_MAP_READ));
    coded.frames.push_back({std::string(reinterpret_cast<const char*>(map.data), map.size),
                            static_cast<std::int64_t>(GST_BUFFER_PTS(buffer)),
                            !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)});
    gst_buffer_unmap(buffer, &map);
    const GstStructure* const caps = gst_caps_get_structure(gst_sample_get_caps(sample.get()), 0);
    const GValue* const data = gst_structure_get_value(caps, "codec_data");
    if (data == nullptr || !coded.codec_data.empty()) continue;
    REQUIRE(gst_buffer_map(gst_value_get_buffer(data), &map, GST_MAP_READ));
    coded.codec_data.assign(reinterpret_cast<const char*>(map.data), map.size);
    gst_buffer_unmap(gst_value_get_buffer(data), &map);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  REQUIRE(coded.frames.size() >= 5);
  return coded;
}

std::string film(const std::string& encoder, const std::string& size = "320,height=240") {
  return "videotestsrc num-buffers=12 ! video/x-raw,format=I420,framerate=30/1,width=" + size +
         " ! " + encoder + " ! appsink name=sink sync=false";
}
std::string tone(const std::string& encoder) {
  return "audiotestsrc num-buffers=40 ! audio/x-raw,rate=48000,channels=2 ! audioconvert ! " +
         encoder + " ! appsink name=sink sync=false";
}
constexpr char x264[] =
    "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=6 ! h264parse config-interval=-1 "
    "! "
    "video/x-h264,stream-format=avc,alignment=au";
constexpr char x265[] =
    "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=6 ! h265parse config-interval=-1 "
    "! "
    "video/x-h265,stream-format=hvc1,alignment=au";

media::Track track_of(media::Codec codec, const Coded& coded) {
  media::Track track;
  track.codec = codec;
  const bool is_audio =
      codec == media::Codec::aac || codec == media::Codec::opus || codec == media::Codec::mp3;
  track.kind = is_audio ? media::Kind::audio : media::Kind::video;
  track.timescale = is_audio ? 48'000 : 90'000;
  track.sample_rate = is_audio ? 48'000 : 0;
  track.channels = is_audio ? 2 : 0;
  if (codec == media::Codec::aac) {
    const auto bytes = std::as_bytes(std::span(coded.codec_data));
    track.config.assign(bytes.begin(), bytes.end());
  }
  return track;
}

// What a registry names and no device answers to.
struct BrokenDecoder {
  GstElement parent;
};
struct BrokenDecoderClass {
  GstElementClass parent_class;
};
G_DEFINE_TYPE(BrokenDecoder, broken_decoder, GST_TYPE_ELEMENT)
void broken_decoder_init(BrokenDecoder*) {}
void broken_decoder_class_init(BrokenDecoderClass* type) {
  gst_element_class_set_static_metadata(&type->parent_class, "broken", "Decoder", "fails", "us");
  type->parent_class.change_state = [](GstElement*, GstStateChange change) {
    return change == GST_STATE_CHANGE_NULL_TO_READY ? GST_STATE_CHANGE_FAILURE
                                                    : GST_STATE_CHANGE_SUCCESS;
  };
}

struct Counter final : Decoder::Events {
  void on_decoded(const Decoder::Decoded& decoded) override {
    std::unique_lock guard(lock);
    changed.wait(guard, [this] { return !is_stopped; });
    ++count;
    if (decoded.captured) ++with_time;
    changed.notify_all();
  }
  void on_backlog(bool is_behind) override {
    const std::lock_guard guard(lock);
    backlog += is_behind ? "+" : "-";
    changed.notify_all();
  }
  bool wait_for(std::size_t wanted) {
    std::unique_lock guard(lock);
    return changed.wait_for(guard, std::chrono::seconds(60), [&] { return count >= wanted; });
  }
  std::mutex lock;
  std::condition_variable changed;
  std::size_t count = 0;
  std::size_t with_time = 0;
  bool wait_for_backlog(const std::string& wanted) {
    std::unique_lock guard(lock);
    return changed.wait_for(guard, std::chrono::seconds(60), [&] { return backlog == wanted; });
  }
  void stop(bool stopped) {
    const std::lock_guard guard(lock);
    is_stopped = stopped;
    changed.notify_all();
  }
  std::string backlog;
  bool is_stopped = false;  // nothing more is taken
};

struct Rig {
  explicit Rig(std::vector<media::Track> of, Decoder::Settings settings = {})
      : tracks(of), decoder(std::move(of), settings, events, warnings) {}

  void push(const Frame& frame, std::uint8_t track = 0) {
    memory::WindowList payload;
    for (std::size_t at = 0; at < frame.payload.size(); at += 700) {
      const auto piece = std::string_view(frame.payload).substr(at, 700);
      payload.push_back(*writer.copy_header(std::as_bytes(std::span(piece))));
      static_cast<void>(writer.copy_header(std::as_bytes(std::span("|", 1))));  // no one window
    }
    const std::uint32_t timescale = track < tracks.size() ? tracks[track].timescale : 90'000;
    const std::int64_t time = frame.pts * (timescale / 1000) / 1'000'000 + timescale * 10;
    decoder.push({track, frame.sync, time, time, 0, std::move(payload)}, captured);
  }

  Counter events;
  std::vector<std::string> warnings;
  std::vector<media::Track> tracks;
  memory::Arena arena{16 << 20, 64 << 10};
  memory::BlockPool pool{arena};
  memory::BlockWriter writer{pool};
  Decoder decoder;
};

// Every frame comes out without those behind it.
void check_no_delay(media::Codec codec, const Coded& coded) {
  Rig rig({track_of(codec, coded)});
  CHECK(rig.warnings.empty());
  REQUIRE(rig.decoder.is_useful());
  std::size_t pushed = 0;
  for (const Frame& frame : coded.frames) {
    rig.push(frame);
    CAPTURE(++pushed);
    REQUIRE(rig.events.wait_for(pushed));
  }
  rig.decoder.finish(std::chrono::seconds(30));
  CHECK(rig.events.count == coded.frames.size());
  CHECK(rig.events.with_time == coded.frames.size());
  CHECK(!rig.decoder.take_error());
}

// Audio decoders hold a little back, or give out more than went in.
void check_sound(media::Codec codec, const Coded& coded) {
  Rig rig({track_of(codec, coded)});
  CHECK(rig.warnings.empty());
  for (const Frame& frame : coded.frames) rig.push(frame);
  rig.decoder.finish(std::chrono::seconds(30));
  CHECK(rig.events.count + 3 >= coded.frames.size());
  CHECK(!rig.decoder.has_video());
  CHECK(!rig.decoder.take_error());
}

}  // namespace

TEST_CASE("H.264 is decoded frame by frame without delay") {
  check_no_delay(media::Codec::h264, encode(film(x264)));
}

TEST_CASE("H.265 is decoded frame by frame without delay") {
  check_no_delay(media::Codec::h265, encode(film(x265)));
}

TEST_CASE("VP9 is decoded frame by frame without delay") {
  check_no_delay(media::Codec::vp9, encode(film("vp9enc deadline=1 cpu-used=8 lag-in-frames=0")));
}

TEST_CASE("AV1 is decoded frame by frame without delay") {
  check_no_delay(
      media::Codec::av1,
      encode(film("av1enc cpu-used=8 usage-profile=realtime lag-in-frames=0", "64,height=64")));
}

TEST_CASE("AAC and Opus and MP3 are decoded") {
  check_sound(media::Codec::aac, encode(tone("avenc_aac ! aacparse")));
  check_sound(media::Codec::opus, encode(tone("opusenc")));
  check_sound(media::Codec::mp3, encode(tone("lamemp3enc ! mpegaudioparse")));
}

TEST_CASE("another picture size goes on in the same decoder") {
  Rig rig({track_of(media::Codec::h264, {})});
  const Coded first = encode(film(x264));
  const Coded second = encode(film(x264, "160,height=120"));
  for (const Frame& frame : first.frames) rig.push(frame);
  for (const Frame& frame : second.frames) rig.push(frame);
  rig.decoder.finish(std::chrono::seconds(30));
  CHECK(rig.events.count == first.frames.size() + second.frames.size());
}

TEST_CASE("after a gap it begins anew and what was before is decoded still") {
  const Coded coded = encode(film(x264));
  Rig rig({track_of(media::Codec::h264, coded)});
  for (std::size_t index = 0; index < 4; ++index) rig.push(coded.frames[index]);
  rig.decoder.on_gap();
  REQUIRE(coded.frames[6].sync);
  for (std::size_t index = 6; index < 10; ++index) rig.push(coded.frames[index]);
  rig.decoder.finish(std::chrono::seconds(30));
  CHECK(rig.events.count == 8);
}

TEST_CASE("a track without a decoder is left out with what to do and the others go on") {
  const Coded coded = encode(film(x264));
  media::Track unknown;
  media::Track aac;
  aac.codec = media::Codec::aac;
  Rig rig({unknown, aac, track_of(media::Codec::h264, coded)});
  REQUIRE(rig.warnings.size() == 2);
  CHECK(rig.warnings[0] == "a track of unknown is left out: its codec is not known");
  CHECK(rig.warnings[1] == "a track of aac is left out: its configuration is missing");
  CHECK(rig.decoder.is_useful());
  CHECK(rig.decoder.has_video());
  for (const Frame& frame : coded.frames) {
    rig.push(frame, 2);
    rig.push(frame, 0);
    rig.push(frame, 7);
  }
  CHECK(rig.events.wait_for(coded.frames.size()));
  Rig none({unknown});
  CHECK(!none.decoder.is_useful());
}

TEST_CASE("when too many frames wait it is told and again when hardly any do") {
  const Coded coded = encode(film(x264, "64,height=64"));
  Rig rig({track_of(media::Codec::h264, coded)});
  rig.events.stop(true);
  const std::size_t rounds = 2 * Decoder::backlog_max / coded.frames.size();
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const Frame& frame : coded.frames) rig.push(frame);
  }
  CHECK(rig.events.wait_for_backlog("+"));
  rig.events.stop(false);
  CHECK(rig.events.wait_for_backlog("+-"));
  CHECK(rig.events.wait_for(rounds * coded.frames.size()));
}

TEST_CASE("damaged frames do not end a track") {
  Coded coded = encode(film(x264));
  for (std::size_t at = 40; at < coded.frames[2].payload.size(); at += 3) {
    coded.frames[2].payload[at] = static_cast<char>(at * 31);
  }
  coded.frames[3].payload = "nonsense that has no length of a NAL unit";
  coded.frames[4].payload = "x";
  Rig rig({track_of(media::Codec::h264, coded)});
  for (const Frame& frame : coded.frames) rig.push(frame);
  rig.decoder.finish(std::chrono::seconds(30));
  CHECK(rig.events.count >= 8);
  CHECK(rig.decoder.is_useful());
}

TEST_CASE("whether other tracks fit is a matter of their codec and clock and not of the size") {
  const Coded coded = encode(film(x264));
  Rig rig({track_of(media::Codec::h264, coded)});
  auto tracks = rig.tracks;
  tracks[0].width = 99;
  CHECK(rig.decoder.fits(tracks));
  tracks[0].timescale = 1'000;
  CHECK(!rig.decoder.fits(tracks));
  tracks = {rig.tracks[0], rig.tracks[0]};
  CHECK(!rig.decoder.fits(tracks));
  CHECK(!rig.decoder.fits({}));
}

TEST_CASE("a hardware decoder that cannot be opened is passed over") {
  gst_init(nullptr, nullptr);
  REQUIRE(gst_element_register(nullptr, "vah264dec", GST_RANK_NONE, broken_decoder_get_type()));
  const Coded coded = encode(film(x264));
  Rig rig({track_of(media::Codec::h264, coded)}, {true, true});
  CHECK(rig.warnings.empty());
  CHECK(!rig.decoder.uses_hardware());
  CHECK(rig.decoder.description().find("vah264dec") == std::string::npos);
  for (const Frame& frame : coded.frames) rig.push(frame);
  CHECK(rig.events.wait_for(coded.frames.size()));
}

TEST_CASE("a hardware decoder that fails while it runs says so") {
  gst_init(nullptr, nullptr);
  using failing_decoder::Way;
  REQUIRE(gst_element_register(nullptr, "nvh264dec", GST_RANK_NONE,
                               failing_decoder::type<Way::fails>()));
  const Coded coded = encode(film(x264));
  Rig rig({track_of(media::Codec::h264, coded)}, {true, true});
  CHECK(rig.decoder.uses_hardware());
  CHECK(rig.decoder.description() == "h264 by nvh264dec");
  std::size_t pushed = 0;
  std::optional<Decoder::Failure> error;
  while (!error) {
    if (pushed <= failing_decoder::frames_before) rig.push(coded.frames[pushed % 6]);
    ++pushed;
    error = rig.decoder.take_error();
  }
  CHECK(pushed > failing_decoder::frames_before);
  CHECK(error->is_of_hardware);
  CHECK(error->sentence ==
        "the track of h264 cannot be decoded by nvh264dec: Failed after iterations as requested.");
  CHECK(!rig.decoder.is_useful());
  CHECK(!rig.decoder.take_error());
  for (const Frame& frame : coded.frames) rig.push(frame);  // what still comes is left out
}

TEST_CASE("a device that gives no picture is given up") {
  gst_init(nullptr, nullptr);
  using failing_decoder::Way;
  REQUIRE(gst_element_register(nullptr, "vah265dec", GST_RANK_NONE,
                               failing_decoder::type<Way::swallows>()));
  const Coded coded = encode(film(x265));
  Rig rig({track_of(media::Codec::h265, coded)}, {true, true});
  CHECK(rig.decoder.uses_hardware());
  for (std::uint64_t pushed = 0; pushed < Decoder::swallowed_max; ++pushed) {
    CHECK(!rig.decoder.take_error());
    rig.push(coded.frames[pushed % 6]);
  }
  const auto error = rig.decoder.take_error();
  REQUIRE(error);
  CHECK(error->sentence == "vah265dec gives no picture");
  CHECK(!rig.decoder.is_useful());
}

}  // namespace client
