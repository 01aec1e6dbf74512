#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "relay/base/result.hpp"
#include "relay/disk/segment.hpp"
#include "relay/media/track_set.hpp"

namespace disk {

/// What a segment begins with: ftyp and moov for players (the track with index i has track_ID i + 1
/// there, if MP4 can hold it), then this box.
///
///      0  size 4 | "uuid" 4 | user type 16
///     24  version 1 | gap reason 1 | version of the tables, 0x80: ids are PIDs 1 | number of
///     tracks 1 28  epoch 8 36  stream: length 2, text
///         tracks as the wire tells them: length 4, a message of schemas/wire.proto
///         for each track: id 4 | kind 1 | configuration: length 4, bytes; only if the wire leaves
///         it out
///         CRC32C 4: of the file up to here
struct Head {
  std::string stream;
  std::uint64_t epoch = 0;
  GapReason gap = GapReason::none;  ///< before the segment
  std::shared_ptr<const media::TrackSet> tracks;
  std::shared_ptr<const wire::Tracks> wire_tracks;  ///< one for each of those
};

inline constexpr std::size_t head_bytes_max = 1 << 20;

/// Whether nothing but what is counted differs.
bool are_alike(const media::TrackSet& a, const media::TrackSet& b);

/// With ftyp and moov.
std::string write_head(const Head& head);
/// `bytes`: everything before the first record.
base::Result<Head> read_head(std::span<const std::byte> bytes);
/// How long it is; `bytes` is the begin of a file. Errc::bad_head: none, or the file ends in it.
base::Result<std::size_t> find_head(std::span<const std::byte> bytes) noexcept;

}  // namespace disk
