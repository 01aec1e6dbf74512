#include "relay/session/ingest.hpp"

#include "relay/session/fmp4_ingest.hpp"
#include "relay/session/ts_ingest.hpp"

namespace session {

std::unique_ptr<Ingest> make_ingest(media::Container container, stream::Home& home,
                                    memory::BlockPool& pool, bool is_continuing) {
  if (container == media::Container::mpegts) {
    return std::make_unique<TsIngest>(home, pool, is_continuing);
  }
  return std::make_unique<Fmp4Ingest>(home, pool, is_continuing);
}

}  // namespace session
