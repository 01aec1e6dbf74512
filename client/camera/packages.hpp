#pragma once

#include <string>
#include <string_view>

namespace client::camera {

/// The Debian package that brings a GStreamer element we use; empty for others.
std::string_view package_of(std::string_view element) noexcept;

/// What happened and what to do where an element is missing.
std::string explain_missing(std::string_view element);

}  // namespace client::camera
