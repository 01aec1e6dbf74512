#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "client/camera/chunk_maker.hpp"
#include "client/camera/frame_converter.hpp"
#include "client/camera/frame_times.hpp"
#include "relay/media/track.hpp"

namespace client::camera {

/// From the coded frames of several streams to tracks and chunks. Frames wait until it is known
/// what each stream is; a stream of which nothing useful comes in `wait_max` is left out until it
/// does. One thread.
class Assembler {
 public:
  static constexpr std::chrono::seconds wait_max{2};
  static constexpr std::size_t waiting_max = 1024;
  static constexpr std::size_t waiting_bytes_max = 32 * 1024 * 1024;

  class Events {
   public:
    virtual ~Events() = default;
    /// What the tracks of later chunks are.
    virtual void on_tracks(std::span<const media::Track> tracks) = 0;
    virtual void on_chunk(Chunk chunk) = 0;
  };

  explicit Assembler(Events& events) : events_(events) {}

  /// One more stream; returns its number, from 0. `track`: as far as it is known. `reorder`: how
  /// many pictures stand before one that is shown earlier, if its codec reorders them at all.
  unsigned add_stream(media::Track track, std::size_t reorder = FrameTimes::usual_reorder);
  /// No chunk leaves before.
  void on_all_streams(base::Time now);

  struct Input {
    unsigned stream = 0;
    bool is_delta = false;
    FrameTimes::Given times;  ///< media time, which goes on over all passes of a file
    base::Utc utc{};          ///< of the dts
    std::span<const std::byte> bytes;
  };
  /// False: it was no frame, or none that a decoder can use.
  bool add(const Input& input, base::Time now);
  /// The source was away: what comes next does not follow from what came before.
  void interrupt(base::Time now);
  std::optional<base::Time> deadline() const noexcept;
  void on_time(base::Time now);
  /// Nothing more comes: what waits leaves.
  void finish(base::Time now);

  std::uint64_t video_frames() const noexcept { return video_frames_; }

 private:
  struct Stream {
    FrameConverter converter;
    std::size_t reorder = 0;
    std::optional<FrameTimes> times;  // once its timescale is known
    std::optional<unsigned> track;    // once it was announced
  };

  bool is_complete() const noexcept;
  void begin(base::Time now);
  void announce();
  void pass_on(unsigned stream, Frame frame, base::Time now);
  void drain();

  Events& events_;
  std::vector<Stream> streams_;
  std::vector<unsigned> stream_of_track_;
  ChunkMaker chunks_;
  bool has_all_streams_ = false;
  bool has_begun_ = false;
  struct Waiting {
    unsigned stream;
    Frame frame;
  };
  std::vector<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::optional<base::Time> waiting_since_;
  std::uint64_t video_frames_ = 0;
};

}  // namespace client::camera
