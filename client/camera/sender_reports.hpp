#pragma once

#include <gst/gst.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "relay/base/time.hpp"

namespace client::camera {

/// What the RTCP sender reports of an RTSP camera say of its clock. Outlives the element's data
/// flow.
class SenderReports {
 public:
  static constexpr std::size_t sessions_max = 32;

  /// `source`: an rtspsrc that has not begun yet.
  explicit SenderReports(GstElement* source);

  /// The RTP session of one of its pads, `recv_rtp_src_SESSION_SSRC_PT`; `sessions_max`: none.
  static std::size_t session_of(GstPad* pad) noexcept;
  /// The sender's UTC at running time 0; nothing before the first report. Any thread.
  std::optional<base::Utc> zero(std::size_t session) const noexcept;

 private:
  using Zero = std::atomic<std::int64_t>;  // microseconds since 1970; 0: not known

  static void on_manager(GstElement* source, GstElement* manager, void* self) noexcept;
  static void on_jitter_buffer(GstElement* manager, GstElement* buffer, guint session, guint ssrc,
                               void* self) noexcept;
  static void on_report(GstElement* buffer, GstStructure* report, void* zero) noexcept;

  std::array<Zero, sessions_max> zeros_{};
};

}  // namespace client::camera
