#include "client/player/picture.hpp"

#include <gst/video/video.h>

#include <utility>

#include "client/gst/pointer.hpp"

namespace client {

class Picture::Impl {
 public:
  Impl(GstSample* sample, const GstVideoInfo& info) : sample_(gst_sample_ref(sample)) {
    GstBuffer* const buffer = gst_sample_get_buffer(sample);
    is_mapped_ = buffer != nullptr && gst_video_frame_map(&frame_, &info, buffer, GST_MAP_READ);
  }
  ~Impl() {
    if (is_mapped_) gst_video_frame_unmap(&frame_);
  }

  bool is_mapped() const noexcept { return is_mapped_; }
  const GstVideoFrame& frame() const noexcept { return frame_; }

 private:
  gst::Pointer<GstSample> sample_;
  GstVideoFrame frame_{};
  bool is_mapped_ = false;
};

std::unique_ptr<Picture> Picture::of(GstSample* sample) {
  GstVideoInfo info;
  GstCaps* const caps = gst_sample_get_caps(sample);
  if (caps == nullptr || !gst_video_info_from_caps(&info, caps) ||
      GST_VIDEO_INFO_FORMAT(&info) != GST_VIDEO_FORMAT_I420) {
    return nullptr;
  }
  auto impl = std::make_unique<Impl>(sample, info);
  if (!impl->is_mapped()) return nullptr;
  return std::unique_ptr<Picture>(new Picture(std::move(impl)));
}

Picture::Picture(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Picture::~Picture() = default;
int Picture::width() const noexcept { return GST_VIDEO_FRAME_WIDTH(&impl_->frame()); }
int Picture::height() const noexcept { return GST_VIDEO_FRAME_HEIGHT(&impl_->frame()); }
int Picture::shown_width() const noexcept {
  const GstVideoInfo& info = impl_->frame().info;
  const int per_height = GST_VIDEO_INFO_PAR_D(&info);
  if (per_height <= 0) return width();
  return static_cast<int>(gst_util_uint64_scale_int(static_cast<guint64>(width()),
                                                    GST_VIDEO_INFO_PAR_N(&info), per_height));
}
Picture::Plane Picture::plane(unsigned number) const noexcept {
  return {static_cast<const std::byte*>(GST_VIDEO_FRAME_PLANE_DATA(&impl_->frame(), number)),
          GST_VIDEO_FRAME_PLANE_STRIDE(&impl_->frame(), number)};
}

}  // namespace client
