#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "relay/base/time.hpp"

namespace client {

/// Decoded sound that waits until it is due: played a little faster or slower, so that it stays
/// with its pictures on whatever clock the sound device has. Stereo, 48 kHz, interleaved. One
/// thread.
class Sound {
 public:
  static constexpr int rate = 48'000;
  static constexpr std::size_t channels = 2;
  static constexpr base::Duration length_max = std::chrono::seconds(2);

  /// `captured`: the first of the samples, on the monotonic clock.
  void add(base::Time captured, std::span<const float> samples);
  /// As much waits as may.
  bool is_full() const noexcept;
  void clear() noexcept;
  /// What is due from `at` on, when things are `delay` behind their capture; silence where nothing
  /// is.
  void take(std::span<float> out, base::Time at, base::Duration delay) noexcept;
  /// From capture until it is heard, of what was taken last; nothing: that was silence.
  std::optional<base::Duration> latency() const noexcept { return latency_; }

 private:
  struct Piece {
    base::Time captured;
    std::vector<float> samples;
    double used = 0;  // frames

    std::size_t frames() const noexcept { return samples.size() / channels; }
  };

  std::size_t play(std::span<float> out) noexcept;
  void drop(base::Duration length) noexcept;
  base::Time head() const noexcept;

  std::deque<Piece> pieces_;
  std::size_t frames_ = 0;  // of all pieces
  double error_ = 0;        // seconds by which the head plays too early; smoothed
  double step_ = 1;         // frames taken for each that is played
  std::optional<base::Duration> latency_;
};

}  // namespace client
