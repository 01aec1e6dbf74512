#include "relay/http/forwarded.hpp"

#include <algorithm>
#include <string>

#include "relay/http/characters.hpp"
#include "relay/http/errc.hpp"

namespace http {
namespace {

constexpr std::string_view x_forwarded_for_name = "X-Forwarded-For";
constexpr std::string_view forwarded_name = "Forwarded";
// The longest address with brackets and port has 53.
constexpr std::size_t node_bytes_max = 64;

std::optional<base::Endpoint> parse_node(std::string_view text) {
  if (text.size() > node_bytes_max) return std::nullopt;
  // RFC 7239, 6.2: a port may be hidden: `192.0.2.1:_gazonk`.
  if (const auto hidden = text.find(":_"); hidden != std::string_view::npos) {
    text = text.substr(0, hidden);
  }
  return base::parse_endpoint(text);
}

/// The newest hops of a chain that is read from its beginning.
class Chain {
 public:
  void add(std::optional<base::Endpoint> hop) {
    if (hops_.size() == forwarded_hops_max) hops_.erase(hops_.begin());
    hops_.push_back(hop);
  }
  ForwardedHops last_first() && {
    std::reverse(hops_.begin(), hops_.end());
    return std::move(hops_);
  }

 private:
  ForwardedHops hops_;
};

void read_list(std::string_view list, Chain& chain) {
  while (!list.empty()) {
    const std::size_t size = std::min(list.find(','), list.size());
    const auto entry = trim(list.substr(0, size));
    list.remove_prefix(std::min(size + 1, list.size()));
    if (!entry.empty()) chain.add(parse_node(entry));
  }
}

/// Reads one field `Forwarded`, front to back.
class ForwardedReader {
 public:
  explicit ForwardedReader(std::string_view text) : rest_(trim(text)) {}

  /// False: it is malformed.
  bool read(Chain& chain) {
    while (!rest_.empty()) {
      if (rest_.front() != ',' && !read_element(chain)) return false;
      skip_spaces();
      if (!rest_.empty() && !take(',')) return false;
      skip_spaces();
    }
    return true;
  }

 private:
  // `for=192.0.2.43;proto=http;by=203.0.113.60`
  bool read_element(Chain& chain) {
    std::optional<std::string> node;
    do {
      skip_spaces();
      const auto name = take_token();
      std::string value;
      if (name.empty() || !take('=') || !read_value(value)) return false;
      if (equal_ignoring_case(name, "for")) {
        if (node) return false;
        node = std::move(value);
      }
      skip_spaces();
    } while (take(';'));
    chain.add(node ? parse_node(*node) : std::nullopt);
    return true;
  }

  bool read_value(std::string& value) {
    if (take('"')) return read_quoted(value);
    // Proxies write addresses with colons and brackets without the quotes that they should have.
    const auto end = std::min(rest_.find_first_of("\",; \t="), rest_.size());
    value = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return !value.empty();
  }

  bool read_quoted(std::string& value) {
    while (!rest_.empty()) {
      char c = take_one();
      if (c == '"') return true;
      if (c == '\\') {
        if (rest_.empty()) return false;
        c = take_one();
      }
      value += c;
    }
    return false;
  }

  std::string_view take_token() {
    const auto end = std::min(rest_.find_first_of("\",; \t="), rest_.size());
    const auto token = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return is_token(token) ? token : std::string_view();
  }
  char take_one() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t"), rest_.size()));
  }

  std::string_view rest_;
};

}  // namespace

ForwardedHops read_x_forwarded_for(const RequestHead& head) {
  Chain chain;
  for (const auto& [name, value] : head.fields) {
    if (equal_ignoring_case(name, x_forwarded_for_name)) read_list(value, chain);
  }
  return std::move(chain).last_first();
}

base::Result<ForwardedHops> read_forwarded(const RequestHead& head) {
  Chain chain;
  for (const auto& [name, value] : head.fields) {
    if (!equal_ignoring_case(name, forwarded_name)) continue;
    if (!ForwardedReader(value).read(chain)) return Errc::bad_forwarded;
  }
  return std::move(chain).last_first();
}

}  // namespace http
