#pragma once

#include <cstddef>
#include <span>

#include "relay/base/result.hpp"
#include "relay/media/container/fmp4/nal_units.hpp"
#include "relay/media/track.hpp"

namespace fmp4 {

/// Reads the first sample entry of an `stsd` box's payload (ISO/IEC 14496-12, 8.5.2) into codec,
/// kind, picture size, sample rate, channels and config of `track`, whose kind says the handler.
/// Codecs that are not ours stay Codec::unknown. The record in `config` says lengths of four bytes,
/// as samples have them, and is empty while the parameter sets are not known.
base::Result<void> read_sample_description(std::span<const std::byte> stsd, media::Track& track,
                                           NalFormat& nal);

}  // namespace fmp4
