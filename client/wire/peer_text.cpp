#include "client/wire/peer_text.hpp"

#include <algorithm>
#include <charconv>

namespace client {

std::string to_text(const boost::asio::ip::tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(endpoint.port());
}

std::string first_line(const std::string& body) {
  constexpr std::size_t bytes_max = 200;
  std::string line = body.substr(0, std::min(body.find_first_of("\r\n"), bytes_max));
  for (char& c : line) {
    if (c < ' ' || c > '~') c = '?';
  }
  return line;
}

base::Duration retry_after_of(std::string_view field) {
  unsigned seconds = 0;
  std::from_chars(field.data(), field.data() + field.size(), seconds);
  return std::chrono::seconds(std::min(seconds, 3600U));
}

}  // namespace client
