#pragma once

#include <gst/gst.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "client/gst/pointer.hpp"
#include "relay/base/assert.hpp"

namespace test {

/// To be built before GStreamer is used.
struct Gstreamer {
  Gstreamer() { gst_init(nullptr, nullptr); }
};

/// Runs a pipeline to its end.
inline void run_pipeline(const std::string& launch) {
  GError* error = nullptr;
  const client::gst::Pointer<GstElement> pipeline(
      GST_ELEMENT(gst_object_ref_sink(gst_parse_launch(launch.c_str(), &error))));
  RELAY_ASSERT(error == nullptr);
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const client::gst::Pointer<GstBus> bus(gst_element_get_bus(pipeline.get()));
  const client::gst::Pointer<GstMessage> message(
      gst_bus_timed_pop_filtered(bus.get(), 60 * GST_SECOND,
                                 static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  RELAY_ASSERT(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS);
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}

/// A file that is gone with its object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              ("spancast-" + std::to_string(getpid()) + "-" + name)) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace test
