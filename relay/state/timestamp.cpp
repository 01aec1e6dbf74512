#include "relay/state/timestamp.hpp"

namespace state {
namespace {

// google/protobuf/timestamp.proto: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z.
constexpr std::int64_t seconds_min = -62'135'596'800;
constexpr std::int64_t seconds_max = 253'402'300'799;
constexpr std::int32_t nanos_end = 1'000'000'000;

}  // namespace

google::protobuf::Timestamp to_timestamp(base::Utc utc) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(utc);
  google::protobuf::Timestamp timestamp;
  timestamp.set_seconds(seconds.time_since_epoch().count());
  timestamp.set_nanos(static_cast<std::int32_t>((utc - seconds).count() * 1'000));
  return timestamp;
}

std::optional<base::Utc> to_utc(const google::protobuf::Timestamp& timestamp) noexcept {
  const bool is_valid = timestamp.seconds() >= seconds_min && timestamp.seconds() <= seconds_max &&
                        timestamp.nanos() >= 0 && timestamp.nanos() < nanos_end;
  if (!is_valid) return std::nullopt;
  return base::Utc(std::chrono::seconds(timestamp.seconds()) +
                   std::chrono::microseconds(timestamp.nanos() / 1'000));
}

}  // namespace state
