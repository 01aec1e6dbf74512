#include "client/wire/url.hpp"

#include <algorithm>
#include <charconv>

namespace client {
namespace {

bool is_alphanumeric(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_of_name(char c) noexcept { return is_alphanumeric(c) || c == '-' || c == '.' || c == '_'; }

// Of an IPv6 address; with a zone, as in fe80::1%eth0.
bool is_of_address(char c) noexcept { return is_of_name(c) || c == ':' || c == '%'; }

bool is_visible(char c) noexcept { return c > ' ' && c < 0x7f; }

struct Authority {
  std::string_view host;
  std::string_view port;  // empty: none was given
};

base::Result<Authority> split_authority(std::string_view text) {
  Authority split;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return UrlErrc::no_host;
    split.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!std::ranges::all_of(split.host, is_of_address)) return UrlErrc::bad_host;
    if (!text.empty() && text.front() != ':') return UrlErrc::bad_host;
  } else {
    split.host = text.substr(0, text.find(':'));
    text.remove_prefix(split.host.size());
    if (!std::ranges::all_of(split.host, is_of_name)) return UrlErrc::bad_host;
  }
  if (split.host.empty()) return UrlErrc::no_host;
  if (text.empty()) return split;
  split.port = text.substr(1);
  if (split.port.empty()) return UrlErrc::bad_port;
  return split;
}

base::Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return UrlErrc::bad_port;
  }
  return port;
}

}  // namespace

const char* describe(UrlErrc errc) noexcept {
  switch (errc) {
    case UrlErrc::no_scheme:
      return "a URL begins with spancast:// or http://, as in spancast://localhost:8080/live/cam";
    case UrlErrc::other_scheme:
      return "the URL's scheme is not known; spancast:// and http:// are";
    case UrlErrc::user:
      return "the URL has a user name; there is no authentication";
    case UrlErrc::no_host:
      return "the URL names no host, as in spancast://localhost:8080/live/cam";
    case UrlErrc::bad_host:
      return "the URL's host is neither a name nor an address (an IPv6 address stands in [])";
    case UrlErrc::bad_port:
      return "the URL's port is not a number from 1 to 65535";
    case UrlErrc::no_path:
      return "the URL names no stream, as in spancast://localhost:8080/live/cam";
    case UrlErrc::bad_path:
      return "the URL's path has a character that must be percent-encoded, or a #";
    case UrlErrc::too_long:
      return "the URL is longer than 2048 bytes";
  }
  return "unknown error";
}

std::string_view Url::path() const noexcept {
  return std::string_view(target).substr(1, target.find('?') - 1);
}

std::string_view Url::extension() const noexcept {
  const std::string_view name = path().substr(path().rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

std::string Url::authority() const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return (is_ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

base::Result<Url> parse_url(std::string_view text) {
  if (text.size() > Url::bytes_max) return UrlErrc::too_long;
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return UrlErrc::no_scheme;
  const std::string_view scheme = text.substr(0, colon);
  Url url;
  if (scheme == "http") {
    url.scheme = Url::Scheme::http;
    url.port = 80;
  } else if (scheme != "spancast") {
    return UrlErrc::other_scheme;
  }
  text.remove_prefix(colon + 3);
  const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
  text.remove_prefix(authority.size());
  if (authority.find('@') != std::string_view::npos) return UrlErrc::user;
  const auto split = split_authority(authority);
  if (!split) return split.error();
  url.host = split->host;
  if (!split->port.empty()) {
    const auto port = parse_port(split->port);
    if (!port) return port.error();
    url.port = *port;
  }
  if (text.find('#') != std::string_view::npos) return UrlErrc::bad_path;
  if (!std::ranges::all_of(text, is_visible)) return UrlErrc::bad_path;
  if (text.size() < 2 || text.front() != '/' || text[1] == '?') return UrlErrc::no_path;
  url.target = text;
  return url;
}

}  // namespace client
