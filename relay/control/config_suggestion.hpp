#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace control {

/// Finds the name that was meant, when one is near enough to what was written.
class Suggestion {
 public:
  explicit Suggestion(std::string_view written) : written_(written) {}

  /// Compares with `name`; when that is the best so far, `shown` is what is suggested. `penalty`
  /// counts as so many typing errors more.
  void consider(std::string_view name, std::string_view shown, std::size_t penalty = 0);

  bool found() const noexcept { return !best_.empty(); }
  /// ` (did you mean "…"?)`, or nothing.
  std::string text() const;

 private:
  std::string written_;
  std::string best_;
  std::size_t best_distance_ = 0;
};

}  // namespace control
