#include "relay/http/head_rules.hpp"

#include <algorithm>
#include <charconv>

#include "relay/http/characters.hpp"
#include "relay/http/errc.hpp"
#include "relay/http/head_reader.hpp"

namespace http {
namespace {

// RFC 9112, 2.3. A version of the right shape that is not ours is 505, anything else is 400.
base::Result<void> check_version(std::string_view version) {
  if (version == "HTTP/1.1" || version == "HTTP/1.0") return {};
  constexpr std::string_view name = "HTTP/";
  if (!version.starts_with(name)) return Errc::bad_request_line;
  version.remove_prefix(name.size());
  const std::size_t dot = version.find('.');
  if (!is_digits(version.substr(0, dot))) return Errc::bad_request_line;
  if (dot != std::string_view::npos && !is_digits(version.substr(dot + 1))) {
    return Errc::bad_request_line;
  }
  return Errc::version_not_supported;
}

// RFC 9112, 3: method SP request-target SP HTTP-version, single spaces.
base::Result<void> check_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos) return Errc::bad_request_line;
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return Errc::bad_request_line;
  const auto target = line.substr(first + 1, second - first - 1);
  if (!is_token(line.substr(0, first)) || target.empty()) return Errc::bad_request_line;
  const bool visible =
      std::all_of(target.begin(), target.end(), [](char c) { return c > ' ' && c < 0x7f; });
  // A fragment is never sent (RFC 9112, 3.2).
  if (!visible || target.find('#') != std::string_view::npos) return Errc::bad_target;
  return check_version(line.substr(second + 1));
}

// RFC 9112, 5: no blank before the colon, no line that goes on from the one before (obs-fold).
base::Result<void> check_field_line(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return Errc::bad_field;
  return {};
}

// RFC 9110, 7.2 and RFC 3986, 3.2: a name or address and perhaps a port; no user information.
bool is_host(std::string_view host) {
  std::size_t name_size = host.rfind(':');
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos || close < 3) return false;
    const auto address = host.substr(1, close - 1);
    if (address.find_first_not_of("0123456789abcdefABCDEF:.") != std::string_view::npos) {
      return false;
    }
    if (close + 1 == host.size()) return true;
    if (host[close + 1] != ':') return false;
    name_size = close + 1;
  } else {
    const auto name = host.substr(0, name_size);
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_name_character)) return false;
  }
  if (name_size == std::string_view::npos) return true;
  const auto port = host.substr(name_size + 1);
  return port.size() <= 5 && (port.empty() || is_digits(port));
}

// RFC 9112, 3.2: origin form; absolute form, whose authority replaces Host; `*` for OPTIONS. The
// authority form belongs to CONNECT, which nobody here serves.
base::Result<void> read_target(RequestHead& head) {
  if (head.target.starts_with('/') || head.method_text == "CONNECT") return {};
  if (head.target == "*") {
    if (head.method == Method::options) return {};
    return Errc::bad_target;
  }
  const std::string_view target = head.target;
  const std::size_t scheme_size = target.find("://");
  if (scheme_size == std::string_view::npos) return Errc::bad_target;
  const auto scheme = target.substr(0, scheme_size);
  if (!equal_ignoring_case(scheme, "http") && !equal_ignoring_case(scheme, "https")) {
    return Errc::bad_target;
  }
  const std::size_t begin = scheme_size + 3;
  const std::size_t end = std::min(target.find_first_of("/?", begin), target.size());
  const auto authority = target.substr(begin, end - begin);
  if (!is_host(authority)) return Errc::bad_target;
  head.host = authority;
  std::string origin_form(target.substr(end));
  if (!origin_form.starts_with('/')) origin_form.insert(0, 1, '/');
  head.target = std::move(origin_form);
  return {};
}

struct Seen {
  const std::string* value = nullptr;
  std::size_t count = 0;
};

Seen look_up(const RequestHead& head, std::string_view name) {
  Seen seen;
  for (const auto& [field, value] : head.fields) {
    if (!equal_ignoring_case(field, name)) continue;
    if (seen.count++ == 0) seen.value = &value;
  }
  return seen;
}

base::Result<void> read_host(RequestHead& head) {
  const Seen host = look_up(head, "Host");
  if (host.count > 1 || (host.count == 0 && head.http_1_1)) return Errc::bad_host;
  if (host.count == 0) return {};
  if (!is_host(*host.value)) return Errc::bad_host;
  head.host = *host.value;
  return {};
}

