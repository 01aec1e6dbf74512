// A request target in: where it goes, judged again by the rules as they are written down (a path is
// one to eight segments of 1 to 64 of [A-Za-z0-9._~-], none beginning with a dot, some names
// reserved), and every refusal is one line. The first byte chooses the method.
#include <array>
#include <cstdint>
#include <regex>
#include <string>
#include <string_view>

#include "relay/base/assert.hpp"
#include "relay/base/time.hpp"
#include "relay/http/router.hpp"
#include "relay/http/stream_path.hpp"

namespace {

constexpr std::array methods = {http::Method::get,  http::Method::head,    http::Method::put,
                                http::Method::post, http::Method::options, http::Method::delete_,
                                http::Method::other};

bool is_name(const std::string& stream) {
  static const std::regex form(
      "[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}"
      "(/[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}){0,7}");
  static const std::regex reserved(
      "(api|admin|healthz|readyz|metrics|assets)(/.*)?"
      "|(.*/)?(index|clip|init|hls|embed|publish|snapshot|timeline)");
  return stream.size() < 600 && std::regex_match(stream, form) &&
         !std::regex_match(stream, reserved);
}

// Never after the clock, and never as far from it that reckoning fails.
void check_when(const std::optional<http::When>& when) {
  const base::Utc now(std::chrono::seconds(1'795'474'560));
  if (!when) return;
  const base::Utc utc = http::to_utc(*when, now);
  RELAY_ASSERT(std::holds_alternative<base::Utc>(*when) || utc <= now);
}

void check_query(const http::MediaQuery& query) {
  using namespace std::chrono_literals;
  RELAY_ASSERT(!query.wait || (*query.wait >= 0s && *query.wait <= 60s));
  RELAY_ASSERT(!query.max_lag || *query.max_lag > 0s);
  RELAY_ASSERT(!query.flush || (*query.flush >= 0s && *query.flush <= 1s));
  check_when(query.at);
}

// The query of what streams have used stands for itself.
void check_usage(std::string_view text) {
  http::UsageQuery query;
  const auto refusal = http::read_query(text, query);
  if (refusal) {
    for (const char c : *refusal) RELAY_ASSERT(c >= ' ' && c != 127);
    return;
  }
  check_when(query.from);
  check_when(query.to);
  RELAY_ASSERT(!query.stream || !http::find_flaw(*query.stream));
}

// A time that is read is written and read again, without what is less than a millisecond.
void check_time(std::string_view text) {
  const auto utc = base::parse_rfc3339(text);
  if (!utc) return;
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(*utc);
  if (milliseconds >= base::Utc{} && base::to_iso8601(milliseconds).size() == 24) {
    RELAY_ASSERT(base::parse_rfc3339(base::to_iso8601(*utc)) == base::Utc(milliseconds));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  check_time(std::string_view(reinterpret_cast<const char*>(data), size));
  check_usage(std::string_view(reinterpret_cast<const char*>(data), size));
  http::RequestHead head;
  head.method = methods[data[0] % methods.size()];
  head.target.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
  const http::Route route = http::route(head);
  switch (route.kind) {
    case http::RouteKind::media:
      RELAY_ASSERT(is_name(route.stream));
      check_query(route.query);
      break;
    case http::RouteKind::clip:
    case http::RouteKind::timeline:
      RELAY_ASSERT(is_name(route.stream));
      RELAY_ASSERT(head.method == http::Method::get || head.method == http::Method::head);
      check_when(route.range.from);
      check_when(route.range.to);
      break;
    case http::RouteKind::revoke:
      RELAY_ASSERT(head.method == http::Method::post && route.token.id->size() == 32);
      break;
    case http::RouteKind::usage_api:
      RELAY_ASSERT(head.method == http::Method::get || head.method == http::Method::head);
      check_when(route.usage.from);
      check_when(route.usage.to);
      RELAY_ASSERT(!route.usage.stream || !http::find_flaw(*route.usage.stream));
      break;
    case http::RouteKind::error:
      RELAY_ASSERT(route.status >= 400 && route.status < 500 && !route.reason.empty());
      RELAY_ASSERT((route.status == 405) == !route.allow.empty());
      for (const char c : route.reason) RELAY_ASSERT(c >= ' ' && c != 127);
      break;
    case http::RouteKind::options:
      RELAY_ASSERT(head.method == http::Method::options && !route.allow.empty());
      break;
    default:
      RELAY_ASSERT(head.method == http::Method::get || head.method == http::Method::head);
  }
  // What has the form of a name is one, in both containers.
  const std::string stream = head.target.substr(std::min<std::size_t>(1, head.target.size()));
  if (head.target.starts_with('/') && is_name(stream) && head.method == http::Method::get) {
    for (const char* extension : {".ts", ".mp4"}) {
      head.target = '/' + stream + extension;
      RELAY_ASSERT(http::route(head).kind == http::RouteKind::media);
      RELAY_ASSERT(http::route(head).stream == stream);
    }
    head.target = '/' + stream + "/clip.mp4";
    RELAY_ASSERT(http::route(head).kind == http::RouteKind::clip);
    RELAY_ASSERT(http::route(head).stream == stream);
  }
  return 0;
}
