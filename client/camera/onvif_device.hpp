#pragma once

#include <string>
#include <variant>
#include <vector>

#include "client/camera/inbox.hpp"
#include "client/camera/onvif.hpp"
#include "client/camera/source_url.hpp"
#include "relay/base/result.hpp"

// ONVIF over sockets. Blocks, each question for at most `answer_max`.
namespace client::camera::onvif {

inline constexpr std::chrono::seconds answer_max{5};
/// How long devices are listened to behind a probe.
inline constexpr std::chrono::seconds discovery_time{3};
/// What a device may take in all to tell its streams to `--discover`.
inline constexpr std::chrono::seconds listing_time{5};
inline constexpr std::size_t answer_bytes_max = 1024 * 1024;

/// Asks the network by multicast on every interface that is up. An error: no probe could be sent.
base::Result<std::vector<Match>> discover();

/// What `--discover` prints: each device and where its streams are, or why it does not tell. All
/// are asked at the same time.
std::string list_devices(const std::vector<Match>& matches, const Credentials& credentials);

/// The RTSP URL of `onvif://HOST[:PORT][/PROFILE]`: of the profile with that token or name, else of
/// the first. Or why there is none, and what would help.
std::variant<std::string, FailureEvent> find_stream(const SourceUrl& device,
                                                    const Credentials& credentials);

}  // namespace client::camera::onvif
