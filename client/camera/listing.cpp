#include "client/camera/listing.hpp"

#include <gst/gst.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "client/camera/packages.hpp"
#include "client/gst/pointer.hpp"

namespace client::camera {
namespace {

constexpr std::size_t column = 18;

std::string padded(std::string text) {
  text.resize(std::max(text.size() + 1, column), ' ');
  return text;
}

std::string path_of(GstDevice* device) {
  GstStructure* properties = gst_device_get_properties(device);
  if (properties == nullptr) return {};
  std::string path;
  for (const char* field : {"device.path", "api.v4l2.path"}) {
    const char* text = gst_structure_get_string(properties, field);
    if (text != nullptr && path.empty()) path = text;
  }
  gst_structure_free(properties);
  return path;
}

std::string describe(const Encoder& encoder, bool is_hardware, Probe& probe) {
  if (!probe.has(encoder.element)) {
    const std::string package = "Debian package " + std::string(package_of(encoder.element));
    // A plugin offers only what it has found hardware for.
    if (is_hardware) return "untested: no such hardware here, or " + package + " is missing";
    return "untested: is not there: " + package;
  }
  const std::string what(media::name(encoder.codec));
  if (probe.works(encoder)) return what + (is_hardware ? " by hardware, works" : ", works");
  return is_hardware ? what + ", does not work: no such hardware here, or no driver or permission"
                     : what + ", does not work";
}

}  // namespace

std::vector<Device> find_devices() {
  std::vector<Device> found;
  const gst::Pointer<GstDeviceMonitor> monitor(gst_device_monitor_new());
  gst_device_monitor_add_filter(monitor.get(), "Video/Source", nullptr);
  if (gst_device_monitor_start(monitor.get())) {
    GList* devices = gst_device_monitor_get_devices(monitor.get());
    for (GList* one = devices; one != nullptr; one = one->next) {
      GstDevice* const device = GST_DEVICE(one->data);
      const gst::Pointer<gchar> name(gst_device_get_display_name(device));
      if (const std::string path = path_of(device); !path.empty()) {
        found.push_back({"v4l2:" + path, name.get()});
      }
    }
    g_list_free_full(devices, gst_object_unref);
    gst_device_monitor_stop(monitor.get());
  }
  if (const char* display = std::getenv("DISPLAY"); display != nullptr && *display != '\0') {
    found.push_back({"screen", std::string("the X display ") + display});
  }
  return found;
}

std::string to_listing(const std::vector<Device>& devices, Probe& probe) {
  std::string text = "Devices:\n";
  for (const Device& device : devices) text += "  " + padded(device.source) + device.name + "\n";
  const auto has = [&devices](std::string_view source) {
    return std::ranges::any_of(
        devices, [source](const Device& device) { return device.source.starts_with(source); });
  };
  if (!has("v4l2:")) text += "  " + padded("v4l2:") + "untested: no camera is connected (V4L2)\n";
  if (!has("screen")) text += "  " + padded("screen") + "untested: DISPLAY is not set\n";
  text += "\nVideo encoders, the one that is used first:\n";
  for (const KnownEncoder& known : known_video_encoders()) {
    const Encoder encoder{std::string(known.element), known.codec};
    text += "  " + padded(encoder.element) + describe(encoder, known.is_hardware, probe) + "\n";
  }
  text += "\nAudio encoders, likewise:\n";
  for (const KnownEncoder& known : known_audio_encoders()) {
    const std::string element(known.element);
    const std::string what(media::name(known.codec));
    text +=
        "  " + padded(element) +
        (probe.has(element) ? what
                            : "is not there: Debian package " + std::string(package_of(element))) +
        "\n";
  }
  return text;
}

}  // namespace client::camera
