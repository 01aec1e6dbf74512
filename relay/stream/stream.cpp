#include "relay/stream/stream.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace stream {

Stream::Stream(std::string path, const PathPolicy& policy, Fanout& fanout, memory::BlockPool& pool,
               std::uint64_t first_sequence, bool is_past)
    : path_(std::move(path)),
      policy_(policy),
      fanout_(fanout),
      pool_(pool),
      log_(policy.tail, first_sequence, is_past) {}

Stream::~Stream() {
  drop_unused_feeds();
  RELAY_ASSERT(formats_.empty());  // viewers leave before their stream goes
}

// Of the past all frames are whole.
FormatKind Stream::kind_of(FormatKind kind) const noexcept {
  return log_.is_past() ? FormatKind(kind.container) : kind;
}

Format* Stream::find(FormatKind kind) const noexcept {
  const auto found = std::ranges::find_if(
      formats_, [wanted = kind_of(kind)](const auto& one) { return one->kind() == wanted; });
  return found == formats_.end() ? nullptr : found->get();
}

Feed& Stream::feed(FormatKind kind, Framing framing, Begin begin) {
  if (find(kind) == nullptr) {
    formats_.push_back(std::make_unique<Format>(log_, kind_of(kind), begin, fanout_, pool_));
  }
  return find(kind)->feed(framing);
}

Feed* Stream::feed_at(FormatKind kind, Framing framing, std::uint64_t sequence) {
  if (!can_enter(kind, sequence)) return nullptr;
  if (find(kind) == nullptr) {
    formats_.push_back(std::make_unique<Format>(log_, kind_of(kind), sequence, fanout_, pool_));
  }
  return &find(kind)->feed(framing);
}

bool Stream::can_enter(FormatKind kind, std::uint64_t sequence) const noexcept {
  const Format* const format = find(kind);
  return sequence >= log_.first() && (format == nullptr || format->log().first() <= sequence);
}

bool Stream::is_made(FormatKind kind, std::uint64_t sequence) const noexcept {
  const Format* const format = find(kind);
  return format != nullptr && format->log().first() < sequence;
}

void Stream::drop_unused_feeds() {
  std::erase_if(formats_, [](const auto& format) { return format->drop_unused_feeds(); });
}

bool Stream::end_finished(std::size_t& most, std::optional<wire::Position> next) {
  for_each_audience([&most, next](Audience& audience, const Format& format) {
    if (format.is_behind()) return;
    // From behind: one that leaves is replaced by the last, which was looked at already.
    for (std::size_t seat = audience.cursors().size(); seat > 0 && most > 0; --seat) {
      Cursor& cursor = *audience.cursors()[seat - 1];
      if (!cursor.has_read_all()) continue;
      next ? cursor.hand_on(*next) : cursor.end();
      --most;
    }
  });
  drop_unused_feeds();
  return formats_.empty();
}

void Stream::end() {
  for_each_audience([](Audience& audience, const Format&) {
    while (!audience.empty()) audience.cursors().back()->end();
  });
  drop_unused_feeds();
}

MediaTime Stream::lag_max() const noexcept {
  MediaTime lag = 0;
  for_each_audience([&lag](const Audience& audience, const Format&) {
    for (const Cursor* cursor : audience.cursors()) lag = std::max(lag, cursor->lag());
  });
  return lag;
}

std::size_t Stream::viewers() const noexcept {
  std::size_t viewers = 0;
  for_each_audience([&viewers](const Audience& audience, const Format&) {
    viewers += audience.cursors().size();
  });
  return viewers;
}

void Stream::append(Chunk&& chunk) {
  log_.append(std::move(chunk));
  for (const auto& format : formats_) format->on_append();
  log_.trim();
  for (const auto& format : formats_) format->on_trim();
}

void Stream::trim_to_newest_group() {
  log_.trim_to_newest_group();
  for (const auto& format : formats_) format->on_trim();
}

void Stream::drop_before(std::uint64_t sequence) {
  log_.drop_before(sequence);
  for (const auto& format : formats_) format->on_trim();
}

void Stream::restart(std::uint64_t sequence) {
  log_.restart(sequence);
  for (const auto& format : formats_) format->on_restart();
}

}  // namespace stream
