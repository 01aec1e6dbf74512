#pragma once

#include <gst/gst.h>

#include <string>
#include <vector>

#include "client/gst/pointer.hpp"

namespace client::test {

/// A sample of so many bytes with these caps.
inline gst::Pointer<GstSample> sample_of(const std::string& caps, std::size_t bytes) {
  gst_init(nullptr, nullptr);
  const gst::Pointer<GstCaps> parsed(gst_caps_from_string(caps.c_str()));
  const gst::Pointer<GstBuffer> buffer(gst_buffer_new_allocate(nullptr, bytes, nullptr));
  gst_buffer_memset(buffer.get(), 0, 0, bytes);
  return gst::Pointer<GstSample>(gst_sample_new(buffer.get(), parsed.get(), nullptr, nullptr));
}

/// A grey picture of 64x32.
inline gst::Pointer<GstSample> picture(const std::string& more = "") {
  return sample_of("video/x-raw,format=I420,width=64,height=32,framerate=25/1" + more,
                   64 * 32 * 3 / 2);
}

}  // namespace client::test
