#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"

namespace client {

/// What is wrong with a URL. `describe()` is the sentence that a user reads.
enum class UrlErrc {
  no_scheme = 1,  ///< no `spancast://` or `http://` before it
  other_scheme,
  user,     ///< a user name or password
  no_host,  ///< nothing behind the scheme, or an unfinished `[address]`
  bad_host,
  bad_port,
  no_path,  ///< it names no stream
  bad_path,
  too_long,
};

const char* describe(UrlErrc errc) noexcept;

/// Where a stream is: `spancast://host[:port]/live/cam` over the wire protocol (port 8080), or
/// `http://host[:port]/live/cam.ts` (port 80).
struct Url {
  enum class Scheme : std::uint8_t { spancast, http };
  static constexpr std::size_t bytes_max = 2048;

  Scheme scheme = Scheme::spancast;
  std::string host;  ///< a name or an address, of IPv6 without brackets
  std::uint16_t port = 8080;
  std::string target;  ///< path and query, with the slash that begins it

  bool is_wire() const noexcept { return scheme == Scheme::spancast; }
  /// The name of the stream: the path without the slash; with the extension, if it has one.
  std::string_view path() const noexcept;
  /// What stands behind the last dot of the path's last segment; empty if there is none.
  std::string_view extension() const noexcept;
  /// `host:port`, of an IPv6 address with brackets.
  std::string authority() const;
  bool operator==(const Url&) const = default;
};

base::Result<Url> parse_url(std::string_view text);

}  // namespace client

template <>
struct boost::system::is_error_code_enum<client::UrlErrc> : std::true_type {};

namespace client {
inline boost::system::error_code make_error_code(UrlErrc errc) {
  static const base::ErrcCategory<UrlErrc> category{"url"};
  return {static_cast<int>(errc), category};
}
}  // namespace client
