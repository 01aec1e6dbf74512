#include "relay/media/container/mpegts/audio_frame_reader.hpp"

#include <algorithm>
#include <utility>

#include "relay/media/codec/mp3.hpp"
#include "relay/media/codec/opus.hpp"
#include "relay/media/timescale.hpp"

namespace mpegts {

using media::Codec;
using media::Sample;
using media::Track;

AudioFrameReader::AudioFrameReader(SampleSink& sink, std::uint8_t track, Codec codec,
                                   memory::BlockPool& pool)
    : sink_(sink), track_(track), codec_(codec), gatherer_(pool) {
  if (codec_ != Codec::opus) return;
  // All that is known of Opus stands in the PMT.
  Track& opus = sink_.tracks[track_];
  opus.sample_rate = codec::opus::sample_rate;
  opus.timescale = codec::opus::sample_rate;
  if (opus.channels > 0 && opus.channels <= codec::opus::channels_max) {
    codec::opus::Config config;
    config.channels = static_cast<std::uint8_t>(opus.channels);
    opus.config = codec::opus::make_config(config);
  }
}

void AudioFrameReader::begin_unit(Stamps stamps) noexcept {
  is_skipping_ = false;
  unit_pts_ = stamps.pts;
  if (is_in_place_ || is_inside_) return;
  is_in_place_ = true;
  head_size_ = 0;
}

base::Result<void> AudioFrameReader::take(std::span<const std::byte> bytes) {
  while (!bytes.empty() && !is_skipping_) {
    if (!is_inside_) {
      bytes = bytes.subspan(take_head(bytes));
      if (!is_inside_) continue;
      if (auto begun = begin_frame(); !begun) return begun;
    }
    const auto part =
        bytes.first(std::min<std::size_t>(bytes.size(), frame_.body_bytes - body_seen_));
    for (std::size_t at = 0; at < part.size() && body_seen_ + at < body_head_.size(); ++at) {
      body_head_[body_seen_ + at] = part[at];
    }
    if (is_wanted_) {
      if (auto copied = gatherer_.copy_payload(payload_, part); !copied) return copied;
    }
    body_seen_ += static_cast<std::uint32_t>(part.size());
    bytes = bytes.subspan(part.size());
    if (body_seen_ == frame_.body_bytes) finish_frame();
  }
  return {};
}

void AudioFrameReader::on_loss() noexcept {
  is_skipping_ = true;
  is_in_place_ = true;
  is_inside_ = false;
  head_size_ = 0;
  payload_.clear();
  unit_pts_.reset();
}

// Puts the header of the next frame together; returns how many bytes of it there were.
std::size_t AudioFrameReader::take_head(std::span<const std::byte> bytes) {
  if (head_size_ == 0 && unit_pts_) frame_pts_ = std::exchange(unit_pts_, std::nullopt);
  const std::size_t before = head_size_;
  const std::size_t count = std::min(head_.size() - head_size_, bytes.size());
  std::copy_n(bytes.begin(), count, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
  head_size_ += count;
  std::size_t skipped = 0;
  while (head_size_ > 0) {
    const Parsed parsed = parse_head();
    if (parsed == Parsed::more) break;
    if (parsed == Parsed::frame) {
      is_inside_ = true;
      // The header ends in these bytes: without them there was not enough.
      return skipped + frame_.header_bytes - before;
    }
    // What was kept began no frame: all of it is skipped, and the search goes on in these bytes.
    skipped += skip(skipped < before ? before - skipped : 1);
  }
  return count;
}

AudioFrameReader::Parsed AudioFrameReader::parse_head() noexcept {
  frame_ = {};
  switch (codec_) {
    case Codec::aac:
      return parse_adts();
    case Codec::mp3:
      return parse_mp3();
    default:
      return parse_opus();
  }
}

AudioFrameReader::Parsed AudioFrameReader::parse_adts() noexcept {
  if (head_[0] != std::byte{0xFF}) return Parsed::nothing;
  if (head_size_ < codec::aac::adts_header_bytes) return Parsed::more;
  const auto adts = codec::aac::parse_adts(std::span(head_).first(head_size_));
  if (!adts) return Parsed::nothing;
  if (head_size_ < adts->header_bytes) return Parsed::more;
  frame_.header_bytes = adts->header_bytes;
  frame_.body_bytes = adts->frame_bytes - adts->header_bytes;
  frame_.samples = codec::aac::frame_samples * adts->raw_blocks;
  frame_.sample_rate = adts->sample_rate;
  frame_.channels = adts->channels;
  // Each block is a sample of its own, and where it ends only a decoder finds.
  frame_.is_readable = adts->raw_blocks == 1;
  frame_.adts = *adts;
  return Parsed::frame;
}

AudioFrameReader::Parsed AudioFrameReader::parse_mp3() noexcept {
  if (head_[0] != std::byte{0xFF}) return Parsed::nothing;
  if (head_size_ < codec::mp3::header_bytes) return Parsed::more;
  const auto header = codec::mp3::parse_header(std::span(head_).first(head_size_));
  if (!header || header->frame_bytes < codec::mp3::header_bytes) return Parsed::nothing;
  frame_.header_bytes = codec::mp3::header_bytes;
  frame_.body_bytes = header->frame_bytes - frame_.header_bytes;
  frame_.samples = header->frame_samples;
  frame_.sample_rate = header->sample_rate;
  frame_.channels = header->channels;
  frame_.keeps_header = true;
  return Parsed::frame;
}

AudioFrameReader::Parsed AudioFrameReader::parse_opus() noexcept {
  if (head_[0] != std::byte{0x7F}) return Parsed::nothing;
  if (head_size_ >= 2 && (head_[1] & std::byte{0xE0}) != std::byte{0xE0}) return Parsed::nothing;
  const auto header = codec::opus::parse_control_header(std::span(head_).first(head_size_));
  if (!header) return head_size_ < head_.size() ? Parsed::more : Parsed::nothing;
  frame_.header_bytes = static_cast<std::uint32_t>(header->header_bytes);
  frame_.body_bytes = static_cast<std::uint32_t>(header->payload_bytes);
  frame_.sample_rate = codec::opus::sample_rate;
  return Parsed::frame;
}

// No frame begins here; perhaps, behind at least so many bytes, where a header's first byte is.
std::size_t AudioFrameReader::skip(std::size_t least) noexcept {
  const auto begin = head_.begin();
  const auto end = begin + static_cast<std::ptrdiff_t>(head_size_);
  const auto next = std::find(begin + static_cast<std::ptrdiff_t>(least), end,
                              codec_ == Codec::opus ? std::byte{0x7F} : std::byte{0xFF});
  std::copy(next, end, begin);
  const auto skipped = static_cast<std::size_t>(next - begin);
  head_size_ -= skipped;
  sink_.counters.skipped_bytes += skipped;
  is_in_place_ = false;
  return skipped;
}

base::Result<void> AudioFrameReader::begin_frame() {
  body_seen_ = 0;
  body_head_ = {};
  is_wanted_ = is_in_place_ && frame_.is_readable;
  if (!is_wanted_) {
    ++sink_.counters.skipped_frames;
    return {};
  }
  describe_track();
  if (!frame_.keeps_header) return {};
  return gatherer_.copy_payload(payload_, std::span(head_).first(frame_.header_bytes));
}

void AudioFrameReader::finish_frame() {
  is_inside_ = false;
  is_in_place_ = true;
  head_size_ = 0;
  memory::WindowList payload = std::exchange(payload_, {});
  if (codec_ == Codec::opus) {
    const std::size_t size = std::min<std::size_t>(frame_.body_bytes, body_head_.size());
    frame_.samples = codec::opus::packet_duration(std::span(body_head_).first(size));
  }
  const std::uint32_t timescale = sink_.tracks[track_].timescale;
  // Something searched for, with another rate than the track's: nothing is known behind it.
  if (frame_.sample_rate != timescale) {
    expected_.reset();
    frame_pts_.reset();
    return;
  }
  const auto time = time_of_frame();
  frame_pts_.reset();
  if (!time) {
    ++sink_.counters.untimed;
    return;
  }
  expected_ = *time + frame_.samples;
  if (!is_wanted_ || payload.empty() || frame_.samples == 0) return;
  const auto dts = order_.place(*time, timescale);
  if (!dts) {
    ++sink_.counters.went_back;
    return;
  }
  Sample& sample = sink_.ready.emplace_back();
  sample.track = track_;
  sample.sync = true;
  sample.dts = *dts;
  sample.pts = *dts;
  sample.duration = frame_.samples;
  sample.payload = std::move(payload);
}

// The first frame of a PES packet has its pts, unless that is where the last frame ended but for
// rounding: so durations add up exactly, and nothing drifts.
std::optional<std::int64_t> AudioFrameReader::time_of_frame() const noexcept {
  if (!frame_pts_) return expected_;
  const std::uint32_t timescale = sink_.tracks[track_].timescale;
  if (expected_) {
    const std::int64_t off = *frame_pts_ - media::rescale(*expected_, 90'000, timescale);
    if (off >= -rounding_max && off <= rounding_max) return expected_;
  }
  return media::rescale(*frame_pts_, timescale, 90'000);
}

void AudioFrameReader::describe_track() {
  if (codec_ == Codec::opus) return;
  Track& track = sink_.tracks[track_];
  const auto& adts = frame_.adts;
  const bool is_known = track.timescale == frame_.sample_rate &&
                        track.sample_rate == frame_.sample_rate &&
                        track.channels == frame_.channels;
  const bool is_same_config =
      codec_ != Codec::aac || (object_type_ == adts.object_type && rate_index_ == adts.rate_index &&
                               channel_config_ == adts.channel_config);
  if (is_known && is_same_config) return;
  // The track cannot say any more what those that wait were made for.
  std::erase_if(sink_.ready, [this](const Sample& sample) { return sample.track == track_; });
  if (track.timescale != frame_.sample_rate) {
    if (expected_) expected_ = media::rescale(*expected_, frame_.sample_rate, track.timescale);
    order_.on_timescale(frame_.sample_rate, track.timescale);
  }
  track.timescale = frame_.sample_rate;
  track.sample_rate = frame_.sample_rate;
  track.channels = frame_.channels;
  if (codec_ == Codec::aac) {
    track.config = codec::aac::make_config(adts);
    object_type_ = adts.object_type;
    rate_index_ = adts.rate_index;
    channel_config_ = adts.channel_config;
  }
  ++sink_.tracks_version;
}

}  // namespace mpegts
