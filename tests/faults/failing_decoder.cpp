// A plugin of GStreamer's for spancast-player: on this machine there is a device that decodes.

#define PACKAGE "spancast"
#include "tests/faults/failing_decoder.hpp"

namespace {

gboolean add_elements(GstPlugin* plugin) {
  return gst_element_register(plugin, "vah264dec", GST_RANK_NONE,
                              failing_decoder::type<failing_decoder::Way::fails>());
}

}  // namespace

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, failingdecoder,
                  "a decoder that fails while it runs", add_elements, "1", GST_LICENSE_UNKNOWN,
                  "spancast", "https://localhost/")
