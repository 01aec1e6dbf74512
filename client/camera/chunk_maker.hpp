#pragma once

#include <optional>
#include <span>
#include <vector>

#include "client/camera/chunk.hpp"
#include "relay/base/drained_queue.hpp"
#include "relay/media/track.hpp"

namespace client::camera {

/// Groups frames into chunks as they come. The video frame stands first though the audio came
/// before it: encoders of sound are slower than ours of pictures, so the audio may also have been
/// captured before the last chunk, and the UTC of a chunk must not go back. One thread.
class ChunkMaker {
 public:
  /// How long audio waits for video.
  static constexpr std::chrono::milliseconds wait_max{50};
  static constexpr std::size_t frames_max = 256;
  static constexpr std::size_t audio_bytes_max = 1024 * 1024;

  /// The tracks that later frames mean; what waits leaves first.
  void set_tracks(std::span<const media::Track> tracks);
  /// Until there was a chunk that a decoder can begin with, other video is dropped.
  void add(Frame frame, base::Time now);
  std::optional<Chunk> poll() { return ready_.pop(); }
  /// When audio leaves though no video came.
  std::optional<base::Time> deadline() const noexcept;
  void on_time(base::Time now);
  /// What comes next does not follow: what waits leaves, and it begins anew.
  void interrupt();
  /// What waits leaves now.
  void finish();

 private:
  void add_video(Frame frame);
  void cut(std::vector<Frame> frames, bool sync);
  void cut_audio();

  std::vector<media::Kind> kinds_;
  bool has_video_ = false;
  bool has_begun_ = false;
  std::vector<Frame> audio_;  // waits
  std::size_t audio_bytes_ = 0;
  base::Time audio_since_{};
  base::Utc last_utc_{};
  base::DrainedQueue<Chunk> ready_;
};

}  // namespace client::camera
