#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/bench/coded_frames.hpp"
#include "tests/bench/http_chunk.hpp"
#include "tests/bench/mp4_boxes.hpp"
#include "tests/bench/source.hpp"

namespace bench {

/// A fragmented MP4: H.264 (avc1: the parameter sets are in the initialisation segment alone) and
/// AAC. Each frame is a fragment, moof and mdat; with `fragment_frames` the first of as many frames
/// comes with the head for all of them, as encoders send what they cut at keyframes.
class Mp4Source final : public Source {
 public:
  explicit Mp4Source(const SourceOptions& options);

  bool make_head() override;
  void make_video() override;
  void mark(std::int64_t sent_ns) override;
  void make_audio() override;

  std::span<const std::byte> framed() const override { return chunk_.bytes(); }
  std::span<const std::byte> payload() const override { return chunk_.payload(); }
  std::uint64_t video_frames() const override { return video_frames_; }
  std::uint64_t audio_frames() const override { return audio_frames_; }

 private:
  struct Run {
    std::uint32_t track;
    std::uint64_t decode_time;
    std::uint32_t duration;
    std::uint32_t count;
    std::uint32_t sample_bytes;
    bool sync;  ///< the first sample
  };

  void put_fragment_head(const Run& run);
  bool is_sync(std::uint64_t frame) const;

  const SourceOptions options_;
  const std::size_t sample_bytes_;
  const CodedFrames coded_;
  HttpChunk chunk_;
  std::uint32_t fragments_ = 0;
  std::uint64_t video_frames_ = 0;
  std::uint64_t audio_frames_ = 0;
};

}  // namespace bench
