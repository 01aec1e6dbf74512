#include "client/camera/registry_probe.hpp"

#include <gst/gst.h>

#include <string>

#include "client/gst/pointer.hpp"

namespace client::camera {

bool RegistryProbe::has(std::string_view element) {
  const gst::Pointer<GstElementFactory> factory(
      gst_element_factory_find(std::string(element).c_str()));
  return factory != nullptr;
}

bool RegistryProbe::works(const Encoder& encoder) {
  const std::string launch =
      "videotestsrc num-buffers=5 ! video/x-raw,width=320,height=240,framerate=30/1 ! " +
      video_encoding(encoder, {}) + " ! fakesink sync=false";
  GError* raw_error = nullptr;
  GstElement* launched = gst_parse_launch(launch.c_str(), &raw_error);
  const gst::Pointer<GError> error(raw_error);
  if (launched == nullptr) return false;
  const gst::Pointer<GstElement> pipeline(GST_ELEMENT(gst_object_ref_sink(launched)));
  if (error) return false;
  gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
  const gst::Pointer<GstBus> bus(gst_element_get_bus(pipeline.get()));
  const gst::Pointer<GstMessage> message(gst_bus_timed_pop_filtered(
      bus.get(), 3 * GST_SECOND, static_cast<GstMessageType>(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
  gst_element_set_state(pipeline.get(), GST_STATE_NULL);
  return message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS;
}

}  // namespace client::camera
