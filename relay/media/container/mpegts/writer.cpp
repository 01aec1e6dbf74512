#include "relay/media/container/mpegts/writer.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/codec/opus.hpp"
#include "relay/media/container/mpegts/access_unit.hpp"
#include "relay/media/container/mpegts/pes_header.hpp"
#include "relay/media/container/mpegts/tables_writer.hpp"
#include "relay/media/timescale.hpp"

namespace mpegts {

using media::Codec;
using media::Sample;
using media::Track;

namespace {

constexpr std::uint32_t clock_rate = 90'000;

bool is_video(Codec codec) { return codec == Codec::h264 || codec == Codec::h265; }

std::uint8_t stream_id(Codec codec) {
  if (is_video(codec)) return PesHeader::video_id;
  return codec == Codec::opus ? PesHeader::private_id : PesHeader::audio_id;
}

// The channel configuration code says what the record's mapping says (its bytes from 10 on).
bool fits_channel_code(const Track& track) {
  constexpr std::size_t mapping_at = 10;
  const auto config = codec::opus::parse_config(track.config);
  if (!config) return false;
  const auto usual = codec::opus::make_config(*config);
  return usual.size() == track.config.size() &&
         std::equal(usual.begin() + mapping_at, usual.end(), track.config.begin() + mapping_at);
}

// With what MPEG-TS puts before each frame; 0: it is left out.
std::size_t audio_frame_bytes(Codec codec, const Sample& sample) {
  const std::size_t bytes = sample.payload.bytes();
  if (bytes == 0 || bytes > PesHeader::payload_bytes_max) return 0;
  std::size_t total = bytes;
  if (codec == Codec::aac) {
    if (bytes > codec::aac::adts_payload_bytes_max) return 0;
    total += codec::aac::adts_header_bytes;
  } else if (codec == Codec::opus) {
    total += codec::opus::make_control_header(bytes).size();
  }
  return total <= PesHeader::payload_bytes_max ? total : 0;
}

// What a frame of the codec plays, in the track's timescale; 0: not the same for all frames. What
// the publisher says of a sample's duration is no help: it may be stretched over a gap.
std::uint32_t frame_duration(const Track& track) {
  const auto samples = [&track]() -> std::uint32_t {
    if (track.codec == Codec::aac) return codec::aac::frame_samples;
    if (track.codec != Codec::mp3) return 0;
    return track.sample_rate < 32'000 ? 576 : 1152;  // MPEG-2 and 2.5 have half frames
  }();
  if (samples == 0 || track.sample_rate == 0) return 0;
  return static_cast<std::uint32_t>(media::rescale(samples, track.timescale, track.sample_rate));
}

}  // namespace

bool can_write(const Track& track) noexcept {
  if (track.timescale == 0) return false;
  switch (track.codec) {
    case Codec::h264:
    case Codec::h265:
    case Codec::mp3:
      return true;
    case Codec::aac: {
      const auto config = codec::aac::parse_config(track.config);
      return config && codec::aac::fits_adts(*config);
    }
    case Codec::opus:
      return fits_channel_code(track);
    default:
      return false;
  }
}

Writer::Writer(memory::BlockPool& pool, std::span<const Track> tracks, std::uint8_t tables_version,
               bool has_pids)
    : packets_(pool), stream_of_track_(tracks.size(), no_stream) {
  counters_.fill(counter_before_first);
  std::vector<ProgramStream> program;
  const auto pid_of = [&](std::size_t index) {
    return static_cast<std::uint16_t>(has_pids ? tracks[index].id : first_pid + index);
  };
  for (std::size_t index = 0; index < tracks.size() && streams_.size() < tracks_max; ++index) {
    if (!can_write(tracks[index])) continue;
    stream_of_track_[index] = static_cast<std::uint8_t>(streams_.size());
    add_stream(tracks[index], pid_of(index));
    program.push_back({streams_.back().pid, &tracks[index]});
  }
  const auto video = std::ranges::find_if(streams_, &Stream::is_video);
  if (!streams_.empty()) {
    const auto with_pcr = video == streams_.end() ? streams_.begin() : video;
    pcr_stream_ = static_cast<std::size_t>(with_pcr - streams_.begin());
  }
  while (std::ranges::find(streams_, own_pmt_pid_, &Stream::pid) != streams_.end()) ++own_pmt_pid_;
  pat_ = make_pat(own_pmt_pid_, tables_version);
  pmt_ = make_pmt(program, streams_.empty() ? null_pid : streams_[pcr_stream_].pid, tables_version);
}

void Writer::add_stream(const Track& track, std::uint16_t pid) {
  Stream& stream = streams_.emplace_back();
  stream.pid = pid;
  stream.timescale = track.timescale;
  stream.codec = track.codec;
  stream.is_video = is_video(track.codec);
  stream.frame_duration = frame_duration(track);
  if (track.codec == Codec::aac) stream.aac = *codec::aac::parse_config(track.config);
}

// Only the first frame of a PES packet has a time; a millisecond is for rounding.
bool Writer::Stream::follows(const Sample& sample, const Sample& before) const noexcept {
  const std::uint32_t duration = frame_duration != 0 ? frame_duration : before.duration;
  if (duration == 0) return true;
  const std::int64_t gap = sample.pts - before.pts - duration;
  const std::int64_t gap_max = timescale / 1000 + 1;
  return gap >= -gap_max && gap <= gap_max;
}

base::Result<Writer::Image> Writer::write(Samples samples, bool with_tables) {
  const auto counters_before = counters_;
  Image image;
  if (with_tables) {
    add_discontinuities();
    auto join = packets_.take();
    if (!join) return join.error();
    image.skip_join = std::move(*join);
    packets_.add_section(pat_pid, pat_, counters_[pat_counter]);
    packets_.add_section(own_pmt_pid_, pmt_, counters_[pmt_counter]);
  }
  for (Stream& stream : streams_) stream.done = 0;
  for (std::size_t at = 0; at < samples.size(); ++at) {
    const std::size_t index = stream_of(samples[at]);
    if (index == no_stream) continue;
    if (streams_[index].is_video) {
      write_video(index, samples[at]);
    } else if (at >= streams_[index].done) {
      write_audio(index, samples, at);
    }
  }
  auto bytes = packets_.take();
  if (!bytes) {
    counters_ = counters_before;
    return bytes.error();
  }
  image.bytes = std::move(*bytes);
  return image;
}

void Writer::add_discontinuities() {
  packets_.add_discontinuity(pat_pid, counters_[pat_counter]);
  packets_.add_discontinuity(own_pmt_pid_, counters_[pmt_counter]);
  for (std::size_t index = 0; index < streams_.size(); ++index) {
    packets_.add_discontinuity(streams_[index].pid, counters_[index]);
  }
}

void Writer::write_video(std::size_t index, const Sample& sample) {
  Stream& stream = streams_[index];
  const AccessUnit unit(sample.payload, stream.codec);
  if (unit.bytes() == 0) return;
  const std::int64_t dts = media::rescale(sample.dts, clock_rate, stream.timescale);
  const std::int64_t pts = media::rescale(sample.pts, clock_rate, stream.timescale);
  const auto stamps = stream.dts.shift({pts, dts}, sample.sync);

  PesHeader::Facts facts{stream_id(stream.codec), unit.bytes(), stamps.pts, {}, false};
  if (stamps.dts != stamps.pts) facts.dts = stamps.dts;
  PesHeader header(facts);
  UnitHead head{stream.pid, header.bytes().size() + unit.bytes(), sample.sync, {}};
  // From the dts as it was: the clock runs on evenly when the shift grows.
  if (index == pcr_stream_) head.pcr = std::min(dts - pcr_delay, stamps.dts);
  const std::size_t first_room = PacketWriter::first_room(head);
  // Without a length the end is told by the stuffing of the last packet: there must be some.
  if (!header.has_length() && (head.bytes - first_room) % (packet_bytes - 4) == 0) {
    facts.is_padded = true;
    header = PesHeader(facts);
    ++head.bytes;
  }
  packets_.begin(head, counters_[index]);
  packets_.append(header.bytes());
  unit.write(packets_);
}

// All of the track's samples from `from` on that follow one another and fit one PES packet.
Writer::AudioRun Writer::plan_audio(std::size_t index, Samples samples, std::size_t from) const {
  const Stream& stream = streams_[index];
  AudioRun run;
  run.end = samples.size();
  const Sample* before = nullptr;
  for (std::size_t at = from; at < samples.size(); ++at) {
    if (stream_of(samples[at]) != index) continue;
    const std::size_t frame_bytes = audio_frame_bytes(stream.codec, samples[at]);
    if (frame_bytes == 0) continue;
    if (before == nullptr) {
      run.first = at;
    } else if (run.bytes + frame_bytes > PesHeader::payload_bytes_max ||
               !stream.follows(samples[at], *before)) {
      run.end = at;
      break;
    }
    run.bytes += frame_bytes;
    before = &samples[at];
  }
  return run;
}

void Writer::write_audio(std::size_t index, Samples samples, std::size_t from) {
  Stream& stream = streams_[index];
  const AudioRun run = plan_audio(index, samples, from);
  stream.done = run.end;
  if (run.bytes == 0) return;

  const std::int64_t pts = media::rescale(samples[run.first].pts, clock_rate, stream.timescale);
  const PesHeader header({stream_id(stream.codec), run.bytes, pts, {}, false});
  UnitHead head{stream.pid, header.bytes().size() + run.bytes, false, {}};
  if (index == pcr_stream_) head.pcr = pts - pcr_delay;
  packets_.begin(head, counters_[index]);
  packets_.append(header.bytes());
  for (const Sample& sample : samples.subspan(run.first, run.end - run.first)) {
    if (stream_of(sample) != index || audio_frame_bytes(stream.codec, sample) == 0) continue;
    const std::size_t payload_bytes = sample.payload.bytes();
    if (stream.codec == Codec::aac) {
      packets_.append(codec::aac::make_adts(stream.aac, payload_bytes));
    } else if (stream.codec == Codec::opus) {
      packets_.append(codec::opus::make_control_header(payload_bytes));
    }
    for (const auto& window : sample.payload) packets_.append(window.bytes());
  }
}

std::size_t Writer::stream_of(const Sample& sample) const noexcept {
  return sample.track < stream_of_track_.size() ? stream_of_track_[sample.track] : no_stream;
}

}  // namespace mpegts
