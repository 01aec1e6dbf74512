#include "client/player/elements.hpp"

namespace client {
namespace {

// A device may be named by the registry and be of no use.
GstElement* make_hardware_decoder(const Recipe& recipe) {
  for (const char* name : recipe.hardware) {
    GstElement* const element = gst_element_factory_make(name, nullptr);
    if (element == nullptr) continue;
    const auto ready = gst_element_set_state(element, GST_STATE_READY);
    if (ready != GST_STATE_CHANGE_FAILURE) return element;
    gst_element_set_state(element, GST_STATE_NULL);
    gst_object_unref(gst_object_ref_sink(element));
  }
  return nullptr;
}

}  // namespace

MadeDecoder make_decoder(const Recipe& recipe, bool may_use_hardware) {
  MadeDecoder made;
  if (may_use_hardware) made.element = make_hardware_decoder(recipe);
  made.is_of_hardware = made.element != nullptr;
  for (const char* name : recipe.decoders) {
    if (made.element == nullptr) made.element = gst_element_factory_make(name, nullptr);
  }
  if (made.element == nullptr) return made;
  made.name = gst_plugin_feature_get_name(gst_element_get_factory(made.element));
  return made;
}

Form form_of(media::Kind kind) {
  if (kind == media::Kind::audio) {
    return {"audio/x-raw,format=F32LE,rate=48000,channels=2,layout=interleaved",
            {"audioconvert", "audioresample"}};
  }
  return {"video/x-raw,format=I420", {"videoconvert"}};
}

}  // namespace client
