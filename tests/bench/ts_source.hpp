#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bench {

struct TsOptions {
  bool video = true;
  bool audio = false;
  std::int64_t bit_rate = 4'000'000;  ///< of the video
  std::int64_t frames_per_second = 30;
  std::int64_t group_frames = 60;  ///< one IDR frame each
};

/// The packets of one video frame at this rate; every frame has the same number, so that a viewer
/// who saw one frame's end knows where all later ones are.
std::size_t packets_per_frame(std::int64_t bit_rate, std::int64_t frames_per_second);

/// Makes one MPEG-TS program: H.264 (AUD, SPS, PPS, one slice of filler) and AAC in ADTS. PAT and
/// PMT stand before each IDR frame, and take their room from it. Each frame comes as one HTTP chunk
/// with its framing.
class TsSource {
 public:
  static constexpr std::size_t packet_bytes = 188;
  static constexpr std::int64_t audio_samples = 1024;
  static constexpr std::int64_t audio_rate = 48'000;

  explicit TsSource(const TsOptions& options);

  /// The next video frame; `mark()` then writes its marker, as late as possible before the send.
  void make_video();
  void mark(std::int64_t sent_ns);
  void make_audio();

  std::span<const std::byte> http_chunk() const { return std::span(chunk_).subspan(chunk_begin_); }
  std::size_t payload_bytes() const { return payload_bytes_; }
  std::uint64_t video_frames() const { return video_frames_; }
  std::uint64_t audio_frames() const { return audio_frames_; }

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

  void begin_chunk();
  void end_chunk();
  void put_tables();
  void put_pes(Track& track, const Timing& timing);
  void put_section(Track& track, std::span<const std::uint8_t> section);
  std::byte* new_packet();
  void begin_pes(std::uint8_t stream_id, std::int64_t pts, bool sized);
  void append_to_pes(std::span<const std::uint8_t> bytes);
  void append_filler(std::size_t count);

  const TsOptions options_;
  std::vector<std::byte> filler_;
  std::vector<std::byte> pes_;
  std::vector<std::byte> chunk_;
  std::size_t chunk_begin_ = 0;
  std::size_t payload_bytes_ = 0;
  std::uint64_t video_frames_ = 0;
  std::uint64_t audio_frames_ = 0;
  Track pat_{.pid = 0};
  Track pmt_{.pid = 0x1000};
  Track video_{.pid = 0x100};
  Track audio_{.pid = 0x101};
};

}  // namespace bench
