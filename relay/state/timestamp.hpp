#pragma once

#include <google/protobuf/timestamp.pb.h>

#include <optional>

#include "relay/base/time.hpp"

namespace state {

/// A UTC as records have it.
google::protobuf::Timestamp to_timestamp(base::Utc utc);
/// Nothing for what is outside of the years 1 to 9999. What is less than a microsecond is cut off.
std::optional<base::Utc> to_utc(const google::protobuf::Timestamp& timestamp) noexcept;

}  // namespace state
