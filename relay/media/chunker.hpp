#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "relay/base/drained_queue.hpp"
#include "relay/base/time.hpp"
#include "relay/media/sample.hpp"
#include "relay/media/track.hpp"

namespace media {

/// Groups samples, which come in dts order over all tracks, into what becomes a chunk of the log: a
/// video frame and the audio before it. Audio waits at most `wait_max` for video; without video
/// every audio frame leaves by itself.
class Chunker {
 public:
  static constexpr std::chrono::milliseconds wait_max{50};
  static constexpr std::size_t samples_max = 256;
  static constexpr std::size_t bytes_max = 1024 * 1024;

  struct Group {
    std::vector<Sample> samples;
    bool sync = false;  ///< a viewer can begin here
  };

  /// The tracks that the samples' indices mean from now on; what is in the making leaves first.
  void set_tracks(std::span<const Track> tracks);
  void add(Sample sample, base::Time now);
  std::optional<Group> poll() { return ready_.pop(); }
  /// When what waits leaves though no video came.
  std::optional<base::Time> deadline() const noexcept;
  void on_time(base::Time now);
  /// What waits leaves now.
  void finish() { cut(); }

 private:
  void cut();

  std::vector<Kind> kinds_;
  bool has_video_ = false;
  std::vector<Sample> open_;
  std::size_t open_bytes_ = 0;
  base::Time open_since_{};
  base::DrainedQueue<Group> ready_;
};

}  // namespace media
