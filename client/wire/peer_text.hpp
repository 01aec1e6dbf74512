#pragma once

#include <string>

#include <boost/asio/ip/tcp.hpp>

namespace client {

/// `127.0.0.1:8080`, `[::1]:8080`.
std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint);

/// The first line of what a peer says, at most 200 bytes, without what a terminal might take for a
/// command.
std::string first_line(const std::string& body);

}  // namespace client
