#include "relay/control/config_suggestion.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace control {
namespace {

// What is written may be the whole of a hostile file; no key is that long.
constexpr std::size_t written_bytes_max = 64;

/// The number of characters to change, insert or remove (Levenshtein).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void Suggestion::consider(std::string_view name, std::string_view shown, std::size_t penalty) {
  if (written_.size() > written_bytes_max) return;
  const std::size_t changes = distance(written_, name) + penalty;
  // Two letters that changed places are two changes; in a short name two are another word.
  const std::size_t changes_max =
      std::min(name.size() / 2, std::max<std::size_t>(2, name.size() / 4));
  if (changes > changes_max || (found() && changes >= best_distance_)) return;
  best_ = shown;
  best_distance_ = changes;
}

std::string Suggestion::text() const { return found() ? " (did you mean \"" + best_ + "\"?)" : ""; }

}  // namespace control
