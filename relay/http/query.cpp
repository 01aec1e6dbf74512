#include "relay/http/query.hpp"

#include <algorithm>

#include "relay/base/units.hpp"
#include "relay/http/characters.hpp"
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

std::optional<std::string> read_when(std::string_view name, std::string_view text,
                                     std::optional<When>& into) {
  if (into) return std::string(name) + " is given twice";
  if (text.starts_with('-')) {
    if (const auto before = base::parse_duration(text.substr(1))) into = -*before;
  } else if (const auto utc = base::parse_rfc3339(text)) {
    into = *utc;
  }
  if (into) return std::nullopt;
  return std::string(name) + ": a time like 2026-11-23T22:56:00Z, or one before now like -30s";
}

// Undoes the percent-encoding; nothing where it is malformed. A `+` is one: it stands in times.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    char c = text.front();
    if (c == '%') {
      const int high = text.size() < 3 ? -1 : hex_digit(text[1]);
      const int low = text.size() < 3 ? -1 : hex_digit(text[2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high << 4 | low);
      text.remove_prefix(2);
    }
    decoded += c;
    text.remove_prefix(1);
  }
  return decoded;
}

// One `name=value` of a request for media.
std::optional<std::string> read_parameter(std::string_view name, std::string_view value,
                                          MediaQuery& query) {
  const auto is_again = [](const auto& into) { return into.has_value(); };
  const auto twice = [name] { return std::string(name) + " is given twice"; };
  const auto duration = [&](const Bounds& bounds, auto& into) -> std::optional<std::string> {
    if (is_again(into)) return twice();
    if (!read_duration(value, bounds, into)) return bounds.refusal;
    return std::nullopt;
  };
  if (name == "wait") return duration(wait_bounds, query.wait);
  if (name == "max_lag") return duration(max_lag_bounds, query.max_lag);
  if (name == "flush") return duration(flush_bounds, query.flush);
  if (name == "at") return read_when(name, value, query.at);
  if (name == "slow") {
    if (is_again(query.slow)) return twice();
    if (!read_slow(value, query.slow)) return "slow: skip, catch_up or disconnect";
  }
  return std::nullopt;
}

// Likewise of one for a part of a recording.
std::optional<std::string> read_parameter(std::string_view name, std::string_view value,
                                          RangeQuery& query) {
  if (name == "from") return read_when(name, value, query.from);
  if (name == "to") return read_when(name, value, query.to);
  return std::nullopt;
}

// Likewise of one for what streams have used.
std::optional<std::string> read_parameter(std::string_view name, std::string_view value,
                                          UsageQuery& query) {
  if (name == "from") return read_when(name, value, query.from);
  if (name == "to") return read_when(name, value, query.to);
  if (name == "stream") {
    if (query.stream) return "stream is given twice";
    if (const auto flaw = find_flaw(value)) return "stream: " + *flaw;
    query.stream = value;
  }
  if (name == "format") {
    if (query.form) return "format is given twice";
    if (value != "json" && value != "csv") return "format: json or csv";
    query.form = value == "csv" ? UsageQuery::Form::csv : UsageQuery::Form::json;
  }
  return std::nullopt;
}

std::optional<std::string> read_id(std::string_view name, std::string_view text,
                                   std::optional<std::string>& into) {
  constexpr std::size_t digits = 32;
  if (into) return std::string(name) + " is given twice";
  const bool is_id = text.size() == digits && std::all_of(text.begin(), text.end(),
                                                          [](char c) { return hex_digit(c) >= 0; });
  if (!is_id) return std::string(name) + ": the 32 hexadecimal digits that name a token";
  into = text;
  return std::nullopt;
}

// Likewise of one about tokens.
std::optional<std::string> read_parameter(std::string_view name, std::string_view value,
                                          TokenQuery& query) {
  if (name == "id") return read_id(name, value, query.id);
  if (name == "after") return read_id(name, value, query.after);
  return std::nullopt;
}

template <class Query>
std::optional<std::string> read_parameters(std::string_view text, Query& query) {
  while (!text.empty()) {
    const std::size_t size = std::min(text.find('&'), text.size());
    const auto parameter = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const auto value = parameter.substr(std::min(equals + 1, parameter.size()));
    const std::string name = decode(parameter.substr(0, equals)).value_or("");
    if (auto refusal = read_parameter(name, decode(value).value_or(""), query)) return refusal;
  }
  return std::nullopt;
}

}  // namespace

base::Utc to_utc(const When& when, base::Utc now) noexcept {
  if (const auto* utc = std::get_if<base::Utc>(&when)) return *utc;
  return now + std::chrono::floor<std::chrono::microseconds>(std::get<base::Duration>(when));
}

std::optional<std::string> read_query(std::string_view text, MediaQuery& query) {
  return read_parameters(text, query);
}

std::optional<std::string> read_query(std::string_view text, RangeQuery& query) {
  return read_parameters(text, query);
}

std::optional<std::string> read_query(std::string_view text, UsageQuery& query) {
  return read_parameters(text, query);
}

std::optional<std::string> read_query(std::string_view text, TokenQuery& query) {
  return read_parameters(text, query);
}

}  // namespace http
