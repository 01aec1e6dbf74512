#pragma once

#include <gst/gst.h>

#include <initializer_list>

/// Decoders as on a device that is of no use: a bin of an element that disturbs and a decoder in
/// software.
namespace failing_decoder {

/// Fails after so many frames, of H.264; or gives none out, of H.265.
enum class Way { fails, swallows };
inline constexpr int frames_before = 40;

struct Element {
  GstBin parent;
};
struct ElementClass {
  GstBinClass parent_class;
};

template <Way way>
void build(GTypeInstance* instance, gpointer) {
  auto* const bin = GST_BIN(instance);
  GstElement* const failing = gst_element_factory_make("identity", nullptr);
  GstElement* const decoder =
      gst_element_factory_make(way == Way::fails ? "avdec_h264" : "avdec_h265", nullptr);
  if (failing == nullptr || decoder == nullptr) return;
  if (way == Way::fails) g_object_set(failing, "error-after", frames_before, nullptr);
  if (way == Way::swallows) g_object_set(failing, "drop-probability", 1.0, nullptr);
  gst_util_set_object_arg(G_OBJECT(decoder), "thread-type", "slice");
  gst_bin_add_many(bin, failing, decoder, nullptr);
  gst_element_link(failing, decoder);
  for (GstElement* const end : {failing, decoder}) {
    const char* const name = end == failing ? "sink" : "src";
    GstPad* const pad = gst_element_get_static_pad(end, name);
    gst_element_add_pad(GST_ELEMENT(bin), gst_ghost_pad_new(name, pad));
    gst_object_unref(pad);
  }
}

inline void describe(gpointer type, gpointer) {
  gst_element_class_set_static_metadata(GST_ELEMENT_CLASS(type), "failing", "Decoder/Video",
                                        "fails after a while", "Spancast");
}

template <Way way>
GType type() {
  constexpr const char* name = way == Way::fails ? "FailingDecoder" : "SwallowingDecoder";
  static const GType made =
      g_type_register_static_simple(GST_TYPE_BIN, name, sizeof(ElementClass), &describe,
                                    sizeof(Element), &build<way>, GTypeFlags{});
  return made;
}

}  // namespace failing_decoder
