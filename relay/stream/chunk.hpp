#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/media/container.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track_set.hpp"
#include "relay/memory/parcel.hpp"
#include "relay/memory/window_list.hpp"
#include "relay/protocol/wire/message.hpp"

namespace stream {

/// Media time of a log: ticks of 90 kHz; an epoch begins at 10 s.
using MediaTime = std::int64_t;
constexpr std::int64_t media_ticks_per_second = 90'000;

constexpr MediaTime to_media_time(base::Duration duration) noexcept {
  return duration.count() / 1'000 * 9 / 100;
}
constexpr base::Duration to_duration(MediaTime ticks) noexcept {
  return base::Duration(ticks * 100 / 9 * 1'000);
}

/// What a viewer needs before a sync chunk that it did not reach by reading, in the publisher's
/// container: shared by all who join there.
struct JoinImages {
  memory::WindowList start;  ///< for one who begins here
  memory::WindowList skip;   ///< for one who has read an earlier part
};

/// The unit of the log. The numbers are set where it is appended at home and travel with it; the
/// payload never changes. Movable; the windows belong to one worker.
struct Chunk {
  std::uint64_t sequence = 0;  ///< the place in the log, without holes
  /// What the chunk is called outside: by its publisher if that one numbers itself, else by us. An
  /// epoch of 0: the home gives it.
  wire::Position position;
  /// Why chunks before it are missing, for whoever follows positions; unspecified: none are, or it
  /// is the first. The home sets it.
  wire::GapReason gap = wire::GapReason::unspecified;
  base::Utc utc{};
  MediaTime time = 0;     ///< dts of the first frame
  MediaTime ahead = 0;    ///< by how much it was before its time when it arrived, as from a file
  base::Time received{};  ///< when its last byte arrived
  std::uint32_t segment = 0;
  std::uint32_t part = 0;
  std::uint32_t discontinuity = 0;
  bool sync = false;             ///< a decoder may begin here
  bool continues_frame = false;  ///< it begins inside a frame: whoever got the one before needs it
  bool is_frame_open = false;    ///< its last video frame goes on in the next chunk
  /// A response goes on only where this stays the same: its container cannot say what has changed.
  std::uint32_t generation = 0;
  media::Container container = media::Container::mpegts;
  std::uint16_t video_frames = 0;
  std::uint16_t audio_frames = 0;
  /// Of the arena, kept besides the payload: framing, and what was received but is not in a chunk.
  std::uint32_t overhead_bytes = 0;
  /// Shared by chunks and by workers: it never changes. The publisher's; in the log of a format
  /// that says others, those.
  std::shared_ptr<const media::TrackSet> tracks;
  /// The tracks as the wire tells them: of a publisher that came over it, and of every chunk in the
  /// log of a wire format. Likewise shared.
  std::shared_ptr<const wire::Tracks> wire_tracks;
  /// CRC32C over the payload of `samples`, if the publisher gave one: computed when first needed.
  std::optional<std::uint32_t> checksum;
  /// Log time minus the time on the publisher's wire; see `to_log_times()`. 0 of other publishers:
  /// their times are told as the log has them.
  MediaTime wire_offset = 0;
  /// Media time minus what its MPEG-TS timestamps say (or would say), modulo 2^33.
  MediaTime stamp_offset = 0;
  /// In log time, with the payload; only of containers that are not passed on as they came.
  std::vector<media::Sample> samples;
  /// Of containers that are: what was received.
  memory::WindowList bytes;
  /// `bytes` with the HTTP chunk framing that the publisher put around them, in one piece; empty
  /// where its chunks do not fit ours.
  memory::Window http_image;
  std::shared_ptr<const JoinImages> join;  ///< with sync chunks only; shared on one worker

  /// The same without payload.
  Chunk numbers() const;
  std::size_t payload_bytes() const noexcept;
  /// Of the arena that it keeps, join images included.
  std::size_t held_bytes() const noexcept;
};

/// A chunk on its way to another worker.
class ChunkParcel {
 public:
  /// Packs on the worker that owns `chunk`.
  explicit ChunkParcel(const Chunk& chunk);
  /// Opens on the worker that owns `pool`; once.
  Chunk open(memory::BlockPool& pool);

 private:
  Chunk numbers_;  // without windows
  std::vector<memory::Parcel> windows_;
  bool has_join_ = false;
  std::uint32_t start_count_ = 0;
  std::uint32_t skip_count_ = 0;
  std::uint32_t bytes_count_ = 0;
  std::vector<std::uint32_t> sample_counts_;  // windows of each
};

}  // namespace stream
