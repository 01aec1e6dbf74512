#include "relay/server/health.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "relay/http/characters.hpp"

namespace server {
namespace {

constexpr std::string_view scheme = "http://";
constexpr std::size_t sentence_bytes_max = 200;

std::string in_brackets(const std::string& host) {
  return host.find(':') == std::string::npos ? host : '[' + host + ']';
}

[[noreturn]] void fail(std::string_view url) {
  throw std::runtime_error("not a URL like http://127.0.0.1:8080/readyz: " + std::string(url));
}

bool is_visible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`. False: it is none of them.
bool read_authority(std::string_view text, HealthTarget& target) {
  const bool is_bracketed = text.starts_with('[');
  const std::size_t end = text.find(is_bracketed ? ']' : ':');
  if (is_bracketed && end == std::string_view::npos) return false;
  target.host = text.substr(is_bracketed ? 1 : 0, is_bracketed ? end - 1 : end);
  if (target.host.empty() || target.host.find('@') != std::string::npos) return false;
  text.remove_prefix(std::min(end + (is_bracketed ? 1 : 0), text.size()));
  target.port = 80;
  if (text.empty()) return true;
  const auto digits = text.substr(1);
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), target.port);
  return text.front() == ':' && http::is_digits(digits) && result.ec == std::errc() &&
         target.port != 0;
}

/// A listener on every address is asked on the loopback one of its family. IPv4 where there are
/// both: not every container has IPv6.
std::string reachable(const std::string& address) {
  return address == "::" || address == "0.0.0.0" ? "127.0.0.1" : address;
}

/// The first line of a body, as a terminal may show it.
std::string shown_line(std::string_view body) {
  std::string line(body.substr(0, std::min(body.find_first_of("\r\n"), sentence_bytes_max)));
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

std::optional<std::size_t> find_length(std::string_view head) {
  constexpr std::string_view field = "\r\ncontent-length:";
  std::string lower(head);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto at = lower.find(field);
  if (at == std::string::npos) return std::nullopt;
  const auto begin = at + field.size();
  const auto digits =
      http::trim(std::string_view(lower).substr(begin, lower.find("\r\n", begin) - begin));
  std::size_t length = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), length);
  return length;
}

}  // namespace

std::string HealthTarget::url() const {
  return std::string(scheme) + in_brackets(host) + ':' + std::to_string(port) + path;
}

HealthTarget parse_health_url(std::string_view url) {
  if (!url.starts_with(scheme) || !is_visible(url)) fail(url);
  const auto rest = url.substr(scheme.size());
  const auto slash = std::min(rest.find('/'), rest.size());
  HealthTarget target;
  if (!read_authority(rest.substr(0, slash), target)) fail(url);
  target.path = slash + 1 < rest.size() ? rest.substr(slash) : "/readyz";
  return target;
}

HealthTarget health_target(const control::Config& config, const std::string& path) {
  const bool is_proxied = config.http.proxy_protocol == control::ProxyProtocol::required;
  HealthTarget target;
  target.host = reachable(is_proxied ? config.admin.address : config.http.address);
  target.port = is_proxied ? config.admin.port : config.http.port;
  target.path = path;
  if (is_proxied) target.token = config.admin.token;
  if (target.port != 0) return target;
  throw std::runtime_error(std::string(is_proxied ? "admin.port" : "http.port") +
                           " is 0, so the relay has picked a port that nobody knows: give --url");
}

std::string write_health_request(const HealthTarget& target) {
  std::string request = "GET " + target.path + " HTTP/1.1\r\nHost: " + in_brackets(target.host) +
                        ':' + std::to_string(target.port) +
                        "\r\nUser-Agent: spancast-healthcheck\r\nConnection: close\r\n";
  if (!target.token.empty()) request += "Authorization: Bearer " + target.token + "\r\n";
  return request + "\r\n";
}

std::optional<HealthAnswer> read_health_answer(std::string_view received, bool is_end) {
  constexpr std::string_view version = "HTTP/1.";
  const bool is_http = received.substr(0, version.size()) == version.substr(0, received.size());
  if (!is_http || received.size() > health_answer_bytes_max) {
    return HealthAnswer{false, "this is no answer of a relay"};
  }
  const auto head_end = received.find("\r\n\r\n");
  if (head_end == std::string_view::npos) {
    if (!is_end) return std::nullopt;
    return HealthAnswer{false, received.empty() ? "the connection was closed without an answer"
                                                : "the answer ended too soon"};
  }
  const auto body = received.substr(head_end + 4);
  const auto length = find_length(received.substr(0, head_end + 2));
  if (!is_end && body.size() < length.value_or(health_answer_bytes_max)) return std::nullopt;
  // `HTTP/1.1 200 OK`
  const auto status = received.substr(version.size() + 2, 3);
  return HealthAnswer{status == "200", shown_line(status) + ": " + shown_line(body)};
}

}  // namespace server
