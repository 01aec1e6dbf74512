// What an ONVIF device, or anybody on its network, answers: bounded in number and in size, nothing
// that a terminal takes for a command, and no password of a URL is printed.
#include "client/camera/onvif.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "client/camera/source_url.hpp"
#include "relay/base/assert.hpp"
#include "relay/base/credentials.hpp"

namespace {

using namespace client::camera;

void check_printable(std::string_view text, std::size_t bytes_max) {
  const std::string shown = onvif::printable(text, bytes_max);
  RELAY_ASSERT(shown.size() <= bytes_max);
  const auto is_control = [](char letter) {
    return (letter >= 0 && letter < ' ') || letter == 127;
  };
  RELAY_ASSERT(std::none_of(shown.begin(), shown.end(), is_control));
}

void check_url(std::string_view text) {
  const auto url = parse_source_url(text);
  if (!url) return;
  RELAY_ASSERT(!url->host.empty());
  // Once hidden, nothing is left to hide.
  const std::string hidden = base::hide_credentials(text);
  RELAY_ASSERT(base::hide_credentials(hidden) == hidden);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view xml(reinterpret_cast<const char*>(data), size);
  std::vector<onvif::Match> known;
  for (const char* sender : {"", "192.168.1.20"}) {
    const auto matches = onvif::read_matches(xml, sender);
    RELAY_ASSERT(matches.size() <= onvif::devices_max);
    for (const auto& match : matches) {
      RELAY_ASSERT(match.service.starts_with("http://"));
      check_printable(match.name, onvif::name_bytes_max);
    }
    onvif::add_matches(known, matches);
    RELAY_ASSERT(known.size() <= onvif::devices_max);
  }
  const auto profiles = onvif::read_profiles(xml);
  RELAY_ASSERT(profiles.size() <= onvif::profiles_max);
  for (const auto& profile : profiles) check_printable(profile.name, onvif::name_bytes_max);
  if (const auto service = onvif::read_media_service(xml)) check_url(*service);
  if (const auto uri = onvif::read_stream_uri(xml)) check_url(*uri);
  static_cast<void>(onvif::is_denied(xml));
  check_printable(xml, 16);
  check_url(xml);
  return 0;
}
