#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// Where in a text something stands.
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// What stands between `://` and `@` in the first URL (RFC 3986, 3.2.1) from `at` on that has it.
/// A password may have slashes and signs in it that it should not have: rather too much is found.
std::optional<TextRange> find_credentials(std::string_view text, std::size_t at = 0) noexcept;

/// `text` with all of that replaced by `***`: what may be a password is neither logged nor printed.
std::string hide_credentials(std::string_view text);

}  // namespace base
