#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "relay/base/time.hpp"

namespace client::camera {

/// How far a camera's clock may be off before it is not believed.
inline constexpr std::chrono::seconds sender_tolerance{10};

/// The UTC that an RTCP sender report says (RFC 3550, 6.4.1); nothing if it is none, or says none.
std::optional<base::Utc> utc_of_report(std::span<const std::byte> packet) noexcept;

/// Where a sender report stands, as GStreamer's jitter buffer says it: RTP times without wraps, and
/// the running time in nanoseconds that one of them stands for. All ones: not known.
struct RtpPlace {
  std::uint64_t base_rtp = 0;
  std::uint64_t base_time = 0;   ///< of `base_rtp`
  std::uint64_t report_rtp = 0;  ///< of the report
  std::uint64_t clock_rate = 0;  ///< RTP ticks per second
};
/// The running time of the report.
std::optional<base::Duration> running_time_of(const RtpPlace& place) noexcept;

/// When a frame was captured: as the camera says (from RTCP sender reports), unless its clock is
/// off by more than the tolerance, and never later than it arrived.
base::Utc captured_at(base::Utc said, base::Utc arrival) noexcept;

}  // namespace client::camera
