#include "client/player/sound.hpp"

#include <algorithm>
#include <cmath>

namespace client {
namespace {

// Further off than that, ears hear that lips and voice differ: silence or a cut puts it right.
constexpr std::chrono::milliseconds off_max{60};
constexpr double smoothing = 0.05;
constexpr double near_enough = 0.005;  // seconds; so near nothing is corrected
constexpr double gain = 0.2;           // of the error, in a second
constexpr double correction_max = 0.02;

base::Duration length_of(double frames) noexcept {
  return base::Duration(static_cast<std::int64_t>(frames * 1e9 / Sound::rate));
}

double frames_of(base::Duration length) noexcept { return base::to_seconds(length) * Sound::rate; }

}  // namespace

void Sound::add(base::Time captured, std::span<const float> samples) {
  if (samples.size() < channels) return;
  Piece piece{captured, {samples.begin(), samples.end()}, 0};
  frames_ += piece.frames();
  pieces_.push_back(std::move(piece));
}

bool Sound::is_full() const noexcept {
  return length_of(static_cast<double>(frames_)) >= length_max;
}

void Sound::clear() noexcept {
  pieces_.clear();
  frames_ = 0;
  error_ = 0;
  step_ = 1;
  latency_.reset();
}

base::Time Sound::head() const noexcept {
  return pieces_.front().captured + length_of(pieces_.front().used);
}

void Sound::drop(base::Duration length) noexcept {
  Piece& piece = pieces_.front();
  piece.used += std::max(1.0, frames_of(length));
  if (piece.used < static_cast<double>(piece.frames())) return;
  frames_ -= piece.frames();
  pieces_.pop_front();
}

void Sound::take(std::span<float> out, base::Time at, base::Duration delay) noexcept {
  latency_.reset();
  while (out.size() >= channels && !pieces_.empty()) {
    const base::Duration early = head() + delay - at;
    std::size_t frames = 0;
    if (early < -off_max) {
      while (!pieces_.empty() && head() + delay < at) drop(at - delay - head());
      error_ = 0;
    } else if (early > off_max) {
      frames =
          std::min(out.size() / channels, static_cast<std::size_t>(std::ceil(frames_of(early))));
      std::ranges::fill(out.first(frames * channels), 0.0F);
      error_ = 0;
    } else {
      error_ += (base::to_seconds(early) - error_) * smoothing;
      step_ = std::abs(error_) < near_enough
                  ? 1
                  : 1 - std::clamp(error_ * gain, -correction_max, correction_max);
      latency_ = at - head();
      frames = play(out);
    }
    out = out.subspan(frames * channels);
    at += length_of(static_cast<double>(frames));
  }
  std::ranges::fill(out, 0.0F);
}

// From the first piece, between two frames as much of each as it is near. Frames that were played.
std::size_t Sound::play(std::span<float> out) noexcept {
  Piece& piece = pieces_.front();
  const std::size_t last = piece.frames() - 1;
  std::size_t played = 0;
  while (out.size() >= channels && piece.used <= static_cast<double>(last)) {
    const auto at = static_cast<std::size_t>(piece.used);
    const auto share = static_cast<float>(piece.used - static_cast<double>(at));
    const std::size_t next = std::min(at + 1, last);
    for (std::size_t channel = 0; channel < channels; ++channel) {
      const float here = piece.samples[at * channels + channel];
      out[channel] = here + (piece.samples[next * channels + channel] - here) * share;
    }
    piece.used += step_;
    out = out.subspan(channels);
    ++played;
  }
  if (piece.used > static_cast<double>(last)) {
    // What the last step went too far belongs to the next piece.
    const double over = piece.used - static_cast<double>(piece.frames());
    frames_ -= piece.frames();
    pieces_.pop_front();
    if (!pieces_.empty() && over > 0) pieces_.front().used = std::min(over, 1.0);
  }
  return played;
}

}  // namespace client
