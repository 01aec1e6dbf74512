#pragma once

#include <gst/gst.h>

#include <optional>
#include <string_view>

#include "client/camera/inbox.hpp"
#include "client/camera/plan.hpp"

namespace client::camera {

/// What keeps a source from being opened at all, where GStreamer's own message would not say which
/// or why.
std::optional<Failure> check_source(const Plan& plan);

/// What a failed gst_parse_*() means for the user: a missing plugin or a wrong description.
Failure explain_parse_error(const GError& error, Options::Source source);

/// An error that an element has posted, as a sentence with what to do.
FailureEvent explain_error(const Plan& plan, const GError& error, std::string_view element);

}  // namespace client::camera
