#include "client/camera/sender_clock.hpp"

#include <algorithm>

#include "relay/base/byte_reader.hpp"
#include "relay/media/timescale.hpp"

namespace client::camera {
namespace {

constexpr std::uint64_t unknown = ~std::uint64_t{0};

}  // namespace

std::optional<base::Utc> utc_of_report(std::span<const std::byte> packet) noexcept {
  constexpr unsigned version = 2;
  constexpr unsigned sender_report = 200;
  constexpr std::int64_t from_1900_to_1970 = 2'208'988'800;  // seconds
  constexpr std::int64_t microseconds_per_second = 1'000'000;
  base::ByteReader in(packet);
  const unsigned flags = in.u8();
  const unsigned type = in.u8();
  in.skip(2 + 4);  // length, SSRC
  const std::int64_t seconds = in.u32();
  const std::int64_t fraction = in.u32();  // in 2^-32 s
  if (!in.ok() || flags >> 6 != version || type != sender_report || seconds == 0) {
    return std::nullopt;
  }
  const std::int64_t microseconds = (fraction * microseconds_per_second) >> 32;
  return base::Utc(std::chrono::microseconds(
      (seconds - from_1900_to_1970) * microseconds_per_second + microseconds));
}

std::optional<base::Duration> running_time_of(const RtpPlace& place) noexcept {
  constexpr std::uint32_t nanoseconds_per_second = 1'000'000'000;
  constexpr std::uint64_t rate_max = 1'000'000;
  if (place.base_rtp == unknown || place.base_time == unknown || place.report_rtp == unknown ||
      place.clock_rate == 0 || place.clock_rate > rate_max) {
    return std::nullopt;
  }
  const auto ticks = static_cast<std::int64_t>(place.report_rtp - place.base_rtp);
  return base::Duration(
      static_cast<std::int64_t>(place.base_time) +
      media::rescale(ticks, nanoseconds_per_second, static_cast<std::uint32_t>(place.clock_rate)));
}

base::Utc captured_at(base::Utc said, base::Utc arrival) noexcept {
  const bool is_believed = std::chrono::abs(said - arrival) <= sender_tolerance;
  return is_believed ? std::min(said, arrival) : arrival;
}

}  // namespace client::camera
