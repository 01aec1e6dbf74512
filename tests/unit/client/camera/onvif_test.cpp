#include "client/camera/onvif.hpp"

#include <doctest/doctest.h>

namespace client::camera::onvif {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("devices that answer a probe are known by their address and name") {
  const auto matches = read_matches(
      "<e:Envelope><e:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>\n"
      "urn:uuid:1</a:Address></a:EndpointReference><d:Scopes>onvif://www.onvif.org/type/ptz "
      "onvif://www.onvif.org/name/Front%20&amp;Door onvif://x</d:Scopes><d:XAddrs> "
      "http://10.0.0.5/onvif/device_service http://[fe80::5]/onvif/device_service</d:XAddrs>"
      "</d:ProbeMatch><d:ProbeMatch><d:XAddrs>http://10.0.0.6:8000/x</d:XAddrs></d:ProbeMatch>"
      "<d:ProbeMatch><d:XAddrs/></d:ProbeMatch></d:ProbeMatches></e:Body></e:Envelope>",
      "10.0.0.9");
  REQUIRE(matches.size() == 2);
  CHECK(matches[0] == Match{"urn:uuid:1", "http://10.0.0.5/onvif/device_service", "Front &Door"});
  CHECK(matches[1] == Match{"", "http://10.0.0.6:8000/x", ""});
}

TEST_CASE("of several addresses the one that answered is taken") {
  const auto one = [](const std::string& addresses) {
    const auto matches =
        read_matches("<ProbeMatch><XAddrs>" + addresses + "</XAddrs></ProbeMatch>", "10.0.0.9");
    return matches.empty() ? std::string() : matches[0].service;
  };
  CHECK(one("http://169.254.1.1/x http://10.0.0.9/x") == "http://10.0.0.9/x");
  CHECK(one("https://10.0.0.9/x\nhttp://169.254.1.1/x") == "http://169.254.1.1/x");
  CHECK(one("http://name.of.somebody/x") == "");
  CHECK(one("http:// http://10.0.0.9:99999/x garbage file:///etc/passwd") == "");
  CHECK(one("http://10.0.0.9/\x1B[2J") == "");
}

TEST_CASE("each device is listed once and so many of them at most") {
  std::vector<Match> known;
  const Match one{"urn:1", "http://10.0.0.1/", ""};
  add_matches(known, {one, one, {"urn:1", "http://10.0.1.1/", ""}, {"", "http://10.0.0.1/", ""}});
  CHECK(known == std::vector{one});
  add_matches(known, {{"", "http://10.0.0.2/", ""}, {"", "http://10.0.0.3/", ""}});
  CHECK(known.size() == 3);
  std::string xml;
  for (std::size_t count = 0; count < 2 * devices_max; ++count) {
    const std::string address = "http://10.0.7." + std::to_string(count) + "/";
    xml += "<ProbeMatch><XAddrs>" + address + "</XAddrs></ProbeMatch>";
    add_matches(known, {{"", address, ""}});
  }
  CHECK(known.size() == devices_max);
  CHECK(read_matches(xml, "").size() == devices_max);
}

TEST_CASE("what a device is called cannot command a terminal and is not long") {
  CHECK(printable("T\xC3\xBCr 1", 100) == "T\xC3\xBCr 1");
  CHECK(printable("a\x1B[2J\r\n\x7F", 100) == "a?[2J???");
  CHECK(printable("\xC2\x9B"
                  "2J \xE2\x80\xAE",
                  100) == "?2J ?");  // C1 and right-to-left
  CHECK(printable("\xFF\xFE", 100).size() <= 6);
  CHECK(printable(std::string(1000, 'x'), 100).size() == 100);
  CHECK(printable(std::string(1000, '\xC3'), 100).size() <= 100);
  const auto matches = read_matches("<ProbeMatch><Scopes>onvif://www.onvif.org/name/a%1B%5B2J" +
                                        std::string(5000, 'b') +
                                        "</Scopes><XAddrs>http://10.0.0.1/</XAddrs></ProbeMatch>",
                                    "");
  REQUIRE(matches.size() == 1);
  CHECK(matches[0].name.starts_with("a?[2Jbbb"));
  CHECK(matches[0].name.size() == name_bytes_max);
}

TEST_CASE("the way to a stream is read from the answers") {
  CHECK(read_media_service(
            "<c><tt:Analytics><tt:XAddr>http://a</tt:XAddr></tt:Analytics>"
            "<tt:Media><tt:XAddr>http://cam/m?a=1&amp;b=2</tt:XAddr></tt:Media></c>") ==
        "http://cam/m?a=1&b=2");
  const auto profiles = read_profiles(
      "<r><trt:Profiles fixed=\"true\" token=\"main\"><tt:Name>Main "
      "stream</tt:Name><tt:V><tt:Name>no"
      "</tt:Name></tt:V></trt:Profiles>\n<trt:Profiles token='sub'></trt:Profiles></r>");
  REQUIRE(profiles.size() == 2);
  CHECK(profiles[0] == Profile{"main", "Main stream"});
  CHECK(profiles[1] == Profile{"sub", ""});
  CHECK(read_stream_uri("<MediaUri><Uri>\n rtsp://cam/1 \n</Uri></MediaUri>") == "rtsp://cam/1");
}

TEST_CASE("what is no answer of theirs has nothing in it wherever it is cut") {
  const std::string whole = "<a><Profiles token=\"x\"><Name>n</Name></Profiles><Uri>u</Uri></a>";
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const std::string_view text = std::string_view(whole).substr(0, length);
    CHECK(read_profiles(text).size() <= 1);
    CHECK(read_matches(text, "").empty());
    CHECK_FALSE(read_media_service(text));
    read_stream_uri(text);
  }
  CHECK_FALSE(read_stream_uri("<Uri/>"));
  CHECK(read_profiles("<Profiles token=></Profiles><Profiles token=\"></Profiles>").empty());
}

TEST_CASE("a request carries the digest of the password and not the password") {
  const Stamp stamp{
      std::string("\x2C\xE1\xC8\xD4\x8B\x2F\x43\x1C\x8C\x3C\x0E\x1B\x58\x36\x9A\xF3", 16),
      "2026-11-26T05:00:00Z"};
  const std::string text = ask_profiles({"ad<min", "secret"}, stamp);
  CHECK(has(text, "<Username>ad&lt;min</Username>"));
  CHECK(has(text, "#PasswordDigest\">Jn5t7fvzqh10mlFmgWYdofWUx1c=</Password>"));
  CHECK(has(text, "<Nonce"));
  CHECK(has(text, "2026-11-26T05:00:00Z"));
  CHECK_FALSE(has(text, "secret"));
  CHECK_FALSE(has(ask_profiles({}, stamp), "Security"));
  CHECK(has(ask_stream_uri("a&b", {}, stamp), "<ProfileToken>a&amp;b</ProfileToken>"));
  CHECK(has(make_probe("some-id"), "urn:uuid:some-id"));
  CHECK(is_denied("<Value>ter:NotAuthorized</Value>"));
  CHECK_FALSE(is_denied("<Value>ter:ActionNotSupported</Value>"));
}

}  // namespace client::camera::onvif
