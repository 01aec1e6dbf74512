#include "client/camera/sender_reports.hpp"

#include <cstdio>
#include <span>

#include "client/camera/sender_clock.hpp"
#include "client/gst/pointer.hpp"

namespace client::camera {

SenderReports::SenderReports(GstElement* source) {
  g_signal_connect(source, "new-manager", G_CALLBACK(&SenderReports::on_manager), this);
}

std::size_t SenderReports::session_of(GstPad* pad) noexcept {
  const gst::Pointer<gchar> name(gst_pad_get_name(pad));
  unsigned session = sessions_max;
  if (std::sscanf(name.get(), "recv_rtp_src_%u_", &session) != 1) return sessions_max;
  return session;
}

std::optional<base::Utc> SenderReports::zero(std::size_t session) const noexcept {
  if (session >= sessions_max) return std::nullopt;
  const std::int64_t zero = zeros_[session].load(std::memory_order_relaxed);
  if (zero == 0) return std::nullopt;
  return base::Utc(std::chrono::microseconds(zero));
}

// The manager is an rtpbin.
void SenderReports::on_manager(GstElement*, GstElement* manager, void* self) noexcept {
  g_signal_connect(manager, "new-jitterbuffer", G_CALLBACK(&SenderReports::on_jitter_buffer), self);
}

void SenderReports::on_jitter_buffer(GstElement*, GstElement* buffer, guint session, guint,
                                     void* self) noexcept {
  if (session >= sessions_max) return;
  Zero& zero = static_cast<SenderReports*>(self)->zeros_[session];
  g_signal_connect(buffer, "handle-sync", G_CALLBACK(&SenderReports::on_report), &zero);
}

// Beside the report: which RTP time stands for which running time.
void SenderReports::on_report(GstElement*, GstStructure* report, void* zero) noexcept {
  RtpPlace place;
  guint clock_rate = 0;
  GstBuffer* packet = nullptr;
  if (!gst_structure_get(report, "base-rtptime", G_TYPE_UINT64, &place.base_rtp, "base-time",
                         G_TYPE_UINT64, &place.base_time, "sr-ext-rtptime", G_TYPE_UINT64,
                         &place.report_rtp, "clock-rate", G_TYPE_UINT, &clock_rate, "sr-buffer",
                         GST_TYPE_BUFFER, &packet, nullptr)) {
    return;
  }
  const gst::Pointer<GstBuffer> owned(packet);
  place.clock_rate = clock_rate;
  GstMapInfo map;
  if (packet == nullptr || !gst_buffer_map(packet, &map, GST_MAP_READ)) return;
  const auto said = utc_of_report(std::as_bytes(std::span(map.data, map.size)));
  gst_buffer_unmap(packet, &map);
  const auto running = running_time_of(place);
  if (!said || !running) return;
  const base::Utc begin = *said - std::chrono::floor<std::chrono::microseconds>(*running);
  static_cast<Zero*>(zero)->store(begin.time_since_epoch().count(), std::memory_order_relaxed);
}

}  // namespace client::camera
