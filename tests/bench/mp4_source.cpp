#include "tests/bench/mp4_source.hpp"

#include "tests/bench/ts_source.hpp"

namespace bench {
namespace {

constexpr std::uint32_t video_track = 1;
constexpr std::uint32_t audio_track = 2;
constexpr std::uint32_t frame_ticks = 1000;        // no frame rate needs rounding
constexpr std::uint32_t sync_flags = 0x02000000;   // ISO/IEC 14496-12, 8.8.3.1
constexpr std::uint32_t other_flags = 0x01010000;  // depends on others, is no sync sample
constexpr std::size_t length_bytes = 4;            // before a NAL unit
constexpr std::size_t head_bytes = 120;            // about what moof and mdat are
constexpr std::size_t packet_payload = 184;

// About the size of a frame of TsSource, and such that the last 32 bytes lie in one packet when a
// relay makes MPEG-TS of it: what comes before the sample in its PES is 20 to 80 bytes.
std::size_t sample_size(const SourceOptions& options) {
  const std::size_t frame =
      packets_per_frame(options.bit_rate, options.frames_per_second) * TsSource::packet_bytes;
  return (frame - head_bytes) / packet_payload * packet_payload + 60;
}

}  // namespace

Mp4Source::Mp4Source(const SourceOptions& options)
    : options_(options),
      sample_bytes_(sample_size(options)),
      coded_(sample_bytes_),
      chunk_(sample_bytes_ + 1024) {}

bool Mp4Source::make_head() {
  const auto rate = static_cast<std::uint32_t>(options_.frames_per_second);
  std::vector<Mp4Track> tracks;
  if (options_.video) tracks.push_back({video_track, rate * frame_ticks, true});
  if (options_.audio) tracks.push_back({audio_track, audio_rate, false});
  chunk_.begin();
  BoxWriter boxes(chunk_.buffer());
  put_init_segment(boxes, tracks);
  chunk_.end();
  return true;
}

void Mp4Source::make_video() {
  chunk_.begin();
  const auto in_fragment = video_frames_ % static_cast<std::uint64_t>(options_.fragment_frames);
  if (in_fragment == 0) {
    put_fragment_head({.track = video_track,
                       .decode_time = video_frames_ * frame_ticks,
                       .duration = frame_ticks,
                       .count = static_cast<std::uint32_t>(options_.fragment_frames),
                       .sample_bytes = static_cast<std::uint32_t>(sample_bytes_),
                       .sync = is_sync(video_frames_)});
  }
  BoxWriter(chunk_.buffer()).put(length_bytes, sample_bytes_ - length_bytes);
  const auto in_group = video_frames_ % static_cast<std::uint64_t>(options_.group_frames);
  coded_.append_slice(video_frames_, in_group, sample_bytes_ - length_bytes, chunk_.buffer());
  chunk_.end();
  ++video_frames_;
}

void Mp4Source::mark(std::int64_t sent_ns) {
  chunk_.mark({.frame = video_frames_ - 1, .sent_ns = sent_ns});
}

void Mp4Source::make_audio() {
  chunk_.begin();
  put_fragment_head({.track = audio_track,
                     .decode_time = audio_frames_ * static_cast<std::uint64_t>(audio_samples),
                     .duration = audio_samples,
                     .count = 1,
                     .sample_bytes = CodedFrames::audio_bytes,
                     .sync = true});
  BoxWriter(chunk_.buffer()).put(coded_.audio());
  chunk_.end();
  ++audio_frames_;
}

bool Mp4Source::is_sync(std::uint64_t frame) const {
  return frame % static_cast<std::uint64_t>(options_.group_frames) == 0;
}

// The samples of a fragment have one size, so their number is all that trun says of them.
void Mp4Source::put_fragment_head(const Run& run) {
  BoxWriter boxes(chunk_.buffer());
  const std::size_t moof = boxes.size();
  boxes.open("moof");
  boxes.open_full("mfhd", 0, 0);
  boxes.put(4, ++fragments_);
  boxes.close();
  boxes.open("traf");
  boxes.open_full("tfhd", 0, 0x020038);  // duration, size, flags; offsets from this moof
  boxes.put(4, run.track);
  boxes.put(4, run.duration);
  boxes.put(4, run.sample_bytes);
  boxes.put(4, run.track == video_track ? other_flags : sync_flags);
  boxes.close();
  boxes.open_full("tfdt", 1, 0);
  boxes.put(8, run.decode_time);
  boxes.close();
  boxes.open_full("trun", 0, 0x05);  // data offset, flags of the first
  boxes.put(4, run.count);
  const std::size_t data_offset = boxes.size();
  boxes.put(4, 0);
  boxes.put(4, run.sync ? sync_flags : other_flags);
  boxes.close();
  boxes.close();
  boxes.close();
  boxes.overwrite(data_offset, static_cast<std::uint32_t>(boxes.size() - moof + 8));
  boxes.put(4, 8 + std::uint64_t{run.count} * run.sample_bytes);
  boxes.put("mdat");
}

}  // namespace bench
