#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/drained_queue.hpp"
#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/media/container/mpegts/demux.hpp"
#include "relay/media/container/mpegts/errc.hpp"
#include "relay/media/container/mpegts/join_image.hpp"
#include "relay/memory/window_list.hpp"

namespace mpegts {

/// A run of whole packets that leaves together: what becomes one chunk of the log.
struct Piece {
  /// The received packets, untouched. All pieces together are the input from the first PAT packet
  /// on, without what lay between packets.
  memory::WindowList bytes;
  /// A viewer can begin here: a sync frame begins in this piece and no other video frame; audio and
  /// tables may come before it. Without video: always.
  bool sync = false;
  /// It begins inside a video frame: the piece before was cut because its input was slow.
  bool continues_frame = false;
  /// Its last video frame goes on in the next piece.
  bool is_frame_open = false;
  /// 90 kHz, unwrapped; of the reference frame that begins here, else of the one before it. The pts
  /// where there is no dts; nothing where there is neither.
  std::optional<std::int64_t> dts;
  std::uint32_t video_frames = 0;  ///< that end here; each frame is counted once
  std::uint32_t audio_frames = 0;  ///< PES packets, of all audio tracks
  /// Only of sync pieces. What a viewer that begins here gets first: PAT and PMTs, with counters
  /// that the piece continues. Empty for a stream's first piece, which begins with the PAT.
  memory::WindowList start_join;
  /// Likewise for a viewer that comes from somewhere else: also tells that counters jump.
  memory::WindowList skip_join;
};

/// Cuts a received MPEG-TS body into pieces, looking at the packets in place. Owned by a
/// publisher's session. After each input `poll()` until it is empty, then wait until `deadline()`.
class Reader {
 public:
  static constexpr std::size_t unsynced_bytes_max = 64 * 1024;
  static constexpr std::size_t before_pat_bytes_max = 1024 * 1024;
  static constexpr std::size_t piece_bytes_max = 1024 * 1024;
  /// Of a piece whose program has neither video nor audio.
  static constexpr std::size_t data_piece_bytes_max = 64 * 1024;
  /// No input for so long ends a piece whose frame is not known to have ended.
  static constexpr std::chrono::milliseconds silence{10};
  /// How long audio waits for video, and how much longer the question whether a frame is a sync
  /// frame while audio waits with it.
  static constexpr std::chrono::milliseconds wait_max{50};
  /// How long that question waits alone: no decoder misses the head of a frame, but whoever joins
  /// misses a keyframe that is not known to be one.
  static constexpr std::chrono::milliseconds undecided_max{1000};

  explicit Reader(memory::BlockPool& pool) : joins_(pool) {}

  /// Received payload, cut anywhere. After an error every call returns it.
  base::Result<void> feed(memory::Window bytes, base::Time now);
  std::optional<Piece> poll() { return ready_.pop(); }
  std::optional<base::Time> deadline() const;
  void on_time(base::Time now);
  /// The end of the body: what is left becomes a last piece, a cut packet is dropped. An error if
  /// there was something and all of it was no MPEG-TS.
  base::Result<void> finish();

  std::span<const media::Track> tracks() const noexcept { return demux_.tracks(); }
  /// Grows whenever something in `tracks()` but its counts changed.
  std::uint32_t tracks_version() const noexcept { return demux_.tracks_version(); }
  /// The last good PAT and PMT sections.
  std::vector<TableSection> tables() const { return demux_.tables(); }
  const Counters& counters() const noexcept { return demux_.counters(); }

 private:
  // Three packets in a row that begin with the sync byte.
  static constexpr std::size_t hunt_bytes = 2 * packet_bytes + 1;

  enum class End : std::uint8_t { none, frame, forced };  // of the piece

  void take_windows(const memory::WindowList& windows);
  void take_window(memory::Window window);
  bool complete_partial(memory::Window& window);
  void take_packets(memory::Window window);
  End take_packet(PacketBytes bytes);
  bool hunt();
  bool begins_stream(const Packet& packet);
  void drop_before_pat();
  void lose_sync(memory::Window rest);
  void push_run();
  void end_window();
  void append(const memory::Window& window);
  void cut(bool is_forced);
  bool make_joins(Piece& piece);
  bool fail_joins(Piece& piece);

  Demux demux_;
  JoinWriter joins_;
  base::Error failed_;
  base::Time now_{};
  base::Time last_input_{};

  bool is_synced_ = false;
  bool has_begun_ = false;  // the first PAT packet was seen
  std::size_t unsynced_bytes_ = 0;
  std::size_t before_pat_bytes_ = 0;
  memory::WindowList unsynced_;  // under `hunt_bytes` between calls
  memory::WindowList partial_;   // the begun last packet

  // The packets of the window being read that belong to the piece but are not in `open_` yet: one
  // window for a run of packets instead of one each.
  memory::Window window_;
  std::size_t run_begin_ = 0;
  std::size_t run_end_ = 0;

  memory::WindowList open_;  // the piece in the making
  base::Time open_since_{};
  bool is_first_piece_ = true;
  bool is_frame_cut_ = false;             // by the last cut
  std::uint64_t tables_seen_before_ = 0;  // this piece

  // The last start_join, which holds as long as no table passes: audio makes many sync pieces.
  memory::WindowList start_join_;
  std::optional<std::uint64_t> start_join_for_;

  base::DrainedQueue<Piece> ready_;
};

}  // namespace mpegts
