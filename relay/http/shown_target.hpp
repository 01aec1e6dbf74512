#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace http {

/// Longer targets and texts are cut off in a log.
constexpr std::size_t shown_bytes_max = 512;

/// A request target as a log may show it: of the query only the parameters that the relay knows;
/// whatever else is there may be a password or a token and is `***`, and so are credentials of
/// URLs.
std::string shown_target(std::string_view target);

/// `text` with `...` in place of what is beyond `shown_bytes_max`.
std::string cut_to_show(std::string_view text);

}  // namespace http
