#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace client::camera {

/// Who may use a camera. Never printed.
struct Credentials {
  std::string user;
  std::string password;
  bool operator==(const Credentials&) const = default;
};

/// Where a camera is, without who may use it: this may be printed.
struct SourceUrl {
  std::string location;
  std::string host;  ///< of IPv6 without brackets
  std::string port;  ///< empty: the usual one
  Credentials credentials;
};

/// `scheme://[user[:password]@]host[:port][/path]`, user and password percent-decoded. Nothing if
/// it makes no sense.
std::optional<SourceUrl> parse_source_url(std::string_view text);

/// Wipes the credentials of URLs, and what stands behind the `?` of an rtsp:// URL (cameras exist
/// that want a password there), in the memory that others see in the list of processes, right at
/// the start: the arguments must have been copied.
void hide_passwords(int argc, char** argv) noexcept;

}  // namespace client::camera
