#include "client/camera/stream_tail.hpp"

#include <doctest/doctest.h>

#include "client/gst/pointer.hpp"
#include "tests/unit/client/camera/gstreamer.hpp"

namespace client::camera {
namespace {

struct Rig {
  ::test::Gstreamer gstreamer;
  Plan plan;
  Rig() {
    plan.source = Options::Source::rtsp;
    plan.reencodes = true;
    plan.video_encoding = "VIDEO";
    plan.audio_encoding = "AUDIO";
  }
  StreamTail tail(const char* text) const {
    const gst::Pointer<GstCaps> caps(gst_caps_from_string(text));
    return tail_for(plan, caps.get());
  }
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Rig, "what is coded for the wire passes as it is") {
  const StreamTail video = tail("application/x-rtp,media=video,encoding-name=H264");
  CHECK(
      video.launch.starts_with("rtph264depay name=pieces ! "
                               "video/x-h264,stream-format=byte-stream,alignment=au ! h264parse"));
  CHECK(video.notice.empty());
  CHECK(
      tail("application/x-rtp,media=video,encoding-name=H265").launch.starts_with("rtph265depay"));
  CHECK(has(tail("application/x-rtp,media=audio,encoding-name=MPEG4-GENERIC").launch, "aacparse"));
  CHECK(has(tail("application/x-rtp,media=audio,encoding-name=OPUS").launch, "opusparse"));
  CHECK(tail("video/x-h265").launch.starts_with("h265parse"));
  CHECK(tail("audio/mpeg,mpegversion=1").launch == "mpegaudioparse");
}

TEST_CASE_FIXTURE(Rig, "what the wire does not carry is decoded and encoded") {
  const StreamTail sound = tail("application/x-rtp,media=audio,encoding-name=PCMU");
  CHECK(sound.launch == "rtppcmudepay ! mulawdec ! AUDIO");
  CHECK(has(sound.notice, "PCMU"));
  CHECK(tail("application/x-rtp,media=video,encoding-name=JPEG").launch ==
        "rtpjpegdepay ! jpegdec ! VIDEO");
  CHECK(tail("application/x-rtp,media=video,encoding-name=MP4V-ES").launch == "decodebin ! VIDEO");
  CHECK(tail("audio/x-ac3").launch == "decodebin ! AUDIO");
  CHECK(tail("audio/x-raw").launch == "AUDIO");
}

TEST_CASE_FIXTURE(Rig, "what is neither picture nor sound is left out") {
  const StreamTail metadata =
      tail("application/x-rtp,media=application,encoding-name=VND.ONVIF.METADATA");
  CHECK(metadata.launch.empty());
  CHECK(has(metadata.notice, "left out"));
  CHECK(tail("text/x-raw").launch.empty());
}

TEST_CASE_FIXTURE(Rig, "without an encoder a track is left out and the package is named") {
  plan.video_encoding.clear();
  plan.audio_encoding.clear();
  CHECK(has(tail("application/x-rtp,media=video,encoding-name=JPEG").notice,
            "gstreamer1.0-plugins-ugly"));
  CHECK(has(tail("audio/x-raw").notice, "gstreamer1.0-libav"));
  CHECK(tail("audio/x-raw").launch.empty());
}

TEST_CASE_FIXTURE(Rig, "a file is not encoded") {
  plan.reencodes = false;
  plan.video_encoding.clear();
  CHECK(tail("video/x-raw").launch.empty());
  CHECK(tail("video/mpeg,mpegversion=2").launch.empty());
  CHECK_FALSE(tail("video/x-h264").launch.empty());
}

}  // namespace client::camera
