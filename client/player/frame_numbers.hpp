#pragma once

#include <cstdint>
#include <optional>

namespace client {

/// The numbers that were read from pictures, in the order of decoding: which of them are missing,
/// came twice or came late. Remembers a bounded stretch behind the newest.
class FrameNumbers {
 public:
  struct Counts {
    std::uint32_t first = 0;
    std::uint32_t last = 0;  ///< the newest
    std::uint64_t missing = 0;
    std::uint64_t repeated = 0;
    std::uint64_t out_of_order = 0;  ///< came behind a newer one
  };

  void add(std::uint32_t number) noexcept;
  /// Nothing before the first number.
  std::optional<Counts> counts() const noexcept { return counts_; }

 private:
  // Which of the numbers before the newest are missing still: bit i is number `last - 1 - i`. What
  // is older than that and comes again counts as repeated.
  static constexpr std::uint32_t remembered = 64;

  std::optional<Counts> counts_;
  std::uint64_t missing_ = 0;
};

}  // namespace client
