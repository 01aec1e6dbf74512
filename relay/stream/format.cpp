#include "relay/stream/format.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/fmp4_remuxer.hpp"
#include "relay/stream/ts_remuxer.hpp"
#include "relay/stream/wire_remuxer.hpp"

namespace stream {
namespace {

std::unique_ptr<Remuxer> make_remuxer(FormatKind kind, memory::BlockPool& pool, bool is_past) {
  switch (kind.container) {
    case media::Container::mpegts:
      return std::make_unique<TsRemuxer>(pool, is_past, kind.whole_frames);
    case media::Container::fmp4:
      return std::make_unique<Fmp4Remuxer>(pool);
    case media::Container::wire:
      break;
  }
  return std::make_unique<WireRemuxer>(pool);
}

// It is trimmed as its source is.
constexpr TailPolicy no_bounds{base::Duration::max(), ~std::uint64_t{0}};

}  // namespace

Format::Format(const StreamLog& source, FormatKind kind, Begin begin, Fanout& fanout,
               memory::BlockPool& pool)
    : Format(source, kind, find_begin(source, kind.container, begin), fanout, pool) {}

Format::Format(const StreamLog& source, FormatKind kind, std::uint64_t sequence, Fanout& fanout,
               memory::BlockPool& pool)
    : source_(source),
      kind_(kind),
      fanout_(fanout),
      remuxer_(make_remuxer(kind, pool, source.is_past())),
      log_(no_bounds, std::min(sequence, find_begin(source, kind.container, Begin::newest)),
           source) {
  // Nothing is to be done for these but to be looked at.
  while (is_behind() && source_.at(log_.end()).container == kind_.container &&
         source_.at(log_.end()).samples.empty()) {
    step();
  }
  if (is_behind()) fanout_.catch_up(*this);
}

Format::~Format() { fanout_.forget(*this); }

// Of what must be converted, the newest group, unless somebody asked for more. Over the wire
// somebody may at any time: whoever comes back.
std::uint64_t Format::find_begin(const StreamLog& source, media::Container container,
                                 Begin begin) noexcept {
  if (begin == Begin::oldest || container == media::Container::wire) return source.first();
  for (std::uint64_t sequence = source.first(); sequence < source.end(); ++sequence) {
    const Chunk& chunk = source.at(sequence);
    if (chunk.container != container || !chunk.samples.empty()) {
      return source.newest_sync().value_or(source.end());
    }
  }
  return source.first();
}

Feed& Format::feed(Framing framing) {
  for (const auto& feed : feeds_) {
    if (feed->framing() == framing) return *feed;
  }
  Feed& made = *feeds_.emplace_back(std::make_unique<Feed>(log_, fanout_, framing));
  made.set_behind(is_behind());
  return made;
}

bool Format::drop_unused_feeds() {
  std::erase_if(feeds_, [](const auto& feed) { return feed->drop_empty_audiences(); });
  return feeds_.empty();
}

void Format::on_append() {
  if (!listed) step();
}

void Format::step() {
  const Chunk& source = source_.at(log_.end());
  Chunk chunk = source.numbers();
  remuxer_->remux(source, chunk);
  log_.append(std::move(chunk));
  for (const auto& feed : feeds_) {
    feed->append();
    feed->set_behind(is_behind());
    fanout_.on_append(*feed, source.received);
  }
}

void Format::on_trim() {
  if (log_.end() < source_.first()) return on_restart();
  log_.drop_before(source_.first());
  for (const auto& feed : feeds_) feed->trim();
}

void Format::on_restart() {
  remuxer_->on_gap();
  log_.restart(find_begin(source_, kind_.container, Begin::newest));
  for (const auto& feed : feeds_) {
    feed->restart();
    feed->set_behind(is_behind());
    for (const auto& audience : feed->audiences()) {
      for (Cursor* cursor : audience->cursors()) cursor->restart();
    }
  }
  if (is_behind() && !listed) fanout_.catch_up(*this);
}

}  // namespace stream
