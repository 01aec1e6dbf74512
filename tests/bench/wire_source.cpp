#include "tests/bench/wire_source.hpp"

#include <isa-l/crc.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>

#include "tests/bench/marker.hpp"
#include "tests/bench/sockets.hpp"
#include "tests/bench/ts_source.hpp"
#include "tests/bench/wire_client.hpp"

namespace bench {
namespace {

namespace schema = spancast::wire;

constexpr std::uint64_t first_sequence = 1 << 14;  // three bytes up to 2^21
constexpr std::uint64_t first_second = 3000;       // and times five bytes up to 2^35
constexpr std::uint32_t frame_ticks = 3000;        // of the video's timescale
constexpr std::uint32_t tracks_version = 1;
constexpr std::size_t length_bytes = 4;  // before a NAL unit

std::int64_t utc_us() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1'000;
}

void append_nal(std::vector<std::byte>& to, std::span<const std::byte> nal) {
  for (unsigned i = length_bytes; i-- > 0;) {
    to.push_back(static_cast<std::byte>(nal.size() >> (8 * i) & 0xff));
  }
  to.insert(to.end(), nal.begin(), nal.end());
}

// ISO/IEC 14496-15, 5.3.3.1: AVCDecoderConfigurationRecord.
std::string avc_config() {
  const auto text = [](std::span<const std::byte> bytes) {
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  const std::string sps = text(CodedFrames::sps());
  const std::string pps = text(CodedFrames::pps());
  const auto sized = [](const std::string& set) {
    return std::string(1, '\0') + static_cast<char>(set.size()) + set;
  };
  return "\x01" + sps.substr(1, 3) + "\xff\xe1" + sized(sps) + "\x01" + sized(pps) +
         "\xfd\xf8\xf8" + std::string(1, '\0');
}

std::uint32_t checksum_of(std::span<const std::byte> bytes) {
  auto* const data =
      const_cast<unsigned char*>(reinterpret_cast<const unsigned char*>(bytes.data()));
  return ~crc32_iscsi(data, static_cast<int>(bytes.size()), 0xffffffff);
}

}  // namespace

WireSource::WireSource(const SourceOptions& options)
    : options_(options),
      epoch_(static_cast<std::uint64_t>(now_ns()) | 1),
      slice_bytes_(packets_per_frame(options.bit_rate, options.frames_per_second) * 184 - 100),
      coded_(slice_bytes_) {
  if (options.video) return;
  std::fprintf(stderr, "--container wire: audio rides with video, so there must be some\n");
  std::exit(2);
}

schema::Hello WireSource::hello() const {
  schema::Hello hello;
  hello.set_epoch(epoch_);
  for (auto set : {&schema::Hello::set_first_sequence, &schema::Hello::set_sync_sequence,
                   &schema::Hello::set_next_sequence}) {
    (hello.*set)(first_sequence);
  }
  hello.mutable_tracks()->set_version(tracks_version);
  schema::Track& video = *hello.mutable_tracks()->add_tracks();
  video.set_codec("h264");
  video.set_timescale(static_cast<std::uint32_t>(options_.frames_per_second) * frame_ticks);
  video.set_config(avc_config());
  video.set_width(CodedFrames::width());
  video.set_height(CodedFrames::height());
  if (!options_.audio) return hello;
  schema::Track& audio = *hello.mutable_tracks()->add_tracks();
  audio.set_codec("aac");
  audio.set_timescale(audio_rate);
  audio.set_config("\x11\x90");  // ISO/IEC 14496-3, 1.6.2.1: AAC-LC, 48 kHz, stereo
  audio.set_sample_rate(audio_rate);
  audio.set_channels(2);
  return hello;
}

void WireSource::add_sample(const Sample& sample) {
  schema::Sample& said = *envelope_.mutable_chunk()->add_samples();
  said.set_track(sample.track);
  said.set_dts(static_cast<std::int64_t>(sample.dts));
  said.set_duration(sample.duration);
  said.set_sync(sample.sync);
  said.set_size(static_cast<std::uint32_t>(sample.size));
}

void WireSource::make_audio() {
  const auto frame = coded_.audio();
  samples_.insert(samples_.end(), frame.begin(), frame.end());
  add_sample(
      {.track = 1,
       .dts = first_second * audio_rate + audio_frames_ * static_cast<std::uint64_t>(audio_samples),
       .duration = audio_samples,
       .size = frame.size(),
       .sync = true});
  ++audio_frames_;
  message_.clear();
  frame_.clear();
}

void WireSource::make_video() {
  const auto in_group = video_frames_ % static_cast<std::uint64_t>(options_.group_frames);
  const bool sync = in_group == 0;
  const std::size_t begin = samples_.size();
  if (sync) {
    append_nal(samples_, CodedFrames::sps());
    append_nal(samples_, CodedFrames::pps());
  }
  std::vector<std::byte> slice;
  coded_.append_slice(video_frames_, in_group, slice_bytes_, slice);
  append_nal(samples_, slice);
  const auto rate = static_cast<std::uint64_t>(options_.frames_per_second);
  add_sample({.track = 0,
              .dts = (first_second * rate + video_frames_) * frame_ticks,
              .duration = frame_ticks,
              .size = samples_.size() - begin,
              .sync = sync});
  schema::Chunk& chunk = *envelope_.mutable_chunk();
  chunk.set_epoch(epoch_);
  chunk.set_sequence(first_sequence + video_frames_);
  chunk.set_utc_us(utc_us());
  chunk.set_sync(sync);
  chunk.set_tracks_version(tracks_version);
  chunk.set_segment(1);  // or the relay sets the three, in varints that grow and shrink
  chunk.set_part(1);
  ++video_frames_;
}

void WireSource::mark(std::int64_t sent_ns) {
  write_marker(std::span(samples_).last<Marker::size>(),
               {.frame = video_frames_ - 1, .sent_ns = sent_ns});
  envelope_.mutable_chunk()->set_checksum(checksum_of(samples_));
  message_ = message_of(envelope_);
  message_.append(reinterpret_cast<const char*>(samples_.data()), samples_.size());
  frame_ = client_frame(message_);
  envelope_.Clear();
  samples_.clear();
}

}  // namespace bench
