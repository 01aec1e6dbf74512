#include "relay/stream/stream.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace stream {

Stream::Stream(std::string path, const PathPolicy& policy, Fanout& fanout,
               std::uint64_t first_sequence)
    : path_(std::move(path)), policy_(policy), fanout_(fanout), log_(policy.tail, first_sequence) {}

Stream::~Stream() {
  drop_unused_feeds();
  RELAY_ASSERT(feeds_.empty());  // viewers leave before their stream goes
}

Feed& Stream::feed(Framing framing) {
  for (const auto& feed : feeds_) {
    if (feed->framing() == framing) return *feed;
  }
  return *feeds_.emplace_back(std::make_unique<Feed>(log_, fanout_, framing));
}

void Stream::drop_unused_feeds() {
  std::erase_if(feeds_, [](const auto& feed) { return feed->drop_empty_audiences(); });
}

bool Stream::end_finished() {
  for (const auto& feed : feeds_) {
    for (const auto& audience : feed->audiences()) {
      // From behind: one that leaves is replaced by the last, which was looked at already.
      for (std::size_t seat = audience->cursors().size(); seat-- > 0;) {
        Cursor& cursor = *audience->cursors()[seat];
        if (cursor.has_read_all()) cursor.end();
      }
    }
  }
  drop_unused_feeds();
  return feeds_.empty();
}

void Stream::end() {
  for (const auto& feed : feeds_) {
    for (const auto& audience : feed->audiences()) {
      while (!audience->empty()) audience->cursors().back()->end();
    }
  }
  drop_unused_feeds();
}

MediaTime Stream::lag_max() const noexcept {
  MediaTime lag = 0;
  for (const auto& feed : feeds_) {
    for (const auto& audience : feed->audiences()) {
      for (const Cursor* cursor : audience->cursors()) lag = std::max(lag, cursor->lag());
    }
  }
  return lag;
}

std::size_t Stream::viewers() const noexcept {
  std::size_t viewers = 0;
  for (const auto& feed : feeds_) {
    for (const auto& audience : feed->audiences()) viewers += audience->cursors().size();
  }
  return viewers;
}

void Stream::append(Chunk chunk) {
  const base::Time received = chunk.received;
  log_.append(std::move(chunk));
  log_.trim();
  for (const auto& feed : feeds_) {
    feed->append();
    feed->trim();
    fanout_.on_append(*feed, received);
  }
}

void Stream::trim_to_newest_group() {
  log_.trim_to_newest_group();
  for (const auto& feed : feeds_) feed->trim();
}

void Stream::restart(std::uint64_t sequence) {
  log_.restart(sequence);
  for (const auto& feed : feeds_) {
    feed->restart();
    for (const auto& audience : feed->audiences()) {
      for (Cursor* cursor : audience->cursors()) cursor->restart();
    }
  }
}

}  // namespace stream
