#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace http {

/// `path` with its percent-encoding undone. Only unreserved characters may be encoded: everything
/// else that needs it cannot occur in a path of ours, so `%2F` and `%00` never reach a comparison.
std::optional<std::string> decode_path(std::string_view path);

/// Why `stream` (`live/cam`) cannot be the name of a stream, as one line; nothing when it can. The
/// rules of design.md, section 5, without the reserved names.
std::optional<std::string> find_flaw(std::string_view stream);

/// Why a stream may not have this name although it has the form of one.
std::optional<std::string> find_reserved(std::string_view stream);

}  // namespace http
