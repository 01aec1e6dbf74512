#include "relay/disk/timeline.hpp"

#include <algorithm>
#include <utility>

#include "relay/disk/errc.hpp"

namespace disk {
namespace {

// Of one that is being written what can be read now.
Segment as_of_now(const Store& store, Segment segment) {
  if (!segment.is_open) return segment;
  const auto table = store.published(segment.id);
  if (table) segment.end = table->segment.end;
  segment.is_open = table != nullptr;
  return segment;
}

}  // namespace

base::Result<Timeline> read_timeline(Store& store, const std::string& stream, base::Utc from,
                                     base::Utc to, std::size_t gaps_max) {
  Catalog& catalog = store.catalog();
  const auto first = catalog.range(stream, from, to, 1);
  if (!first) return first.error();
  Timeline timeline;
  timeline.stream = stream;
  if (first->empty()) {
    const auto any = catalog.first(stream);
    if (!any) return any.error();
    if (!*any) return Errc::nothing_recorded;
    return timeline;
  }
  auto behind = catalog.behind_gaps(stream, from, to, gaps_max + 1);
  if (!behind) return behind.error();
  if (behind->size() > gaps_max) {
    timeline.next = to = behind->back().start;
    behind->pop_back();
  }
  const auto add_span = [&](base::Utc start, const Segment& last) {
    const base::Utc begin = std::max(start, from);
    const base::Utc end = std::min(last.end, to);
    if (begin < end) timeline.spans.push_back({begin, end, last.is_open && last.end <= to});
  };
  base::Utc start = first->front().start;
  for (const Segment& segment : *behind) {
    auto before = catalog.before(segment);
    if (!before) return before.error();
    if (!*before) continue;  // what was there is not kept
    const Segment last = as_of_now(store, std::move(**before));
    if (start < segment.start) add_span(start, last);
    timeline.gaps.push_back({std::min(last.end, segment.start), segment.start, segment.gap});
    start = segment.start;
  }
  auto last = catalog.at(stream, to - std::chrono::microseconds(1));
  if (!last) return last.error();
  if (*last) add_span(start, as_of_now(store, std::move(**last)));
  return timeline;
}

}  // namespace disk
