#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "relay/control/config.hpp"

namespace server {

/// Where a relay is asked for its health.
struct HealthTarget {
  std::string host;  ///< a name, or an address without brackets
  std::uint16_t port = 0;
  std::string path;
  std::string token;  ///< empty: none is wanted

  std::string url() const;
};

/// `http://HOST[:PORT][/PATH]`; without a path it is `/readyz`. Throws std::runtime_error.
HealthTarget parse_health_url(std::string_view url);
/// Of the relay with this configuration on this machine: the public port, and the admin port where
/// that wants a PROXY header. Throws std::runtime_error when nobody can know the port.
HealthTarget health_target(const control::Config& config, const std::string& path);

/// The request as bytes.
std::string write_health_request(const HealthTarget& target);

struct HealthAnswer {
  bool is_good = false;
  std::string sentence;
};
/// More of an answer is not looked at.
constexpr std::size_t health_answer_bytes_max = 16 * 1024;
/// What has been received so far; nothing: the answer goes on. `is_end`: nothing more will come.
std::optional<HealthAnswer> read_health_answer(std::string_view received, bool is_end);

}  // namespace server
