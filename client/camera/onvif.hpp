#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/camera/source_url.hpp"

// What is said to ONVIF devices and what they answer, without sockets: WS-Discovery 1.0 and the
// ONVIF Core and Media service, of which we need the RTSP URL.
namespace client::camera::onvif {

/// More devices, or profiles of one device, are left out.
inline constexpr std::size_t devices_max = 64;
inline constexpr std::size_t profiles_max = 64;
/// Of a name that is printed.
inline constexpr std::size_t name_bytes_max = 100;

/// A device that answered a probe.
struct Match {
  std::string id;       ///< of the device, the same at each of its addresses; may be empty
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
/// What `sender`, an address, answered. Of a device with several addresses the one it sent from, or
/// else the first. Only http:// and addresses: a name would have to be looked up for a stranger.
std::vector<Match> read_matches(std::string_view xml, std::string_view sender);
/// Adds those that are not known yet, up to `devices_max`.
void add_matches(std::vector<Match>& known, std::vector<Match> found);
/// What comes from the network, for a terminal: at most so many bytes, and nothing that it takes
/// for a command.
std::string printable(std::string_view text, std::size_t bytes_max);

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
