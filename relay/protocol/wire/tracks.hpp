#pragma once

#include <span>
#include <vector>

#include "relay/media/track.hpp"
#include "relay/protocol/wire/message.hpp"

namespace wire {

/// What the rest of the relay calls a track. An unknown codec is Codec::unknown, and its kind is
/// guessed from what is said about picture and sound.
media::Track to_media(const Track& track);
std::vector<media::Track> to_media(const Tracks& tracks);

/// The other way. What is longer than the limits, and a language that is no word, is left out.
Track from_media(const media::Track& track);
/// `version` must not be 0; at most `tracks_max` of the tracks.
Tracks from_media(std::span<const media::Track> tracks, std::uint32_t version);

/// A version for tracks that nobody has numbered: made of what they say, so that the same tracks
/// have the same one wherever and whenever it is asked for. Never 0.
std::uint32_t version_of(const std::vector<Track>& tracks) noexcept;

}  // namespace wire
