#include "relay/media/container/mpegts/sample_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "relay/media/container/mpegts/packet_walk.hpp"
#include "relay/media/container/mpegts/stamp.hpp"

namespace mpegts {

using media::Codec;
using media::Kind;
using media::Track;

SampleReader::SampleReader(memory::BlockPool& pool) noexcept : pool_(pool) {
  pids_.assign(pat_pid, Role::pat, 0);
}

base::Result<void> SampleReader::feed(const memory::WindowList& packets, StampMap stamps,
                                      bool is_frame_open) {
  stamps_ = stamps;
  // From here on all that is ready waits.
  sink_.ready.erase(sink_.ready.begin(),
                    sink_.ready.begin() + static_cast<std::ptrdiff_t>(ready_next_));
  ready_next_ = 0;
  base::Result<void> done;
  walk_packets(packets, [&](PacketBytes bytes, PacketPlace) {
    done = take_packet(Packet(bytes));
    return done.has_value();
  });
  if (done && !is_frame_open) {
    // Chunks end with frames of the first video track.
    const auto video = std::ranges::find(sink_.tracks, Kind::video, &Track::kind);
    if (video != sink_.tracks.end()) {
      Stream& stream = streams_[static_cast<std::size_t>(video - sink_.tracks.begin())];
      if (stream.video) done = stream.video->end_unit();
    }
  }
  if (!done) {
    for (Stream& stream : streams_) lose(stream);
  }
  return done;
}

std::optional<media::Sample> SampleReader::poll() {
  if (ready_next_ == sink_.ready.size()) {
    sink_.ready.clear();
    ready_next_ = 0;
    return std::nullopt;
  }
  return std::move(sink_.ready[ready_next_++]);
}

void SampleReader::on_discontinuity() {
  tables_.on_discontinuity();
  pids_.forget_counters();
  for (Stream& stream : streams_) {
    lose(stream);
    if (stream.audio) stream.audio->forget_time();
  }
}

base::Result<void> SampleReader::take_packet(const Packet& packet) {
  const auto slot = pids_.find(packet.pid());
  const auto& entry = pids_[slot];
  if (entry.role == Role::other) return {};
  const bool is_next = pids_.is_next(slot, packet.counter());
  const auto order = pids_.on_packet(slot, packet);
  if (order == PidTable::Order::duplicate) return {};
  // Where a unit starts and the counter fits, only the clock is another.
  const bool is_jump = packet.has_discontinuity() && !(is_next && packet.is_unit_start());
  const bool is_broken = packet.has_error() || packet.is_scrambled();
  const bool is_lost = order == PidTable::Order::lost || is_jump || is_broken;
  if (entry.role == Role::stream) return take_stream(streams_[entry.index], packet, is_lost);
  if (!packet.has_payload() || is_broken) return {};
  if (tables_.take(packet, is_lost, pids_)) use_tracks(tables_.tracks());
  return {};
}

base::Result<void> SampleReader::take_stream(Stream& stream, const Packet& packet, bool is_lost) {
  if (!stream.video && !stream.audio) return {};
  if (is_lost) {
    lose(stream);
    if (packet.has_error() || packet.is_scrambled()) return {};
  }
  if (packet.is_unit_start()) {
    stream.pes.begin();
    stream.is_lost = false;
    stream.needs_begin = true;
  }
  if (stream.is_lost) return {};
  const auto end = stream.pes.take(packet.payload(), false);
  if (stream.needs_begin) {
    if (!stream.pes.has_header()) return {};
    stream.needs_begin = false;
    const Stamps stamps = map(stream.pes);
    if (stream.video) stream.video->begin_unit(stamps);
    if (stream.audio) stream.audio->begin_unit(stamps);
  }
  if (stream.audio) return stream.audio->take(stream.pes.elementary());
  if (auto taken = stream.video->take(stream.pes.elementary()); !taken) return taken;
  return end == PesTracker::End::length ? stream.video->end_unit() : base::Result<void>{};
}

Stamps SampleReader::map(const PesTracker& pes) const noexcept {
  const auto to_media = [this](std::optional<std::uint64_t> stamp) -> std::optional<std::int64_t> {
    if (!stamp) return std::nullopt;
    return unwrap(static_cast<std::int64_t>(*stamp) + stamps_.offset, stamps_.near);
  };
  return {to_media(pes.pts()), to_media(pes.dts())};
}

void SampleReader::lose(Stream& stream) noexcept {
  if (!stream.is_lost) ++sink_.counters.lost_units;
  stream.is_lost = true;
  if (stream.video) stream.video->on_loss();
  if (stream.audio) stream.audio->on_loss();
}

// What is known about a track stays when the tables change around it.
void SampleReader::use_tracks(std::span<const Track> tracks) {
  tracks = tracks.first(std::min(tracks.size(), tracks_max));
  if (tracks.empty() && sink_.tracks.empty()) return;  // a PAT; no PMT yet
  std::vector<Track> old_tracks = std::exchange(sink_.tracks, {tracks.begin(), tracks.end()});
  std::vector<Stream> old_streams = std::exchange(streams_, {});
  std::array<std::optional<std::uint8_t>, tracks_max> indices;  // by the old ones
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    Track& track = sink_.tracks[index];
    const auto known = std::ranges::find_if(old_tracks, [&track](const Track& old) {
      return old.id == track.id && old.codec == track.codec;
    });
    if (known == old_tracks.end()) {
      streams_.push_back(make_stream(static_cast<std::uint8_t>(index)));
      continue;
    }
    const auto old = static_cast<std::size_t>(known - old_tracks.begin());
    indices[old] = static_cast<std::uint8_t>(index);
    known->language = track.language;
    track = std::move(*known);
    streams_.push_back(std::move(old_streams[old]));
    if (streams_[index].video) streams_[index].video->set_track(static_cast<std::uint8_t>(index));
    if (streams_[index].audio) streams_[index].audio->set_track(static_cast<std::uint8_t>(index));
  }
  move_ready(indices);
  assign_streams(pids_, sink_.tracks);
  ++sink_.tracks_version;
}

void SampleReader::move_ready(std::span<const std::optional<std::uint8_t>> indices) {
  std::erase_if(sink_.ready, [&](const media::Sample& sample) { return !indices[sample.track]; });
  for (media::Sample& sample : sink_.ready) sample.track = *indices[sample.track];
}

SampleReader::Stream SampleReader::make_stream(std::uint8_t index) {
  Stream stream;
  switch (const Codec codec = sink_.tracks[index].codec) {
    case Codec::h264:
    case Codec::h265:
      stream.video = std::make_unique<AccessUnitReader>(sink_, index, codec, pool_);
      break;
    case Codec::aac:
    case Codec::mp3:
    case Codec::opus:
      stream.audio = std::make_unique<AudioFrameReader>(sink_, index, codec, pool_);
      break;
    default:
      break;
  }
  return stream;
}

}  // namespace mpegts
