#include "relay/stream/pressure.hpp"

namespace stream {

const char* name_of(PressureStep step) noexcept {
  switch (step) {
    case PressureStep::trim:
      return "trim";
    case PressureStep::pinned:
      return "pinned";
    case PressureStep::pause:
      return "pause";
    case PressureStep::drop:
      return "drop";
    case PressureStep::refuse:
      return "refuse";
  }
  return "unknown";
}

std::optional<unsigned> choose_tail(std::span<const TailSurvey> workers) noexcept {
  const auto largest = std::ranges::max_element(workers, {}, &TailSurvey::largest_bytes);
  if (largest == workers.end() || largest->largest_bytes == 0) return std::nullopt;
  return static_cast<unsigned>(largest - workers.begin());
}

std::vector<memory::BlockIndex> choose_pinned(const memory::Arena& arena,
                                              std::span<const std::vector<PinnedBlock>> workers,
                                              std::size_t count) {
  struct Candidate {
    memory::BlockIndex index;
    std::uint32_t workers;
    base::Time blocked_since;
  };
  std::vector<PinnedBlock> all;
  for (const auto& pinned : workers) all.insert(all.end(), pinned.begin(), pinned.end());
  std::ranges::sort(all, {}, &PinnedBlock::index);
  std::vector<Candidate> candidates;
  for (const PinnedBlock& pinned : all) {
    if (candidates.empty() || candidates.back().index != pinned.index) {
      candidates.push_back({pinned.index, 0, pinned.blocked_since});
    }
    Candidate& candidate = candidates.back();
    ++candidate.workers;
    candidate.blocked_since = std::max(candidate.blocked_since, pinned.blocked_since);
  }
  // Some other worker's log holds it too.
  std::erase_if(candidates, [&arena](const Candidate& candidate) {
    return candidate.workers != arena.workers(candidate.index);
  });
  std::ranges::sort(candidates, {}, &Candidate::blocked_since);
  std::vector<memory::BlockIndex> chosen;
  for (const Candidate& candidate : candidates) {
    if (chosen.size() == count) break;
    chosen.push_back(candidate.index);
  }
  return chosen;
}

}  // namespace stream
