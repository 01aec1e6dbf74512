#include "relay/session/ingest.hpp"

#include <algorithm>

#include "relay/session/fmp4_ingest.hpp"
#include "relay/session/ts_ingest.hpp"

namespace session {

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

std::unique_ptr<Ingest> make_ingest(media::Container container, stream::Home& home,
                                    memory::BlockPool& pool, bool is_continuing) {
  if (container == media::Container::mpegts) {
    return std::make_unique<TsIngest>(home, pool, is_continuing);
  }
  return std::make_unique<Fmp4Ingest>(home, pool, is_continuing);
}

}  // namespace session
