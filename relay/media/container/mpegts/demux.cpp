#include "relay/media/container/mpegts/demux.hpp"

#include <algorithm>

#include "relay/media/codec/aac.hpp"

namespace mpegts {
namespace {

using media::Codec;
using media::Kind;
using media::Track;

// Video that sent no frame for so long does not hold audio back.
constexpr std::chrono::milliseconds video_active{500};
// Video that sent no frame for so long is gone: viewers may begin with audio alone. Not sooner,
// since a decoder that began between two slow frames would be broken until the next sync frame.
constexpr std::chrono::seconds video_gone{10};

std::uint8_t first_of(const std::vector<Track>& tracks, Kind kind, std::uint8_t none) {
  for (std::size_t index = 0; index < tracks.size(); ++index) {
    if (tracks[index].kind == kind) return static_cast<std::uint8_t>(index);
  }
  return none;
}

}  // namespace

Demux::Demux() { pids_.assign(pat_pid, Role::pat, 0); }

void Demux::set_time(base::Time now) noexcept {
  now_ = now;
  if (video_ != no_stream && now - last_video_ <= video_active) {
    lead_ = Lead::video;
  } else {
    lead_ = audio_ != no_stream ? Lead::audio : Lead::none;
  }
}

bool Demux::cuts_before(const Packet& packet) noexcept {
  if (!packet.is_unit_start()) return false;
  const auto slot = pids_.find(packet.pid());
  const auto& entry = pids_[slot];
  if (entry.role != Role::stream || pids_.is_duplicate(slot, packet)) return false;
  if (entry.index == video_ && frame_.is_open && has_video_ && !needs_scan()) {
    end_video_frame(counters_.ended_by_start);
    return true;
  }
  if (entry.index == audio_ && lead_ == Lead::audio && has_audio_ &&
      streams_[audio_].pes.is_open()) {
    end_audio_frame(audio_);
    return true;
  }
  return false;
}

Demux::Took Demux::take(const Packet& packet) {
  ++counters_.packets;
  auto slot = pids_.find(packet.pid());
  if (slot == PidTable::none) {
    slot = pids_.add(packet.pid());
    if (slot == PidTable::none) {
      if (packet.pid() != null_pid) ++counters_.unfollowed_packets;
      return Took::more;
    }
  }
  const auto order = pids_.on_packet(slot, packet);
  if (packet.has_error() || packet.is_malformed()) ++counters_.bad_packets;
  const bool is_lost = order == PidTable::Order::lost;
  if (is_lost) ++counters_.continuity_errors;
  const auto& entry = pids_[slot];
  if (order == PidTable::Order::duplicate || !packet.has_payload()) return Took::more;
  switch (entry.role) {
    case Role::stream:
      return take_stream(packet, entry.index, is_lost) ? Took::end : Took::more;
    case Role::pat:
    case Role::pmt:
      return take_table(packet, is_lost) ? Took::more : Took::too_many_tracks;
    case Role::other:
      break;
  }
  return Took::more;
}

Demux::Piece Demux::end_piece(bool is_forced) noexcept {
  if (is_forced && frame_.is_open && has_video_) {
    // Its rest may still come, with the next piece; this one holds its beginning.
    if (!frame_.is_counted) end_video_frame(counters_.ended_by_time);
    frame_.is_open = true;
    scanner_.give_up();
  }
  Piece piece = piece_;
  piece.is_sync = is_sync();
  if (!begins_frame_) piece.dts = lead_ == Lead::video ? video_dts_ : audio_dts_;
  piece_ = {};
  begins_frame_ = false;
  has_video_ = false;
  has_audio_ = false;
  audio_since_.reset();
  return piece;
}

bool Demux::is_sync() const noexcept {
  if (begins_frame_) {
    if (!frame_.is_parsed) return frame_.is_random_access;
    return scanner_.verdict() == codec::FrameScanner::Verdict::sync;
  }
  if (video_ != no_stream) return lead_ == Lead::audio && now_ - last_video_ > video_gone;
  return !tracks_.empty();
}

bool Demux::has_open_frame() const noexcept {
  if (lead_ == Lead::video) return frame_.is_open && has_video_;
  return lead_ == Lead::audio && has_audio_ && streams_[audio_].pes.is_open();
}

bool Demux::knows_frame_length() const noexcept {
  return lead_ == Lead::audio && streams_[audio_].pes.has_length();
}

bool Demux::take_stream(const Packet& packet, std::uint8_t index, bool is_lost) {
  Stream& stream = streams_[index];
  if (is_lost) stream.pes.on_loss();
  bool is_end = false;
  if (index == video_) {
    is_end = take_video(packet, stream);
  } else if (tracks_[index].kind == Kind::audio) {
    is_end = take_audio(packet, index, stream);
  }
  if (stream.pes.take_lie() && !packet.is_scrambled()) ++counters_.bad_pes;
  return is_end;
}

bool Demux::take_video(const Packet& packet, Stream& stream) {
  is_inside_frame_ = false;
  if (packet.is_unit_start()) begin_video_unit(packet, stream);
  const auto end = stream.pes.take(packet.payload(), packet.is_stuffed());
  if (stream.pes.is_open()) frame_.is_open = true;
  if (!frame_.is_open) return false;
  has_video_ = true;
  if (frame_.needs_dts && stream.pes.has_header()) {
    frame_.needs_dts = false;
    if (const auto stamp = stream.pes.dts()) on_video_dts(*stamp);
  }
  if (needs_scan()) {
    scanner_.scan(stream.pes.elementary());
    // A unit without a picture holds what belongs to the frame in the next one.
    if (needs_scan()) return false;
    Track& track = tracks_[video_];
    const auto size = scanner_.size().value_or(codec::VideoSize{});
    if (size.width != track.width || size.height != track.height) {
      track.width = size.width;
      track.height = size.height;
      ++tracks_version_;
    }
  }
  if (end == PesTracker::End::none) {
    is_inside_frame_ = stream.pes.is_open() && !frame_.needs_dts;
    return false;
  }
  end_video_frame(end == PesTracker::End::length ? counters_.ended_by_length
                                                 : counters_.ended_by_stuffing);
  return true;
}

void Demux::begin_video_unit(const Packet& packet, Stream& stream) {
  piece_.begins_unit = piece_.begins_unit || !has_video_;
  last_video_ = now_;
  lead_ = Lead::video;
  stream.pes.begin();
  if (frame_.is_open && needs_scan()) return;
  if (frame_.is_open) end_video_frame(counters_.ended_by_start);
  const Codec codec = tracks_[video_].codec;
  frame_ = {};
  frame_.is_open = true;
  frame_.is_counted = false;
  frame_.needs_dts = true;
  frame_.is_parsed = !packet.is_scrambled() && (codec == Codec::h264 || codec == Codec::h265);
  frame_.is_random_access = packet.has_random_access();
  begins_frame_ = true;
  piece_.dts.reset();
  scanner_.begin();
}

void Demux::on_video_dts(std::uint64_t stamp) {
  const std::int64_t dts = unwrap_.unwrap(stamp);
  if (video_dts_) tracks_[video_].rate.on_interval(dts - *video_dts_);
  video_dts_ = dts;
  if (begins_frame_) piece_.dts = dts;
}

void Demux::end_video_frame(std::uint64_t& reason) noexcept {
  frame_.is_open = false;
  is_inside_frame_ = false;
  if (frame_.is_counted) return;
  frame_.is_counted = true;
  ++reason;
  ++piece_.video_frames;
  ++counters_.video_frames;
  ++tracks_[video_].frames;
}

bool Demux::take_audio(const Packet& packet, std::uint8_t index, Stream& stream) {
  if (packet.is_unit_start()) {
    end_audio_frame(index);
    stream.pes.begin();
    stream.is_counted = false;
  }
  const auto end = stream.pes.take(packet.payload(), packet.is_stuffed());
  if (!audio_since_) audio_since_ = now_;
  if (packet.is_unit_start()) {
    Track& track = tracks_[index];
    if (index == audio_ && stream.pes.dts() && lead_ == Lead::audio) {
      audio_dts_ = unwrap_.unwrap(*stream.pes.dts());
    }
    if (track.codec == Codec::aac) {
      const auto adts = codec::aac::parse_adts(stream.pes.elementary());
      if (adts && (adts->sample_rate != track.sample_rate || adts->channels != track.channels)) {
        track.sample_rate = adts->sample_rate;
        track.channels = adts->channels;
        ++tracks_version_;
      }
    }
  }
  if (index == audio_) has_audio_ = true;
  if (end == PesTracker::End::none) return false;
  end_audio_frame(index);
  return index == audio_ && lead_ == Lead::audio;
}

void Demux::end_audio_frame(std::uint8_t index) noexcept {
  if (streams_[index].is_counted) return;
  streams_[index].is_counted = true;
  ++piece_.audio_frames;
  ++counters_.audio_frames;
  ++tracks_[index].frames;
}

bool Demux::take_table(const Packet& packet, bool is_lost) {
  ++tables_seen_;
  const std::uint64_t bad_sections = tables_.bad_sections();
  const bool has_new = tables_.take(packet, is_lost, pids_);
  counters_.bad_sections += tables_.bad_sections() - bad_sections;
  if (!has_new) return true;
  const auto tracks = tables_.tracks();
  if (tracks.size() > tracks_max) return false;
  use_tracks(tracks);
  return true;
}

// What is known about a track stays when the tables change around it.
void Demux::use_tracks(std::span<const Track> tracks) {
  const std::uint32_t old_video = video_ == no_stream ? 0 : tracks_[video_].id;
  const Codec old_codec = video_ == no_stream ? Codec::unknown : tracks_[video_].codec;
  std::vector<Track> new_tracks(tracks.begin(), tracks.end());
  std::vector<Stream> new_streams(tracks.size());
  for (std::size_t index = 0; index < new_tracks.size(); ++index) {
    Track& track = new_tracks[index];
    for (std::size_t old = 0; old < tracks_.size(); ++old) {
      if (tracks_[old].id != track.id || tracks_[old].codec != track.codec) continue;
      const std::string language = track.language;
      track = tracks_[old];
      track.language = language;
      new_streams[index] = streams_[old];
    }
  }
  assign_streams(pids_, new_tracks);
  tracks_ = std::move(new_tracks);
  streams_ = std::move(new_streams);
  ++tracks_version_;
  video_ = first_of(tracks_, Kind::video, no_stream);
  audio_ = first_of(tracks_, Kind::audio, no_stream);
  is_inside_frame_ = false;
  video_slot_ = video_ == no_stream ? PidTable::none
                                    : pids_.find(static_cast<std::uint16_t>(tracks_[video_].id));
  const bool is_same_video =
      video_ != no_stream && tracks_[video_].id == old_video && tracks_[video_].codec == old_codec;
  if (!is_same_video) {
    frame_ = {};
    has_video_ = false;
    begins_frame_ = false;
    last_video_ = now_;
    scanner_ = codec::FrameScanner(video_ == no_stream ? Codec::h264 : tracks_[video_].codec);
  }
  has_audio_ = has_audio_ && audio_ != no_stream;
  set_time(now_);
}

}  // namespace mpegts
