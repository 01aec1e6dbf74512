#pragma once

#include <string>
#include <string_view>

#include <boost/asio/ip/tcp.hpp>

#include "relay/base/time.hpp"

namespace client {

/// `127.0.0.1:8080`, `[::1]:8080`.
std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

/// The first line of what a peer says, at most 200 bytes, without what a terminal might take for a
/// command.
std::string first_line(const std::string& body);

/// The value of a Retry-After field in seconds, at most an hour; 0 if it is none, or a date.
base::Duration retry_after_of(std::string_view field);

}  // namespace client
