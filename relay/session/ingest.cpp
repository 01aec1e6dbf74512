#include "relay/session/ingest.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "relay/session/fmp4_ingest.hpp"
#include "relay/session/ts_ingest.hpp"

namespace session {
namespace {

// What the tables of an MPEG-TS with these tracks depend on.
std::string describe(std::span<const media::Track> tracks) {
  std::string text = "samples";
  for (const media::Track& track : tracks) {
    text += '/';
    text += name(track.codec);
    text += track.language + std::to_string(track.channels);
  }
  return text;
}

}  // namespace

stream::Chunk place_chunk(stream::Home& home, std::optional<std::int64_t> dts_90k, base::Time now,
                          base::Utc arrival, stream::InputFaults& faults) {
  const auto position = home.timeline().on_frame(dts_90k, arrival);
  if (position.jumped) home.on_discontinuity();
  if (position.jumped && !position.is_seam) ++faults[stream::InputFault::clock_jump];
  stream::Chunk chunk;
  chunk.utc = position.utc;
  chunk.time = position.time;
  chunk.received = now;
  const base::Duration ahead = position.utc - arrival;
  chunk.ahead = stream::to_media_time(std::max(ahead, base::Duration::zero()));
  return chunk;
}

std::shared_ptr<const media::TrackSet> share_tracks(stream::Home& home,
                                                    std::vector<media::Track> tracks) {
  std::string said = describe(tracks);
  if (!home.tables) {
    home.tables = {std::move(said), 0};
  } else if (home.tables->said != said) {
    const auto next = static_cast<std::uint8_t>((home.tables->version + 1) % table_versions);
    home.tables = {std::move(said), next};
  }
  return std::make_shared<const media::TrackSet>(
      media::TrackSet{std::move(tracks), home.tables->version});
}

std::unique_ptr<Ingest> make_ingest(media::Container container, stream::Home& home,
                                    memory::BlockPool& pool, bool is_continuing) {
  if (container == media::Container::mpegts) {
    return std::make_unique<TsIngest>(home, pool, is_continuing);
  }
  return std::make_unique<Fmp4Ingest>(home, pool, is_continuing);
}

}  // namespace session
