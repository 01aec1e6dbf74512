#include "client/camera/source_url.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "relay/base/credentials.hpp"

namespace client::camera {
namespace {

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t index = 0; index < text.size(); ++index) {
    if (text[index] != '%') {
      out += text[index];
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(index + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) return std::nullopt;
    if (value == 0) return std::nullopt;
    out += static_cast<char>(value);
    index += 2;
  }
  return out;
}

bool is_port(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value > 0 && value <= 65'535;
}

// `host`, `host:port`, `[address]` or `[address]:port`.
bool read_host(std::string_view text, SourceUrl& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    url.host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return false;
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return false;
  } else {
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = text.substr(colon + 1);
      if (port.empty()) return false;
    }
  }
  url.port = port;
  const bool is_clean =
      std::ranges::none_of(url.host, [](char letter) { return letter == ' ' || letter == '@'; });
  return !url.host.empty() && is_clean && (port.empty() || is_port(port));
}

}  // namespace

std::optional<SourceUrl> parse_source_url(std::string_view text) {
  const std::size_t scheme = text.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return std::nullopt;
  const auto is_control = [](unsigned char letter) { return std::iscntrl(letter) != 0; };
  if (std::ranges::any_of(text, is_control)) return std::nullopt;
  const std::string_view rest = text.substr(scheme + 3);
  const std::size_t path = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view authority = rest.substr(0, path);
  SourceUrl url;
  if (const std::size_t sign = authority.rfind('@'); sign != std::string_view::npos) {
    const std::string_view who = authority.substr(0, sign);
    const std::size_t colon = std::min(who.find(':'), who.size());
    const auto user = percent_decode(who.substr(0, colon));
    const auto password =
        percent_decode(colon < who.size() ? who.substr(colon + 1) : std::string_view{});
    if (!user || !password) return std::nullopt;
    url.credentials = {*user, *password};
    authority.remove_prefix(sign + 1);
  }
  if (!read_host(authority, url)) return std::nullopt;
  url.location = std::string(text.substr(0, scheme + 3)) + std::string(authority) +
                 std::string(rest.substr(path));
  return url;
}

void hide_passwords(int argc, char** argv) noexcept {
  for (int index = 1; index < argc; ++index) {
    const std::string_view text(argv[index]);
    std::size_t at = 0;
    while (const auto found = base::find_credentials(text, at)) {
      std::fill(argv[index] + found->begin, argv[index] + found->end, '*');
      at = found->end;
    }
    const std::size_t query = text.find('?');
    const bool is_camera = text.starts_with("rtsp://") || text.starts_with("rtsps://");
    if (is_camera && query != std::string_view::npos) {
      std::fill(argv[index] + query + 1, argv[index] + text.size(), '*');
    }
  }
}

}  // namespace client::camera
