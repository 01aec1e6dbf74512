#pragma once

#include <gst/gst.h>
#include <gst/video/video.h>

#include <atomic>
#include <cstdint>

namespace client::camera {

/// Writes frame number and clock into the pictures that leave a pad: raw video in a planar format
/// with eight bits of luma. The first is number 0, each has the next. Outlives the pad's data flow.
class TestPicture {
 public:
  explicit TestPicture(GstPad* pad);

  /// Pictures so far. Any thread.
  std::uint32_t count() const noexcept { return next_.load(std::memory_order_relaxed); }

 private:
  static GstPadProbeReturn on_buffer(GstPad* pad, GstPadProbeInfo* info, void* self) noexcept;
  bool learn_format(GstPad* pad) noexcept;
  void draw(GstBuffer* buffer) noexcept;

  GstVideoInfo format_{};  // of the streaming thread
  bool has_format_ = false;
  std::atomic<std::uint32_t> next_{0};
};

}  // namespace client::camera
