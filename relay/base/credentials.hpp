#pragma once

#include <string>
#include <string_view>

namespace base {

/// `text` with what stands between `://` and `@` in its URLs (RFC 3986, 3.2.1) replaced by `***`:
/// what may be a password is neither logged nor printed.
std::string hide_credentials(std::string_view text);

}  // namespace base
