#include "relay/http/router.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "relay/http/head_codec.hpp"

namespace http {
namespace {

using namespace std::chrono_literals;

constexpr const char* media_methods = "GET, HEAD, PUT, POST, OPTIONS";
constexpr const char* endpoint_methods = "GET, HEAD, OPTIONS";

Route route_of(const std::string& method, const std::string& target) {
  const auto head = parse_head(method + " " + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
  REQUIRE(head.has_value());
  return route(*head);
}

unsigned status_of_route(const std::string& method, const std::string& target) {
  const Route routed = route_of(method, target);
  if (routed.kind != RouteKind::error) return 200;
  CHECK(!routed.reason.empty());
  CHECK(routed.reason.find('\n') == std::string::npos);
  return routed.status;
}

}  // namespace

TEST_CASE("media goes to its stream") {
  for (const char* method : {"GET", "HEAD", "PUT", "POST"}) {
    const Route routed = route_of(method, "/live/cam.ts?wait=5&slow=skip");
    CHECK(routed.kind == RouteKind::media);
    CHECK(routed.stream == "live/cam");
    CHECK(routed.container == media::Container::mpegts);
    CHECK(routed.query.wait == 5s);
    CHECK(routed.query.slow == stream::SlowPolicy::skip);
  }
  CHECK(route_of("GET", "/cam.mp4").container == media::Container::fmp4);
  CHECK(route_of("GET", "/cam.v2.ts").stream == "cam.v2");
  CHECK(route_of("GET", "/cam.ts.ts").stream == "cam.ts");
  CHECK(route_of("GET", "/a/b/c/d/e/f/g/h.ts").stream == "a/b/c/d/e/f/g/h");
  CHECK(route_of("GET", "/%63am%2ets").stream == "cam");
  CHECK(route_of("GET", "http://other:99/live/cam.ts?").stream == "live/cam");
  CHECK(route_of("GET", "/" + std::string(64, 'a') + ".mp4").stream == std::string(64, 'a'));
}

TEST_CASE("endpoints are found by their exact path") {
  for (const char* method : {"GET", "HEAD"}) {
    CHECK(route_of(method, "/healthz").kind == RouteKind::healthz);
    CHECK(route_of(method, "/readyz?x=%00").kind == RouteKind::readyz);
    CHECK(route_of(method, "/metrics").kind == RouteKind::metrics);
    CHECK(route_of(method, "/api/v1/streams").kind == RouteKind::streams_api);
    CHECK(route_of(method, "/api/v1/usage").kind == RouteKind::usage_api);
  }
  CHECK(route_of("GET", "/%68ealthz").kind == RouteKind::healthz);
  for (const char* target : {"/healthy", "/api/v1", "/api/v2/streams", "/", "/favicon.ico",
                             "/Metrics", "/index.html", "/live/cam"}) {
    CAPTURE(target);
    CHECK(status_of_route("GET", target) == 404);
    CHECK(status_of_route("OPTIONS", target) == 404);
  }
}

TEST_CASE("a path that breaks a rule is refused whatever the method") {
  for (const char* method : {"GET", "PUT", "OPTIONS", "DELETE"}) {
    for (const char* target :
         {"/live/../cam.ts", "/..",           "/.ts",          "/live/.ts", "/live/.cam.ts",
          "//cam.ts",        "/live//cam.ts", "/live/cam.ts/", "/healthz/", "/live/%2e%2e/cam.ts",
          "/live%2Fcam.ts",  "/cam%00.ts",    "/cam%.ts",      "/a@b.ts",   "/a/b/c/d/e/f/g/h/i.ts",
          "/%252e.ts",       "/cam.ts%20",    "/live\\cam.ts", "/.mp4",     "/cam%0d%0a.ts"}) {
      CAPTURE(method);
      CAPTURE(target);
      CHECK(status_of_route(method, target) == 400);
    }
  }
  CHECK(status_of_route("GET", "/" + std::string(65, 'a') + ".ts") == 400);
}

TEST_CASE("reserved names are no streams") {
  for (const char* target : {"/api/cam.ts", "/admin.ts", "/healthz/cam.mp4", "/readyz.ts",
                             "/metrics/a/b.ts", "/assets/a.mp4"}) {
    CAPTURE(target);
    CHECK(status_of_route("PUT", target) == 400);
    CHECK(route_of("GET", target).reason.find("begin with the reserved name") != std::string::npos);
  }
  for (const char* target : {"/clip.mp4", "/index.ts", "/live/init.mp4", "/live/cam/clip.ts"}) {
    CAPTURE(target);
    CHECK(status_of_route("GET", target) == 400);
    CHECK(route_of("PUT", target).reason.find("end in the reserved name") != std::string::npos);
  }
}

TEST_CASE("parts of recordings are found below their stream") {
  for (const char* method : {"GET", "HEAD"}) {
    const Route clip = route_of(method, "/live/cam/clip.mp4?from=-2m&to=-30s");
    CHECK(clip.kind == RouteKind::clip);
    CHECK(clip.stream == "live/cam");
    CHECK(clip.range.from == When(base::Duration(-2min)));
    CHECK(clip.range.to == When(base::Duration(-30s)));
    const Route timeline = route_of(method, "/cam/%74imeline.json");
    CHECK(timeline.kind == RouteKind::timeline);
    CHECK(timeline.stream == "cam");
    CHECK(!timeline.range.from);
  }
  CHECK(route_of("GET", "/a/b/c/d/e/f/g/h/clip.mp4").stream == "a/b/c/d/e/f/g/h");
  CHECK(route_of("GET", "/cam/clip.mp4?from=x").reason.starts_with("from: a time like "));
  for (const char* target : {"/a/b/c/d/e/f/g/h/i/clip.mp4", "/.a/clip.mp4", "/a//clip.mp4",
                             "//timeline.json", "/api/timeline.json", "/api/v1/clip.mp4",
                             "/a/clip/clip.mp4", "/a/clip.mp4/clip.mp4?from=", "/a/hls/clip.mp4"}) {
    CAPTURE(target);
    CHECK(status_of_route("GET", target) == 400);
  }
  for (const char* target : {"/cam/clip.mp4", "/cam/timeline.json"}) {
    for (const char* method : {"PUT", "POST", "DELETE", "PATCH"}) {
      CHECK(status_of_route(method, target) == 405);
      CHECK(route_of(method, target).allow == endpoint_methods);
    }
    CHECK(route_of("OPTIONS", target).allow == endpoint_methods);
  }
  for (const char* target : {"/timeline.json", "/cam/clip.json", "/cam/timeline"}) {
    CHECK(status_of_route("GET", target) == 404);
  }
}

TEST_CASE("an unknown extension cannot be published and is not found") {
  for (const char* target : {"/live/cam", "/live/cam.flv", "/cam.TS", "/cam.m3u8", "/api/x", "/"}) {
    CAPTURE(target);
    CHECK(status_of_route("PUT", target) == 415);
    CHECK(status_of_route("POST", target) == 415);
    CHECK(status_of_route("GET", target) == 404);
    CHECK(status_of_route("HEAD", target) == 404);
  }
}

TEST_CASE("other methods are refused with those that are possible") {
  for (const char* method : {"DELETE", "PATCH", "TRACE", "get", "SOURCE"}) {
    CAPTURE(method);
    CHECK(status_of_route(method, "/live/cam.ts") == 405);
    CHECK(route_of(method, "/live/cam.ts").allow == media_methods);
    CHECK(status_of_route(method, "/healthz") == 405);
    CHECK(route_of(method, "/healthz").allow == endpoint_methods);
    CHECK(route_of(method, "/nowhere").allow == endpoint_methods);
  }
  for (const char* target :
       {"/healthz", "/readyz", "/metrics", "/api/v1/streams", "/api/v1/usage"}) {
    CHECK(status_of_route("PUT", target) == 405);
    CHECK(route_of("POST", target).allow == endpoint_methods);
  }
  CHECK(status_of_route("CONNECT", "a:443") == 405);
}

TEST_CASE("usage comes with its parameters") {
  const Route routed = route_of(
      "GET", "/api/v1/usage?format=csv&stream=live%2Fcam&from=2026-11-27T01:00:00%2B01:00");
  CHECK(routed.kind == RouteKind::usage_api);
  CHECK(routed.usage.form == UsageQuery::Form::csv);
  CHECK(routed.usage.stream == "live/cam");
  REQUIRE(routed.usage.from);
  CHECK(base::to_iso8601(std::get<base::Utc>(*routed.usage.from)) == "2026-11-27T00:00:00.000Z");
  CHECK_FALSE(routed.usage.to);
  const Route refused = route_of("GET", "/api/v1/usage?format=xml");
  CHECK(refused.status == 400);
  CHECK(refused.reason == "format: json or csv");
  CHECK(route_of("OPTIONS", "/api/v1/usage?format=xml").kind == RouteKind::options);
}

TEST_CASE("OPTIONS names what is possible") {
  CHECK(route_of("OPTIONS", "/live/cam.ts").kind == RouteKind::options);
  CHECK(route_of("OPTIONS", "/live/cam.ts?wait=x").allow == media_methods);
  CHECK(route_of("OPTIONS", "*").allow == media_methods);
  CHECK(route_of("OPTIONS", "/metrics").kind == RouteKind::options);
  CHECK(route_of("OPTIONS", "/metrics").allow == endpoint_methods);
}

TEST_CASE("sessions and revocations are about tokens") {
  const std::string id(32, 'a');
  for (const char* method : {"GET", "HEAD"}) {
    CHECK(route_of(method, "/api/v1/sessions").kind == RouteKind::sessions_api);
    CHECK(route_of(method, "/api/v1/sessions?after=" + id).token.after == id);
    CHECK(route_of(method, "/api/v1/revocations?x=y").kind == RouteKind::revocations_api);
  }
  const Route revoke = route_of("POST", "/api/v1/revocations?id=" + id);
  CHECK(revoke.kind == RouteKind::revoke);
  CHECK(revoke.token.id == id);
  for (const std::string& query :
       std::vector<std::string>{"", "?", "?id=", "?id=" + id + "a", "?id=" + id.substr(1) + "g",
                                "?id=" + id + "&id=" + id, "?after=" + id}) {
    CAPTURE(query);
    CHECK(status_of_route("POST", "/api/v1/revocations" + query) == 400);
  }
  CHECK(status_of_route("GET", "/api/v1/sessions?after=1") == 400);
  CHECK(status_of_route("POST", "/api/v1/sessions?id=" + id) == 405);
  CHECK(route_of("POST", "/api/v1/sessions").allow == endpoint_methods);
  for (const char* method : {"PUT", "DELETE"}) {
    CHECK(route_of(method, "/api/v1/revocations").allow == "GET, HEAD, POST, OPTIONS");
  }
  CHECK(route_of("OPTIONS", "/api/v1/revocations").allow == "GET, HEAD, POST, OPTIONS");
  CHECK(route_of("OPTIONS", "/api/v1/sessions").allow == endpoint_methods);
}

TEST_CASE("a malformed parameter is refused with its reason") {
  const Route routed = route_of("GET", "/live/cam.ts?flush=2s");
  CHECK(routed.kind == RouteKind::error);
  CHECK(routed.status == 400);
  CHECK(routed.reason == "flush: a duration from 0 to 1s, like 100ms");
}

}  // namespace http
