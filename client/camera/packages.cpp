#include "client/camera/packages.hpp"

#include <array>
#include <utility>

namespace client::camera {
namespace {

constexpr std::string_view base = "gstreamer1.0-plugins-base";
constexpr std::string_view good = "gstreamer1.0-plugins-good";
constexpr std::string_view bad = "gstreamer1.0-plugins-bad";
constexpr std::string_view ugly = "gstreamer1.0-plugins-ugly";
constexpr std::string_view libav = "gstreamer1.0-libav";

constexpr std::array<std::pair<std::string_view, std::string_view>, 41> elements{{
    {"appsink", base},
    {"audioconvert", base},
    {"audioresample", base},
    {"audiotestsrc", base},
    {"decodebin", base},
    {"opusenc", base},
    {"parsebin", base},
    {"uridecodebin", base},
    {"videoconvert", base},
    {"videorate", base},
    {"videoscale", base},
    {"videotestsrc", base},
    {"alsasrc", "gstreamer1.0-alsa"},
    {"aacparse", good},
    {"lamemp3enc", good},
    {"matroskademux", good},
    {"mpegaudioparse", good},
    {"pulsesrc", "gstreamer1.0-pulseaudio"},
    {"qtdemux", good},
    {"rtspsrc", good},
    {"v4l2h264enc", good},
    {"v4l2src", good},
    {"vp8enc", good},
    {"vp9enc", good},
    {"ximagesrc", good},
    {"av1parse", bad},
    {"fdkaacenc", bad},
    {"h264parse", bad},
    {"h265parse", bad},
    {"nvh264enc", bad},
    {"openh264enc", bad},
    {"opusparse", bad},
    {"srtsrc", bad},
    {"tsdemux", bad},
    {"vah264enc", bad},
    {"voaacenc", bad},
    {"vp9parse", bad},
    {"x265enc", bad},
    {"x264enc", ugly},
    {"avenc_aac", libav},
    {"vaapih264enc", "gstreamer1.0-vaapi"},
}};

}  // namespace

std::string_view package_of(std::string_view element) noexcept {
  for (const auto& [name, package] : elements) {
    if (name == element) return package;
  }
  return {};
}

std::string explain_missing(std::string_view element) {
  std::string text = "GStreamer has no element \"" + std::string(element) + "\": ";
  const std::string_view package = package_of(element);
  if (package.empty()) return text + "install the package that brings it";
  return text + "install the Debian package " + std::string(package);
}

}  // namespace client::camera
