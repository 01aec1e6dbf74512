#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/bench/coded_frames.hpp"
#include "tests/bench/http_chunk.hpp"
#include "tests/bench/source.hpp"

namespace bench {

/// The packets of one video frame at this rate; every frame has the same number, so that a viewer
/// who saw one frame's end knows where all later ones are.
std::size_t packets_per_frame(std::int64_t bit_rate, std::int64_t frames_per_second);

/// One MPEG-TS program: H.264 (AUD, SPS, PPS, one slice) and AAC in ADTS. PAT and PMT stand before
/// each IDR frame, and take their room from it: all video frames have one size.
class TsSource final : public Source {
 public:
  static constexpr std::size_t packet_bytes = 188;

  explicit TsSource(const SourceOptions& options);

  bool make_head() override { return false; }
  void make_video() override;
  void mark(std::int64_t sent_ns) override;
  void make_audio() override;

  std::span<const std::byte> framed() const override { return chunk_.bytes(); }
  std::span<const std::byte> payload() const override { return chunk_.payload(); }
  std::uint64_t video_frames() const override { return video_frames_; }
  std::uint64_t audio_frames() const override { return audio_frames_; }

 private:
  struct Track {
    std::uint16_t pid;
    std::uint8_t counter = 0;
  };
  struct Timing {
    bool carries_pcr;
    bool random_access;
    std::int64_t pcr;
  };

  void put_tables();
  void put_pes(Track& track, const Timing& timing);
  void put_section(Track& track, std::span<const std::uint8_t> section);
  void begin_pes(std::uint8_t stream_id, std::int64_t pts, bool sized);
  void append_to_pes(std::span<const std::uint8_t> bytes);
  void append_to_pes(std::span<const std::byte> bytes);

  const SourceOptions options_;
  const CodedFrames coded_;
  std::vector<std::byte> pes_;
  HttpChunk chunk_;
  std::uint64_t video_frames_ = 0;
  std::uint64_t audio_frames_ = 0;
  Track pat_{.pid = 0};
  Track pmt_{.pid = 0x1000};
  Track video_{.pid = 0x100};
  Track audio_{.pid = 0x101};
};

}  // namespace bench
