#include "relay/disk/record_writer.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/disk/head_box.hpp"
#include "relay/media/timescale.hpp"
#include "relay/protocol/wire/checksum.hpp"
#include "relay/protocol/wire/tracks.hpp"

namespace disk {
namespace {

using media::Sample;

// The smallest block of an arena: so much of a header is written at one stretch.
constexpr std::size_t piece_bytes_max = 4096;
// Longer is a pause, not how long a frame lasts.
constexpr std::int64_t length_max = 10 * stream::media_ticks_per_second;
constexpr std::uint8_t no_track = 0xFF;

std::size_t payload_bytes(std::span<const Sample> samples) noexcept {
  std::size_t bytes = 0;
  for (const Sample& sample : samples) bytes += sample.payload.bytes();
  return bytes;
}

// As all who tell tracks over the wire make a version: of what they say.
wire::Tracks to_told(std::span<const media::Track> tracks) {
  wire::Tracks told = wire::from_media(tracks, 1);
  told.version = wire::version_of(told.tracks);
  return told;
}

}  // namespace

RecordWriter::RecordWriter(memory::BlockPool& pool, memory::Account* account)
    : pool_(pool), headers_(pool, account) {}

RecordWriter::Record RecordWriter::write(const stream::Chunk& chunk) {
  Record record;
  record.position = chunk.position;
  record.number = chunk.segment;
  record.discontinuity = chunk.discontinuity;
  record.entry.sync = chunk.sync;
  record.entry.utc = chunk.utc;
  record.entry.time = chunk.time;
  const auto samples = take_samples(chunk, record);
  record.is_lost = record.is_lost || !write_header(chunk, samples, record);
  if (!record.is_lost) {
    for (const Sample& sample : samples) record.bytes.append(sample.payload);
    record.entry.bytes = box_.record_bytes;
    record.end_time = box_.end_time();
    record.begins_anew = std::exchange(are_tracks_new_, false);
  }
  packets_.clear();
  return record;
}

std::span<const Sample> RecordWriter::take_samples(const stream::Chunk& chunk, Record& record) {
  if (chunk.container == media::Container::mpegts) return take_packets(chunk, record);
  input_.reset();
  if (source_tracks_ != chunk.tracks || source_told_ != chunk.wire_tracks) {
    source_tracks_ = chunk.tracks;
    source_told_ = chunk.wire_tracks;
    use_tracks(*chunk.tracks, chunk.wire_tracks);
  }
  return drop_untold(chunk.samples);
}

std::span<const Sample> RecordWriter::take_packets(const stream::Chunk& chunk, Record& record) {
  source_tracks_.reset();
  source_told_.reset();
  record.entry.sync = false;
  if (!input_) input_.emplace(pool_);
  if (!input_->read(chunk)) {
    input_->drop();
    record.is_lost = true;
    return {};
  }
  if (!input_->is_ready(chunk)) return {};
  const std::uint8_t tables_version = chunk.tracks ? chunk.tracks->tables_version : 0;
  if (input_->take_change() || (tracks_ && tracks_->tables_version != tables_version)) {
    const auto tracks = input_->tracks();
    use_tracks({{tracks.begin(), tracks.end()}, tables_version, true}, nullptr);
  }
  packets_.swap(input_->samples());
  record.entry.sync = stream::begins_with_sync(packets_, input_->tracks());
  return drop_untold(packets_);
}

// A publisher may have more tracks than the wire tells, and than the box can name.
std::span<const Sample> RecordWriter::drop_untold(std::span<const Sample> samples) {
  const std::size_t tracks = tracks_ ? tracks_->tracks.size() : 0;
  const auto is_told = [tracks](const Sample& sample) { return sample.track < tracks; };
  if (std::ranges::all_of(samples, is_told)) return samples;
  told_samples_.clear();
  std::ranges::copy_if(samples, std::back_inserter(told_samples_), is_told);
  return told_samples_;
}

void RecordWriter::use_tracks(const media::TrackSet& tracks,
                              std::shared_ptr<const wire::Tracks> told) {
  media::TrackSet kept = tracks;
  if (kept.tracks.size() > wire::tracks_max) kept.tracks.resize(wire::tracks_max);
  if (!told) told = std::make_shared<const wire::Tracks>(to_told(kept.tracks));
  if (tracks_ && are_alike(*tracks_, kept) && *told_ == *told) return;
  tracks_ = std::make_shared<const media::TrackSet>(std::move(kept));
  told_ = std::move(told);
  fragment_.emplace(tracks_->tracks);
  clocks_.assign(tracks_->tracks.size(), {});
  are_tracks_new_ = true;
}

// What players of the file are shown. Their times never go back: where a publisher takes over,
// audio that was heard already is left out, and a video frame moves behind the last.
std::span<const Sample> RecordWriter::to_shown(std::span<const Sample> samples) {
  std::size_t plain = 0;
  while (plain < samples.size() && follows(samples[plain])) ++plain;
  if (plain == samples.size()) return samples;
  shown_samples_.assign(samples.begin(), samples.end());
  bool is_checked = true;  // the first of them
  for (Sample& sample : std::span(shown_samples_).subspan(plain)) {
    if (!std::exchange(is_checked, false) && follows(sample)) continue;
    std::int64_t& last = clocks_[sample.track].last;
    const bool is_video = tracks_->tracks[sample.track].kind == media::Kind::video;
    if (!is_video || sample.dts < 0 || last == std::numeric_limits<std::int64_t>::max()) {
      sample.track = no_track;
      continue;
    }
    sample.dts = ++last;
    sample.pts = std::max(sample.pts, sample.dts);
  }
  return shown_samples_;
}

bool RecordWriter::follows(const Sample& sample) noexcept {
  Clock& clock = clocks_[sample.track];
  if (sample.dts <= clock.last) return false;
  if (clock.last >= 0) clock.interval = sample.dts - clock.last;
  clock.last = sample.dts;
  return true;
}

// Up to where its last video frame ends, or whatever it has.
std::uint32_t RecordWriter::length_of(const stream::Chunk& chunk,
                                      std::span<const Sample> samples) noexcept {
  const auto& tracks = tracks_->tracks;
  const Sample* last = nullptr;
  for (const Sample& sample : samples) {
    const bool is_video = tracks[sample.track].kind == media::Kind::video;
    if (last == nullptr || is_video || tracks[last->track].kind != media::Kind::video) {
      last = &sample;
    }
  }
  if (last == nullptr) return length_;
  const std::int64_t duration =
      last->duration != 0 ? last->duration : clocks_[last->track].interval;
  const auto to_media = [timescale = tracks[last->track].timescale](std::int64_t ticks) {
    return media::rescale(ticks, static_cast<std::uint32_t>(stream::media_ticks_per_second),
                          timescale);
  };
  // A publisher may make up any time: far from that of its chunk, nothing is added to it.
  const stream::MediaTime begin = to_media(last->dts);
  if (begin < chunk.time - length_max || begin > chunk.time + length_max) return length_;
  const std::int64_t length = begin - chunk.time + to_media(duration);
  if (length > 0 && length <= length_max) length_ = static_cast<std::uint32_t>(length);
  return length_;
}

void RecordWriter::describe(const stream::Chunk& chunk, std::span<const Sample> samples,
                            const Record& record) {
  box_.sync = record.entry.sync;
  box_.is_wire = chunk.container == media::Container::wire;
  box_.position = chunk.position;
  box_.utc = chunk.utc;
  box_.time = chunk.time;
  box_.length = samples.empty() ? length_ : length_of(chunk, samples);
  box_.segment = chunk.segment;
  box_.part = chunk.part;
  box_.discontinuity = chunk.discontinuity;
  box_.video_frames = chunk.video_frames;
  box_.audio_frames = chunk.audio_frames;
  box_.wire_offset = chunk.wire_offset;
  box_.stamp_offset = chunk.stamp_offset;
  box_.samples.clear();
  for (const Sample& sample : samples) {
    box_.samples.push_back({sample.track, sample.sync, sample.dts, sample.pts, sample.duration,
                            static_cast<std::uint32_t>(sample.payload.bytes())});
  }
  // What a publisher says of all samples it has sent need not be computed again.
  const bool is_told = chunk.checksum && samples.data() == chunk.samples.data();
  box_.payload_checksum = is_told ? *chunk.checksum : wire::checksum_of(samples);
}

// False: it is too large, or no block was free.
bool RecordWriter::write_header(const stream::Chunk& chunk, std::span<const Sample> samples,
                                Record& record) {
  const std::size_t payload = payload_bytes(samples);
  if (samples.size() > record_samples_max) return false;
  if (payload > record_bytes_max - record_header_bytes_max) return false;
  const auto shown = to_shown(samples);
  describe(chunk, samples, record);
  const std::size_t fragment = payload > 0 ? fragment_->plan_in_order(shown) : 0;
  header_.resize(chunk_box_bytes_bound(samples.size()) + fragment);
  write_chunk_box(box_, static_cast<std::uint32_t>(fragment + payload), header_);
  const auto header = std::span(header_).first(box_.box_bytes + fragment);
  if (header.size() > record_header_bytes_max) return false;
  if (fragment > 0) {
    fragment_->write_in_order(header.subspan(box_.box_bytes),
                              static_cast<std::uint32_t>(chunk.sequence), shown);
  }
  seal_record(header);
  for (auto rest = header; !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), piece_bytes_max));
    const auto window = headers_.copy_header(piece);
    if (!window) {
      record.bytes.clear();
      return false;
    }
    record.bytes.push_back(*window);
    rest = rest.subspan(piece.size());
  }
  return true;
}

std::string RecordWriter::head(const std::string& stream, const Record& first,
                               GapReason gap) const {
  Head head{stream, first.position.epoch, gap, tracks_, told_};
  // Only for what came in before anything was known of tracks.
  if (!head.tracks) head.tracks = std::make_shared<const media::TrackSet>();
  if (!head.wire_tracks) head.wire_tracks = std::make_shared<const wire::Tracks>();
  return write_head(head);
}

void RecordWriter::on_gap() {
  if (input_) input_->drop();
}

}  // namespace disk
