#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/camera/source_url.hpp"

// What is said to ONVIF devices and what they answer, without sockets: WS-Discovery 1.0 and the
// ONVIF Core and Media service, of which we need the RTSP URL.
namespace client::camera::onvif {

/// A device that answered a probe.
struct Match {
  std::string service;  ///< URL of its device service
  std::string name;     ///< as it calls itself; may be empty
  bool operator==(const Match&) const = default;
};
struct Profile {
  std::string token;
  std::string name;
  bool operator==(const Profile&) const = default;
};
/// What makes a digest of a password unique.
struct Stamp {
  std::string nonce;    ///< random bytes
  std::string created;  ///< the UTC, as 2026-11-26T05:00:00Z
};

/// To all devices of the network, by multicast. `id`: a UUID.
std::string make_probe(std::string_view id);
std::vector<Match> read_matches(std::string_view xml);

/// Requests. Without credentials they carry none; with them a digest (WS-Security UsernameToken).
std::string ask_services(const Credentials& credentials, const Stamp& stamp);
std::string ask_profiles(const Credentials& credentials, const Stamp& stamp);
std::string ask_stream_uri(std::string_view profile, const Credentials& credentials,
                           const Stamp& stamp);

/// URL of the media service.
std::optional<std::string> read_media_service(std::string_view xml);
std::vector<Profile> read_profiles(std::string_view xml);
std::optional<std::string> read_stream_uri(std::string_view xml);
/// The answer refuses user and password.
bool is_denied(std::string_view xml) noexcept;

}  // namespace client::camera::onvif
