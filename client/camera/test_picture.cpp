#include "client/camera/test_picture.hpp"

#include <cstddef>
#include <span>

#include "client/camera/picture_clock.hpp"
#include "client/gst/pointer.hpp"
#include "client/media/frame_number.hpp"
#include "relay/base/time.hpp"

namespace client::camera {

TestPicture::TestPicture(GstPad* pad) {
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, &TestPicture::on_buffer, this, nullptr);
}

GstPadProbeReturn TestPicture::on_buffer(GstPad* pad, GstPadProbeInfo* info, void* self) noexcept {
  auto& picture = *static_cast<TestPicture*>(self);
  if (!picture.has_format_ && !picture.learn_format(pad)) return GST_PAD_PROBE_OK;
  GstBuffer* buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_DATA(info) = buffer;
  picture.draw(buffer);
  return GST_PAD_PROBE_OK;
}

bool TestPicture::learn_format(GstPad* pad) noexcept {
  const gst::Pointer<GstCaps> caps(gst_pad_get_current_caps(pad));
  has_format_ = caps && gst_video_info_from_caps(&format_, caps.get());
  return has_format_;
}

void TestPicture::draw(GstBuffer* buffer) noexcept {
  GstVideoFrame frame;
  if (!gst_video_frame_map(&frame, &format_, buffer, GST_MAP_READWRITE)) return;
  const auto width = static_cast<std::size_t>(GST_VIDEO_FRAME_WIDTH(&frame));
  const auto height = static_cast<std::size_t>(GST_VIDEO_FRAME_HEIGHT(&frame));
  const auto stride = static_cast<std::size_t>(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, 0));
  const std::span luma(static_cast<std::byte*>(GST_VIDEO_FRAME_PLANE_DATA(&frame, 0)),
                       stride * (height - 1) + width);
  // The source is live: its pictures are made when they are due.
  draw_clock(luma, stride, width, height, base::utc_now());
  frame_number::write(luma, stride, width, next_.load(std::memory_order_relaxed));
  gst_video_frame_unmap(&frame);
  next_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace client::camera
