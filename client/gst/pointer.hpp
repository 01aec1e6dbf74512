#pragma once

#include <gst/gst.h>

#include <memory>

// GStreamer's objects sit in a unique_ptr that gives its reference back.
namespace client::gst {

struct Unref {
  void operator()(GstCaps* caps) const noexcept { gst_caps_unref(caps); }
  void operator()(GstBuffer* buffer) const noexcept { gst_buffer_unref(buffer); }
  void operator()(GstSample* sample) const noexcept { gst_sample_unref(sample); }
  void operator()(GstMessage* message) const noexcept { gst_message_unref(message); }
  void operator()(GstEvent* event) const noexcept { gst_event_unref(event); }
  void operator()(GError* error) const noexcept { g_error_free(error); }
  void operator()(gchar* text) const noexcept { g_free(text); }
  template <class Object>  // GstElement, GstBus, GstPad, ...
  void operator()(Object* object) const noexcept {
    gst_object_unref(object);
  }
};

template <class T>
using Pointer = std::unique_ptr<T, Unref>;

}  // namespace client::gst
