#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "relay/disk/chunk_box.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/media/container/fmp4/progressive_writer.hpp"

namespace disk {

/// What a clip's file says of the chunks that are put into it, one after the other:
///
/// - It begins with a sync chunk, and the edit list shows it from the video frame that is seen at
///   `from`. Audio that ended before that is left out, since it needs no chunk before it. It ends
///   at `to`: frames and audio that begin there or later are left out, in whichever chunk they
///   came.
/// - Times are those of the log, so gaps last as long as they did: the last frame before one is
///   seen until it is over, and there is no sound. Where a log's clock began anew, UTC tells.
/// - Times never go back: where a publisher takes over, audio that was heard already is left out,
/// and
///   a video frame moves behind the last.
/// - A track is one of a codec: another configuration is another sample entry of it, another codec,
///   or a second track of the same, another track.
class ClipMovie {
 public:
  /// How much later than a frame that ends the clip audio of the same time may have arrived.
  static constexpr base::Duration late_max = std::chrono::seconds(1);
  static constexpr std::size_t tracks_max = 16;

  ClipMovie(base::Utc from, base::Utc to) : from_(from), to_(to) {}

  /// All of it up to the end, wherever `from` is.
  void show_from_begin() noexcept { is_from_begin_ = true; }
  /// What comes has these tracks. `follows`: no chunk is missing before it.
  void begin_segment(const Head& head, bool follows);
  /// Lists the samples of the next chunk that are wanted, whose payload is going to lie at `offset`
  /// of the content. False when none is.
  bool add(const ChunkBox& box, std::uint64_t offset);
  /// What may still come is not wanted.
  bool is_complete() const noexcept { return is_complete_; }
  /// Its first frame is seen later than `from`: frames are decoded before they are seen, and the
  /// one seen at `from` lies before the sync frame. After the first chunk.
  bool begins_late() const noexcept;

  /// Of memory, and about those of `write()`.
  std::uint64_t bytes() const noexcept { return writer_.bytes(); }
  /// Tracks that MP4 cannot hold.
  const std::string& missing() const noexcept { return missing_; }
  bool is_empty() const noexcept { return writer_.samples() == 0; }
  base::Utc start() const noexcept { return utc_of(shown_start()); }
  base::Utc end() const noexcept { return utc_of(shown_end()); }
  /// The file up to its content, of which there are so many bytes.
  std::vector<std::byte> write(std::uint64_t content_bytes) const;

 private:
  using MediaTime = stream::MediaTime;
  struct Route {
    bool is_held = false;
    std::size_t track = 0;  // of the writer
    std::uint32_t timescale = 0;
  };
  struct Track {
    bool is_video = false;
    bool is_taken = false;  // by a track of this segment
    bool is_over = false;   // its first sample behind `to` has come
    std::optional<std::int64_t> last_dts{};
  };

  std::uint32_t timescale_for(const media::Track& track) const noexcept;
  std::optional<std::size_t> find_track(const media::Track& track);
  void place(const ChunkBox& box);
  bool add_sample(const ChunkBox::Sample& sample, std::uint64_t offset);
  bool is_heard_before(const fmp4::ProgressiveWriter::Sample& sample,
                       std::uint32_t timescale) const noexcept;
  MediaTime shown_start() const noexcept;
  MediaTime shown_end() const noexcept;
  base::Utc utc_of(MediaTime time) const noexcept;

  base::Utc from_;
  base::Utc to_;
  fmp4::ProgressiveWriter writer_;
  std::vector<Track> tracks_;  // of the writer
  std::vector<Route> routes_;  // from those of the segment
  std::string missing_;
  bool is_from_begin_ = false;
  bool is_placed_ = false;  // the clip's line goes on with the log's
  bool is_complete_ = false;

  // On the clip's line, in media time: that of the log of the first chunk.
  struct Origin {
    MediaTime time = 0;
    base::Utc utc{};
  };
  std::optional<Origin> origin_;
  MediaTime shift_ = 0;      // from the log's line to the clip's
  MediaTime from_time_ = 0;  // of `from`
  MediaTime to_time_ = 0;    // of `to`, as the last chunk tells it
  bool has_reached_to_ = false;
  MediaTime last_time_ = 0;                   // of the last chunk
  std::optional<MediaTime> begin_;            // of what was added
  MediaTime last_end_ = 0;                    // where what was added ends
  MediaTime video_step_ = 0;                  // how long the last video frame is seen
  std::optional<std::size_t> shown_track_;    // the first with video
  std::optional<std::int64_t> first_pts_;     // of it, in its timescale
  std::optional<std::int64_t> seen_at_from_;  // likewise
};

}  // namespace disk
