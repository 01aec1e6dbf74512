#include "relay/stream/ts_remuxer.hpp"

#include <utility>

#include "relay/media/timeline.hpp"
#include "relay/media/timescale.hpp"

namespace stream {
namespace {

// The same samples with the times that MPEG-TS timestamps of this log have.
std::vector<media::Sample> with_stamps(const Chunk& source) {
  std::vector<media::Sample> samples = source.samples;
  for (media::Sample& sample : samples) {
    const std::int64_t offset =
        media::rescale(source.stamp_offset, source.tracks->tracks[sample.track].timescale,
                       media::Timeline::ticks_per_second);
    sample.dts -= offset;
    sample.pts -= offset;
  }
  return samples;
}

// The tables that came with these PIDs may say more than ours: theirs have another version.
std::uint8_t tables_version(const media::TrackSet& tracks) {
  constexpr unsigned versions = 32;
  const unsigned version = tracks.tables_version + (tracks.has_pids ? versions / 2 : 0);
  return static_cast<std::uint8_t>(version % versions);
}

}  // namespace

void TsRemuxer::remux(const Chunk& source, Chunk& out) {
  if (source.container != media::Container::mpegts) {
    held_.clear();  // of a publisher that is gone
    held_join_.reset();
    return write(source, out);
  }
  writer_.reset();
  tracks_.reset();
  is_joined_ = true;
  waits_for_sync_ = false;
  const bool is_in_pieces = source.continues_frame || source.is_frame_open;
  if (has_whole_frames_ && (is_in_pieces || !held_.empty())) return pass_on(source, out);
  out.bytes = source.bytes;
  out.http_image = source.http_image;
  out.join = source.join;
}

// What is held is a frame that has ended, if another one begins here.
void TsRemuxer::pass_on(const Chunk& source, Chunk& out) {
  out.continues_frame = false;
  out.is_frame_open = false;
  out.sync = false;
  const auto let_go = [&] {
    if (out.bytes.empty()) {
      out.sync = is_held_sync_;
      out.join = std::move(held_join_);
    }
    out.bytes.append(held_);
    held_.clear();
    held_join_.reset();
    is_held_sync_ = false;
  };
  if (!source.continues_frame) let_go();
  if (held_.empty()) {
    is_held_sync_ = source.sync;
    held_join_ = source.join;
  }
  held_.append(source.bytes);
  if (!source.is_frame_open) let_go();
}

void TsRemuxer::write(const Chunk& source, Chunk& out) {
  out.container = media::Container::mpegts;
  if (waits_for_sync_ && !source.sync) return;
  const bool is_other = tracks_ != source.tracks;
  if (is_other) {
    tracks_ = source.tracks;
    writer_.emplace(pool_, tracks_->tracks, tables_version(*tracks_), tracks_->has_pids);
  }
  const bool with_tables = source.sync || is_other || is_past_;
  auto image = writer_->write(with_stamps(source), with_tables);
  if (!image) {
    waits_for_sync_ = true;
    out.sync = false;
    return;
  }
  // Whoever read another publisher's packets before is told that counters jump.
  const bool is_seam = (is_other || waits_for_sync_) && is_joined_;
  waits_for_sync_ = false;
  is_joined_ = true;
  if (source.sync || is_past_) {
    out.join = std::make_shared<const JoinImages>(JoinImages{{}, image->skip_join});
  }
  if (is_seam) out.bytes = std::move(image->skip_join);
  out.bytes.append(image->bytes);
}

void TsRemuxer::on_gap() {
  held_.clear();
  held_join_.reset();
  writer_.reset();
  tracks_.reset();
  waits_for_sync_ = false;
}

}  // namespace stream
