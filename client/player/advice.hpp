#pragma once

#include <string>

#include "client/wire/url.hpp"

namespace client {

/// What went wrong, and what to do about it where that is known.
std::string with_advice(const std::string& what, const Url& url);

}  // namespace client
