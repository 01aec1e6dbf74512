#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "schemas/wire.pb.h"
#include "tests/bench/coded_frames.hpp"
#include "tests/bench/source.hpp"

namespace bench {

/// Chunks of the Spancast wire protocol, as a camera sends them: one for each video frame, with the
/// audio that came before it, in one WebSocket message. Numbers and times begin where their varints
/// keep their lengths, so that the messages of a group but the first have one size.
class WireSource final : public Source {
 public:
  explicit WireSource(const SourceOptions& options);

  /// What a camera says that has nothing yet.
  spancast::wire::Hello hello() const;

  bool make_head() override { return false; }
  void make_video() override;
  void mark(std::int64_t sent_ns) override;
  /// Waits for the next video frame: what was made is nothing.
  void make_audio() override;

  std::span<const std::byte> framed() const override { return std::as_bytes(std::span(frame_)); }
  std::span<const std::byte> payload() const override { return std::as_bytes(std::span(message_)); }
  std::uint64_t video_frames() const override { return video_frames_; }
  std::uint64_t audio_frames() const override { return audio_frames_; }

 private:
  struct Sample {
    std::uint32_t track;
    std::uint64_t dts;
    std::uint32_t duration;
    std::size_t size;
    bool sync;
  };

  void add_sample(const Sample& sample);

  const SourceOptions options_;
  const std::uint64_t epoch_;
  const std::size_t slice_bytes_;
  const CodedFrames coded_;
  spancast::wire::Envelope envelope_;  // of the chunk that is being made
  std::vector<std::byte> samples_;     // likewise
  std::string message_;
  std::string frame_;
  std::uint64_t video_frames_ = 0;
  std::uint64_t audio_frames_ = 0;
};

}  // namespace bench
