#include "relay/media/container/fmp4/collector.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "relay/media/container/fmp4/errc.hpp"

namespace fmp4 {

using memory::Window;

base::Result<void> Collector::begin(std::vector<FragmentSample> samples,
                                    std::span<const media::Track> tracks) {
  RELAY_ASSERT(is_complete());
  entries_ = {};  // a large fragment's memory is not kept
  entries_.reserve(samples.size());
  for (FragmentSample& sample : samples) entries_.push_back({sample, {}});
  given_ = 0;
  filled_ = 0;
  windows_ = 0;
  sort_by_time(tracks);
  return sort_by_place();
}

void Collector::sort_by_time(std::span<const media::Track> tracks) {
  by_time_.resize(entries_.size());
  std::iota(by_time_.begin(), by_time_.end(), 0U);
  if (entries_.size() < 2) return;  // as most fragments of live encoders
  // Samples of a track stay in decoding order even if their times go back.
  std::array<std::int64_t, tracks_max> latest;
  latest.fill(std::numeric_limits<std::int64_t>::min());
  std::vector<std::int64_t> times;
  times.reserve(entries_.size());
  for (const Entry& entry : entries_) {
    std::int64_t& time = latest[entry.sample.track];
    time = std::max(time, entry.sample.dts);
    times.push_back(time);
  }
  __extension__ using Wide = __int128;
  std::stable_sort(by_time_.begin(), by_time_.end(), [&](std::uint32_t a, std::uint32_t b) {
    // Times of two clocks, compared exactly.
    return Wide{times[a]} * tracks[entries_[b].sample.track].timescale <
           Wide{times[b]} * tracks[entries_[a].sample.track].timescale;
  });
}

base::Result<void> Collector::sort_by_place() {
  by_place_.resize(entries_.size());
  std::iota(by_place_.begin(), by_place_.end(), 0U);
  if (entries_.size() < 2) return {};
  std::stable_sort(by_place_.begin(), by_place_.end(), [&](std::uint32_t a, std::uint32_t b) {
    return entries_[a].sample.begin < entries_[b].sample.begin;
  });
  const auto overlap =
      std::adjacent_find(by_place_.begin(), by_place_.end(), [&](std::uint32_t a, std::uint32_t b) {
        return entries_[a].sample.end() > entries_[b].sample.begin;
      });
  if (overlap != by_place_.end()) return Errc::overlapping_samples;
  return {};
}

base::Result<void> Collector::begin_mdat(std::uint64_t begin,
                                         std::optional<std::uint64_t> end) const {
  for (std::size_t at = filled_; at < by_place_.size(); ++at) {
    const FragmentSample& sample = entries_[by_place_[at]].sample;
    if (sample.begin < begin) return Errc::sample_outside_mdat;
    if (!end || sample.begin >= *end) return {};
    if (sample.end() > *end) return Errc::sample_outside_mdat;
  }
  return {};
}

base::Result<void> Collector::take(std::uint64_t position, Window bytes) {
  while (filled_ < by_place_.size() && !bytes.empty()) {
    Entry& entry = entries_[by_place_[filled_]];
    const std::uint64_t wanted = entry.sample.begin + entry.payload.bytes();
    RELAY_ASSERT(position <= wanted);
    const std::uint64_t gap = std::min<std::uint64_t>(wanted - position, bytes.size());
    bytes.drop_front(static_cast<std::size_t>(gap));
    const std::size_t missing = entry.sample.size - entry.payload.bytes();
    const std::size_t count = std::min(missing, bytes.size());
    position += gap + count;
    const std::size_t windows_before = entry.payload.count();
    entry.payload.push_back(bytes.first(count));
    windows_ += entry.payload.count() - windows_before;
    if (windows_ > windows_max) return Errc::too_scattered;
    bytes.drop_front(count);
    if (entry.is_whole()) ++filled_;
  }
  return {};
}

std::optional<Collector::Collected> Collector::next() {
  if (given_ == by_time_.size()) return std::nullopt;
  Entry& entry = entries_[by_time_[given_]];
  if (!entry.is_whole()) return std::nullopt;
  ++given_;
  return Collected{entry.sample, std::move(entry.payload)};
}

std::uint64_t Collector::drop() noexcept {
  const std::uint64_t count = by_time_.size() - given_;
  entries_.clear();
  by_time_.clear();
  by_place_.clear();
  given_ = 0;
  filled_ = 0;
  return count;
}

std::uint64_t Collector::finish() {
  const auto is_cut = [&](std::uint32_t index) { return !entries_[index].is_whole(); };
  const auto first = by_time_.begin() + static_cast<std::ptrdiff_t>(given_);
  const auto cut = std::remove_if(first, by_time_.end(), is_cut);
  const auto count = static_cast<std::uint64_t>(by_time_.end() - cut);
  by_time_.erase(cut, by_time_.end());
  filled_ = by_place_.size();
  return count;
}

}  // namespace fmp4
