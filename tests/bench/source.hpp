#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace bench {

enum class Container { mpegts, mp4, wire };

struct SourceOptions {
  bool video = true;
  bool audio = false;
  std::int64_t bit_rate = 4'000'000;  ///< of the video
  std::int64_t frames_per_second = 30;
  std::int64_t group_frames = 60;    ///< one IDR frame each
  std::int64_t fragment_frames = 1;  ///< of MP4: video frames of one fragment
};

/// Makes what a publisher sends, frame by frame, each as one HTTP chunk or WebSocket message. All
/// video frames of a group but the first have one size, so that a viewer who knows it finds their
/// ends.
class Source {
 public:
  static constexpr std::int64_t audio_samples = 1024;
  static constexpr std::int64_t audio_rate = 48'000;

  virtual ~Source() = default;

  /// What stands before the first frame; false when nothing does.
  virtual bool make_head() = 0;
  /// The next video frame; `mark()` then writes its marker, as late as possible before the send.
  virtual void make_video() = 0;
  virtual void mark(std::int64_t sent_ns) = 0;
  virtual void make_audio() = 0;

  /// What was made last, valid until the next is made.
  virtual std::span<const std::byte> framed() const = 0;
  virtual std::span<const std::byte> payload() const = 0;
  virtual std::uint64_t video_frames() const = 0;
  virtual std::uint64_t audio_frames() const = 0;
};

std::unique_ptr<Source> make_source(Container container, const SourceOptions& options);

/// "mpegts", "mp4" or "wire"; anything else ends the process.
Container container_named(std::string_view name);
std::string_view file_suffix(Container container);
std::string_view content_type(Container container);

}  // namespace bench
