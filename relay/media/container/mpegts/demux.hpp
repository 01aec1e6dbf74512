#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/media/codec/frame_scanner.hpp"
#include "relay/media/container/mpegts/packet.hpp"
#include "relay/media/container/mpegts/pes.hpp"
#include "relay/media/container/mpegts/pid_table.hpp"
#include "relay/media/container/mpegts/program_tables.hpp"

namespace mpegts {

/// What was seen, since the beginning.
struct Counters {
  std::uint64_t packets = 0;
  std::uint64_t dropped_bytes = 0;  ///< before the first PAT, or not in packets
  std::uint64_t cut_bytes = 0;      ///< of the packet that the end cut
  std::uint64_t resyncs = 0;
  std::uint64_t bad_sections = 0;  ///< of tables: a wrong CRC, or lengths that lie
  std::uint64_t continuity_errors = 0;
  std::uint64_t bad_packets = 0;  ///< with the error bit, or an adaptation field that is too long
  std::uint64_t bad_pes = 0;      ///< without a start code, or of another length than they say
  std::uint64_t unfollowed_packets = 0;  ///< of PIDs for which there was no room any more
  std::uint64_t long_frames = 0;         ///< pieces cut where no frame ended
  std::uint64_t video_frames = 0;
  std::uint64_t audio_frames = 0;
  std::uint64_t ended_by_length = 0;  ///< video frames of the reference program, as the next three
  std::uint64_t ended_by_stuffing = 0;
  std::uint64_t ended_by_start = 0;
  std::uint64_t ended_by_time = 0;  ///< or by the end, or by a piece grown too large
  std::uint64_t joins_failed = 0;   ///< no block for a join image: the piece is not a sync piece
};

/// Follows tables, streams and frames packet by packet and knows where pieces are to be cut; the
/// Reader cuts them. The *reference* is the first video track of the first program with video, else
/// the first audio track.
class Demux {
 public:
  /// Who decides where pieces end.
  enum class Lead : std::uint8_t { none, audio, video };

  /// What a piece holds.
  struct Piece {
    bool is_sync = false;
    bool begins_unit = false;  ///< the first of its reference video does
    std::optional<std::int64_t> dts;
    std::uint32_t video_frames = 0;
    std::uint32_t audio_frames = 0;
  };
  Demux();

  /// To be called with every input, before its packets.
  void set_time(base::Time now) noexcept;

  /// The packet begins a frame while the one before it is in the piece and not known to have ended;
  /// that one has ended now.
  bool cuts_before(const Packet& packet) noexcept;
  /// Most packets are the middle of a video frame, where there is nothing to see: true if this one
  /// is and was taken.
  bool take_inner(const Packet& packet) noexcept {
    if (!is_inside_frame_ || !packet.is_plain()) return false;
    const auto slot = pids_.find(packet.pid());
    if (slot != video_slot_ || !pids_.is_next(slot, packet.counter())) return false;
    if (!streams_[video_].pes.take_inner(packet_bytes - 4)) return false;
    pids_.set_counter(slot, packet.counter());
    ++counters_.packets;
    has_video_ = true;
    return true;
  }
  enum class Took : std::uint8_t { more, end, too_many_tracks };
  /// Looks at the packet; `end`: the piece ends with it.
  Took take(const Packet& packet);
  /// The piece ends here; `is_forced`: though nothing says that a frame ended.
  Piece end_piece(bool is_forced) noexcept;
  /// The next packet begins a piece. Until then counters are those before the piece that ended.
  void begin_piece() noexcept { pids_.mark(); }

  Lead lead() const noexcept { return lead_; }
  /// The piece holds bytes of a reference frame that is not known to have ended.
  bool has_open_frame() const noexcept;
  /// That frame will tell its end by its length.
  bool knows_frame_length() const noexcept;
  /// Whether that frame is a sync frame is not known yet.
  bool is_undecided() const noexcept { return frame_.is_open && needs_scan(); }
  /// Since when the piece holds audio.
  std::optional<base::Time> audio_since() const noexcept { return audio_since_; }

  std::span<const media::Track> tracks() const noexcept { return tracks_; }
  std::uint32_t tracks_version() const noexcept { return tracks_version_; }
  /// PAT and PMTs as far as they are known.
  std::vector<TableSection> tables() const { return tables_.sections(); }
  /// Grows whenever a PAT or PMT packet passes or one of these tables changes.
  std::uint64_t tables_seen() const noexcept { return tables_seen_; }
  const PidTable& pids() const noexcept { return pids_; }

  Counters& counters() noexcept { return counters_; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  static constexpr std::uint8_t no_stream = 0xFF;

  struct Stream {
    PesTracker pes;
    bool is_counted = true;  // the frame that began last
  };
  // The reference video frame that began last.
  struct Frame {
    bool is_open = false;
    bool is_counted = true;
    bool needs_dts = false;
    bool is_parsed = false;  // by the scanner; else random_access_indicator counts
    bool is_random_access = false;
  };

  bool take_stream(const Packet& packet, std::uint8_t index, bool is_lost);
  bool take_video(const Packet& packet, Stream& stream);
  bool take_audio(const Packet& packet, std::uint8_t index, Stream& stream);
  void begin_video_unit(const Packet& packet, Stream& stream);
  void on_video_dts(std::uint64_t stamp);
  bool is_sync() const noexcept;
  void end_video_frame(std::uint64_t& reason) noexcept;
  void end_audio_frame(std::uint8_t index) noexcept;
  bool needs_scan() const noexcept {
    return frame_.is_parsed && scanner_.verdict() == codec::FrameScanner::Verdict::undecided;
  }
  // False: too many tracks.
  bool take_table(const Packet& packet, bool is_lost);
  void use_tracks(std::span<const media::Track> tracks);

  PidTable pids_;
  Counters counters_;
  base::Time now_{};
  Lead lead_ = Lead::none;

  ProgramTables tables_;
  std::uint64_t tables_seen_ = 0;

  std::vector<media::Track> tracks_;  // of the reference program
  std::vector<Stream> streams_;       // likewise
  std::uint32_t tracks_version_ = 0;
  std::uint8_t video_ = no_stream;  // the reference tracks
  std::uint8_t audio_ = no_stream;
  PidTable::Slot video_slot_ = PidTable::none;
  bool is_inside_frame_ = false;  // and all that its beginning tells is known

  codec::FrameScanner scanner_;
  Frame frame_;
  TimestampUnwrap unwrap_;
  std::optional<std::int64_t> video_dts_;
  std::optional<std::int64_t> audio_dts_;
  base::Time last_video_{};  // the last start of a video frame, or when we were told of video

  // The piece in the making.
  Piece piece_;
  bool begins_frame_ = false;
  bool has_video_ = false;  // payload of the reference video
  bool has_audio_ = false;  // payload of the reference audio
  std::optional<base::Time> audio_since_;
};

}  // namespace mpegts
