#include "client/camera/listing.hpp"

#include <doctest/doctest.h>

#include "tests/unit/client/camera/gstreamer.hpp"

namespace client::camera {
namespace {

struct Machine : Probe {
  bool has(std::string_view element) override {
    return element == "x264enc" || element == "vah264enc" || element == "avenc_aac";
  }
  bool works(const Encoder& encoder) override { return encoder.element == "x264enc"; }
};

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a listing says of each encoder whether it works or that it is untested") {
  Machine machine;
  const std::string text =
      to_listing({{"v4l2:/dev/video0", "A camera"}, {"screen", "the X display :0"}}, machine);
  CHECK(has(text, "  v4l2:/dev/video0  A camera\n"));
  CHECK(has(text, "  screen            the X display :0\n"));
  CHECK(has(text, "  x264enc           h264, works\n"));
  CHECK(has(text, "  vah264enc         h264, does not work: no such hardware"));
  CHECK(has(text, "  nvh264enc         untested: no such hardware here, or Debian package gst"));
  CHECK(has(text, "  x265enc           untested: is not there: Debian package gstreamer1.0-"));
  CHECK(has(text, "  avenc_aac         aac\n"));
}

TEST_CASE("a machine without devices says so") {
  Machine machine;
  const std::string text = to_listing({}, machine);
  CHECK(has(text, "  v4l2:             untested: no camera is connected"));
  CHECK(has(text, "  screen            untested: DISPLAY is not set"));
}

TEST_CASE("devices are looked for on any machine") {
  const ::test::Gstreamer gstreamer;
  for (const Device& device : find_devices()) {
    CHECK_FALSE(device.source.empty());
    CHECK_FALSE(device.name.empty());
  }
}

}  // namespace client::camera