// RFC 9112, 6: one Content-Length of digits, or one Transfer-Encoding that is exactly `chunked` (in
// HTTP/1.0 it is an error, 6.1), or neither. Lists and repetitions are refused even where equal.
base::Result<void> read_length(RequestHead& head) {
  const Seen length = look_up(head, "Content-Length");
  const Seen coding = look_up(head, "Transfer-Encoding");
  if (length.count + coding.count > 1) return Errc::bad_body_length;
  if (coding.count == 1) {
    if (!head.http_1_1 || !equal_ignoring_case(*coding.value, "chunked")) {
      return Errc::bad_body_length;
    }
    head.chunked = true;
  } else if (length.count == 1) {
    const std::string_view digits = *length.value;
    std::uint64_t bytes = 0;
    if (!is_digits(digits) ||
        std::from_chars(digits.data(), digits.data() + digits.size(), bytes).ec != std::errc()) {
      return Errc::bad_body_length;
    }
    head.content_length = bytes;
  }
  return {};
}

bool has_connection_option(const RequestHead& head, std::string_view option) {
  for (const auto& [field, value] : head.fields) {
    if (!equal_ignoring_case(field, "Connection")) continue;
    std::string_view list = value;
    while (!list.empty()) {
      const std::size_t comma = std::min(list.find(','), list.size());
      if (equal_ignoring_case(trim(list.substr(0, comma)), option)) return true;
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  return false;
}

// RFC 9112, 9.3: `close` wins over `keep-alive`.
void read_connection(RequestHead& head) {
  const bool close = has_connection_option(head, "close");
  const bool takes_body = head.method == Method::put || head.method == Method::post;
  const bool says_length = head.content_length || head.chunked;
  head.until_close = takes_body && !says_length && (close || !head.http_1_1);
  // Nobody reads the body of any other request, so nothing behind it can be a request either.
  const bool unread_body = !takes_body && head.has_body();
  head.keep_alive = !close && !head.until_close && !unread_body &&
                    (head.http_1_1 || has_connection_option(head, "keep-alive"));
  head.upgrade =
      head.http_1_1 && head.find("Upgrade") != nullptr && has_connection_option(head, "upgrade");
}

base::Result<void> read_once(const RequestHead& head, std::string_view name, std::string& into) {
  const Seen seen = look_up(head, name);
  if (seen.count > 1) return Errc::repeated_field;
  if (seen.count == 1) into = *seen.value;
  return {};
}

// RFC 9110, 5.3: fields of one name whose value is a list are one list.
std::string read_list(const RequestHead& head, std::string_view name) {
  std::string list;
  for (const auto& [field, value] : head.fields) {
    if (!equal_ignoring_case(field, name)) continue;
    if (!list.empty()) list += ", ";
    list += value;
  }
  return list;
}

// RFC 9110, 10.1.1; HTTP/1.0 knows no 100 and its expectation is ignored.
base::Result<void> read_expect(RequestHead& head) {
  std::string expect;
  if (auto read = read_once(head, "Expect", expect); !read) return read;
  if (!head.http_1_1 || expect.empty()) return {};
  if (!equal_ignoring_case(expect, "100-continue")) return Errc::expectation_failed;
  head.expect_continue = true;
  return {};
}

}  // namespace

base::Result<void> check_lines(std::string_view head) {
  std::size_t fields = 0;
  for (bool is_first = true;; is_first = false) {
    const std::size_t size = head.find("\r\n");
    if (size == std::string_view::npos) return Errc::bad_request;
    const auto line = head.substr(0, size);
    head.remove_prefix(size + 2);
    if (!is_first && line.empty()) break;
    if (!is_first && ++fields > head_fields_max) return Errc::head_too_large;
    const auto checked = is_first ? check_request_line(line) : check_field_line(line);
    if (!checked) return checked;
  }
  if (!head.empty()) return Errc::bad_request;
  return {};
}

base::Result<void> interpret(RequestHead& head) {
  if (auto read = read_host(head); !read) return read;
  if (auto read = read_target(head); !read) return read;
  if (auto read = read_length(head); !read) return read;
  read_connection(head);
  if (auto read = read_expect(head); !read) return read;
  if (auto read = read_once(head, "Authorization", head.authorization); !read) return read;
  if (auto read = read_once(head, "Origin", head.origin); !read) return read;
  if (auto read = read_once(head, "Content-Type", head.content_type); !read) return read;
  if (auto read = read_once(head, "Range", head.range); !read) return read;
  if (auto read = read_once(head, "If-Range", head.if_range); !read) return read;
  head.if_none_match = read_list(head, "If-None-Match");
  if (const auto* agent = head.find("User-Agent")) head.user_agent = *agent;
  return {};
}

}  // namespace http
