#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "relay/base/time.hpp"
#include "relay/stream/policy.hpp"

namespace http {

/// A time, or how far from now it is: never after it.
using When = std::variant<base::Utc, base::Duration>;
base::Utc to_utc(const When& when, base::Utc now) noexcept;

/// What a media request asks for besides the stream. Bounds that depend on the path's policy are
/// the server's to check.
struct MediaQuery {
  std::optional<base::Duration> wait;  ///< 0 to 60 s
  std::optional<stream::SlowPolicy> slow;
  std::optional<base::Duration> max_lag;  ///< over 0
  std::optional<base::Duration> flush;    ///< 0 to 1 s
  std::optional<When> at;                 ///< where it begins; nothing: live
};

/// Which part of a recording a request is about. The server checks their order.
struct RangeQuery {
  std::optional<When> from;
  std::optional<When> to;
};

/// Whose usage a request is about, and in which form it is answered. The server checks the order.
struct UsageQuery {
  enum class Form { json, csv };

  std::optional<When> from;
  std::optional<When> to;
  std::optional<std::string> stream;  ///< a path as a stream may have it; nothing: all streams
  std::optional<Form> form;           ///< nothing: JSON
};

/// Which token a request is about, or behind which of them a list goes on.
struct TokenQuery {
  std::optional<std::string> id;     ///< 32 hexadecimal digits
  std::optional<std::string> after;  ///< likewise
};

/// Reads what follows the `?` of a target into `query`; unknown parameters are skipped. Returns why
/// a known one is refused, as one line.
std::optional<std::string> read_query(std::string_view text, MediaQuery& query);
std::optional<std::string> read_query(std::string_view text, RangeQuery& query);
std::optional<std::string> read_query(std::string_view text, UsageQuery& query);
std::optional<std::string> read_query(std::string_view text, TokenQuery& query);

}  // namespace http
