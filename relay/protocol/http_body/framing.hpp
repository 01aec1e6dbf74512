#pragma once

#include <cstddef>
#include <span>

#include "relay/memory/window_list.hpp"

namespace http_body {

/// The payload together with the chunk framing that its sender put around it, as one window, where
/// that is a well-formed sequence of chunks as it stands (RFC 9112, 7.1): each window has its size
/// line right before it and CRLF right behind, and nothing else lies between. Empty otherwise.
/// `written` is the part of the payload's block that was received and never changes again.
///
/// It looks at bytes only, so it does not matter how they came to lie there: what it returns is
/// framed properly whatever a publisher sent.
memory::Window find_framing(const memory::WindowList& payload, std::span<const std::byte> written);

}  // namespace http_body
