#include "relay/http/query.hpp"

#include <algorithm>

#include "relay/base/units.hpp"
#include "relay/http/stream_path.hpp"

namespace http {
namespace {

using namespace std::chrono_literals;

struct Bounds {
  base::Duration least;
  base::Duration most;
  const char* refusal;
};

constexpr Bounds wait_bounds{0s, 60s, "wait: seconds from 0 to 60"};
constexpr Bounds max_lag_bounds{1ns, base::Duration::max(), "max_lag: a duration over 0, like 3s"};
constexpr Bounds flush_bounds{0s, 1s, "flush: a duration from 0 to 1s, like 100ms"};

bool read_duration(std::string_view text, const Bounds& bounds,
                   std::optional<base::Duration>& into) {
  const auto duration = base::parse_duration(text);
  if (!duration || *duration < bounds.least || *duration > bounds.most) return false;
  into = *duration;
  return true;
}

bool read_slow(std::string_view text, std::optional<stream::SlowPolicy>& into) {
  if (text == "skip") {
    into = stream::SlowPolicy::skip;
  } else if (text == "catch_up") {
    into = stream::SlowPolicy::catch_up;
  } else if (text == "disconnect") {
    into = stream::SlowPolicy::disconnect;
  } else {
    return false;
  }
  return true;
}

// One `name=value`. Values of ours are plain characters, so what must be encoded is malformed.
std::optional<std::string> read_parameter(std::string_view name, std::string_view text,
                                          MediaQuery& query) {
  const auto is_again = [](const auto& into) { return into.has_value(); };
  const auto twice = [name] { return std::string(name) + " is given twice"; };
  const std::string value = decode_path(text).value_or("");
  const auto duration = [&](const Bounds& bounds, auto& into) -> std::optional<std::string> {
    if (is_again(into)) return twice();
    if (!read_duration(value, bounds, into)) return bounds.refusal;
    return std::nullopt;
  };
  if (name == "wait") return duration(wait_bounds, query.wait);
  if (name == "max_lag") return duration(max_lag_bounds, query.max_lag);
  if (name == "flush") return duration(flush_bounds, query.flush);
  if (name == "slow") {
    if (is_again(query.slow)) return twice();
    if (!read_slow(value, query.slow)) return "slow: skip, catch_up or disconnect";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_query(std::string_view text, MediaQuery& query) {
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('&'), text.size());
    const auto parameter = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const auto value = parameter.substr(std::min(equals + 1, parameter.size()));
    const std::string name = decode_path(parameter.substr(0, equals)).value_or("");
    if (auto refusal = read_parameter(name, value, query)) return refusal;
  }
  return std::nullopt;
}

}  // namespace http
