#include "client/camera/test_picture.hpp"

#include <doctest/doctest.h>
#include <gst/app/gstappsink.h>

#include <optional>
#include <string>
#include <vector>

#include "client/camera/encoder.hpp"
#include "client/camera/registry_probe.hpp"
#include "client/media/frame_number.hpp"
#include "tests/unit/client/camera/gstreamer.hpp"

namespace client::camera {
namespace {

// The numbers in the pictures that come out of a pipeline between "picture" and "out".
std::vector<std::optional<std::uint32_t>> numbers_through(const std::string& launch) {
  GError* error = nullptr;
  const gst::Pointer<GstElement> pipeline(
      GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch.c_str(), &error))));
  REQUIRE(error == nullptr);
  const gst::Pointer<GstElement> source(gst_bin_get_by_name(GST_BIN(pipeline.get()), "picture"));
  const gst::Pointer<GstPad> pad(gst_element_get_static_pad(source.get(), "src"));
  TestPicture picture(pad.get());
  const gst::Pointer<GstElement> out(gst_bin_get_by_name(GST_BIN(pipeline.get()), "out"));
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  std::vector<std::optional<std::uint32_t>> numbers;
  while (true) {
    const gst::Pointer<GstSample> sample(gst_app_sink_pull_sample(GST_APP_SINK(out.get())));
    if (!sample) break;
    GstVideoInfo info;
    REQUIRE(gst_video_info_from_caps(&info, gst_sample_get_caps(sample.get())));
    GstVideoFrame frame;
    REQUIRE(gst_video_frame_map(&frame, &info, gst_sample_get_buffer(sample.get()), GST_MAP_READ));
    const auto width = static_cast<std::size_t>(GST_VIDEO_FRAME_WIDTH(&frame));
    const auto stride = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
    const auto height = static_cast<std::size_t>(GST_VIDEO_FRAME_HEIGHT(&frame));
    numbers.push_back(
        frame_number::read({static_cast<const std::byte*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)),
                            stride * (height - 1) + width},
                           stride, width));
    gst_video_frame_unmap(&frame);
  }
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  CHECK(picture.count() == numbers.size());
  return numbers;
}

std::vector<std::optional<std::uint32_t>> first(std::uint32_t count) {
  std::vector<std::optional<std::uint32_t>> numbers;
  for (std::uint32_t number = 0; number < count; ++number) numbers.emplace_back(number);
  return numbers;
}

}  // namespace

TEST_CASE("pictures are numbered from 0 and none is left out") {
  const test::Gstreamer gstreamer;
  CHECK(numbers_through("videotestsrc name=picture num-buffers=20 ! video/x-raw,format=I420,"
                        "width=320,height=180 ! appsink name=out sync=false") == first(20));
}

TEST_CASE("the numbers survive the encoder at a low bit rate") {
  const test::Gstreamer gstreamer;
  RegistryProbe probe;
  const auto encoder = choose_video_encoder(probe, {}, true);
  REQUIRE(encoder);
  REQUIRE(encoder->codec == media::Codec::h264);
  VideoSettings settings;
  settings.bitrate = 200'000;
  CHECK(numbers_through("videotestsrc name=picture num-buffers=40 ! video/x-raw,format=I420,"
                        "width=640,height=360,framerate=30/1 ! " +
                        video_encoding(*encoder, settings) +
                        " ! avdec_h264 ! videoconvert ! video/x-raw,format=I420 ! "
                        "appsink name=out sync=false") == first(40));
}

}  // namespace client::camera
