#include "relay/session/ts_ingest.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace session {
namespace {

using stream::InputFault;

// Of a section: table_id 8, length 16, extension 16, reserved 2, version 5, current 1.
constexpr std::size_t version_at = 5;
constexpr std::size_t crc_bytes = 4;

struct Said {
  std::string text;  // all sections, without version and CRC
  unsigned version = 0;
};

Said read_tables(const std::vector<mpegts::TableSection>& tables) {
  Said said;
  for (const mpegts::TableSection& table : tables) {
    if (table.bytes.size() <= version_at + crc_bytes) continue;
    std::string text(reinterpret_cast<const char*>(table.bytes.data()),
                     table.bytes.size() - crc_bytes);
    said.version = static_cast<unsigned char>(text[version_at]) >> 1 & (table_versions - 1);
    text[version_at] = 0;
    said.text += text;
  }
  return said;
}

void add_counters(stream::InputFaults& faults, const mpegts::Counters& counters) {
  faults[InputFault::sync_lost] += counters.resyncs;
  faults[InputFault::bad_section] += counters.bad_sections;
  faults[InputFault::packets_lost] += counters.continuity_errors;
  faults[InputFault::bad_packet] += counters.bad_packets;
  faults[InputFault::bad_pes] += counters.bad_pes;
  faults[InputFault::too_many_pids] += counters.unfollowed_packets;
  faults[InputFault::long_frame] += counters.long_frames;
  faults[InputFault::no_block] += counters.joins_failed;
  faults[InputFault::cut] += counters.cut_bytes > 0 ? 1u : 0u;
}

std::uint16_t to_count(std::uint32_t frames) {
  return static_cast<std::uint16_t>(std::min(frames, 0xffffu));
}

}  // namespace

TsIngest::TsIngest(stream::Home& home, memory::BlockPool& pool, bool is_continuing)
    : home_(home), pool_(pool), until_sync_(is_continuing), is_seam_(is_continuing) {
  reader_.emplace(pool_);
}

base::Result<void> TsIngest::feed(memory::Window bytes, base::Time now) {
  return reader_->feed(std::move(bytes), now);
}

std::optional<stream::Chunk> TsIngest::poll(base::Time now, base::Utc arrival) {
  while (auto piece = reader_->poll()) {
    if (!is_dropped(*piece)) return to_chunk(std::move(*piece), now, arrival);
  }
  return std::nullopt;
}

bool TsIngest::is_dropped(const mpegts::Piece& piece) {
  seen_video_ = seen_video_ || piece.video_frames > 0;
  if (until_sync_ && !piece.sync) {
    ++dropped_;
    return true;
  }
  return false;
}

// A piece that goes on with a frame has its dts again.
void TsIngest::count_faults(const mpegts::Piece& piece) {
  seen_keyframe_ = seen_keyframe_ || (piece.sync && seen_video_);
  if (piece.video_frames == 0 || piece.continues_frame) return;
  if (!seen_keyframe_) ++faults_[InputFault::no_keyframe];
  if (!piece.dts) return;
  if (last_dts_ && *piece.dts <= *last_dts_) ++faults_[InputFault::bad_time];
  last_dts_ = piece.dts;
}

stream::InputFaults TsIngest::faults() const {
  stream::InputFaults faults = faults_;
  add_counters(faults, reader_->counters());
  return faults;
}

stream::Chunk TsIngest::to_chunk(mpegts::Piece piece, base::Time now, base::Utc arrival) {
  until_sync_ = false;
  count_faults(piece);
  stream::Chunk chunk = place_chunk(home_, piece.dts, now, arrival, faults_);
  if (const auto version = reader_->tracks_version(); version != tracks_version_) {
    tracks_version_ = version;
    follow_tables();
  }
  restamp(piece);
  if (const auto offset = home_.timeline().offset()) home_.stamp_offset = *offset - delta_;

  chunk.container = media::Container::mpegts;
  // Before the first video frame there is nothing to wait for: tables and audio may be joined.
  chunk.sync = piece.sync || !seen_video_;
  chunk.continues_frame = piece.continues_frame;
  chunk.is_frame_open = piece.is_frame_open;
  chunk.video_frames = to_count(piece.video_frames);
  chunk.audio_frames = to_count(piece.audio_frames);
  chunk.tracks = tracks_;
  chunk.stamp_offset = home_.stamp_offset;
  const bool is_seam = std::exchange(is_seam_, false);
  if (std::exchange(is_behind_gap_, false) || is_seam) {
    // Whoever reads on from what was before is told that counters jump; who begins here, too.
    chunk.bytes = std::move(piece.skip_join);
    chunk.bytes.append(piece.bytes);
    return chunk;
  }
  chunk.bytes = std::move(piece.bytes);
  if (chunk.sync && (!piece.start_join.empty() || !piece.skip_join.empty())) {
    chunk.join = std::make_shared<const stream::JoinImages>(
        stream::JoinImages{std::move(piece.start_join), std::move(piece.skip_join)});
  }
  return chunk;
}

// The clock of a publisher that continues a stream goes on from where the last one stood.
void TsIngest::restamp(mpegts::Piece& piece) {
  if (is_seam_ && !restamper_) {
    const auto offset = home_.timeline().offset();
    delta_ = offset ? *offset - home_.stamp_offset : 0;
    restamper_.emplace(delta_, home_.tables->version);
  }
  if (!restamper_) return;
  restamper_->restamp(piece.bytes);
  if (piece.skip_join.empty()) return;
  // Pieces share the tables at the end of their join images until others come: once is enough.
  const memory::Window& tables = piece.skip_join[piece.skip_join.count() - 1];
  if (std::exchange(restamped_, tables.data() + tables.size()) != tables.data() + tables.size()) {
    restamper_->restamp(piece.skip_join);
  }
}

void TsIngest::follow_tables() {
  auto said = read_tables(reader_->tables());
  if (!home_.tables) {
    home_.tables = {std::move(said.text), static_cast<std::uint8_t>(said.version)};
  } else if (is_seam_) {
    const unsigned next = home_.tables->version + (said.text == home_.tables->said ? 0u : 1u);
    version_step_ =
        static_cast<std::uint8_t>((next + table_versions - said.version) % table_versions);
  }
  home_.tables->version =
      static_cast<std::uint8_t>((said.version + version_step_) % table_versions);
  if (!said.text.empty()) home_.tables->said = std::move(said.text);
  tracks_ = std::make_shared<const media::TrackSet>(
      media::TrackSet{{reader_->tracks().begin(), reader_->tracks().end()}, home_.tables->version});
}

// What was read so far ends in the middle of a frame: forget it, and begin again at a sync piece.
void TsIngest::on_input_lost() {
  ++faults_[InputFault::input_lost];
  add_counters(faults_, reader_->counters());
  reader_.emplace(pool_);
  tracks_version_.reset();
  last_dts_.reset();
  until_sync_ = true;
  is_behind_gap_ = true;
  home_.on_gap(wire::GapReason::memory);
}

}  // namespace session
