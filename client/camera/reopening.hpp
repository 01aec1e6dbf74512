#pragma once

#include <cstdint>
#include <optional>

#include "client/wire/backoff.hpp"
#include "relay/base/time.hpp"

namespace client::camera {

/// When a source that is watched over is given up as lost, and when it is opened anew: after 250
/// ms, then twice as long each time, up to 5 s, with jitter. No clock and no randomness of its own.
/// One thread.
class Reopening {
 public:
  struct Policy {
    /// Lost is who delivers no frame for so long.
    base::Duration stall = std::chrono::seconds(5);
    /// Failed tries in a row after which it is given up; nothing: never.
    std::optional<unsigned> retries;
  };
  enum class Loss : std::uint8_t {
    again,   ///< trying again may help
    denied,  ///< user and password were refused
  };
  /// To connect, and by UDP and then TCP, takes its time.
  static constexpr std::chrono::seconds opening_min{10};
  /// Who has delivered for so long was of use: the waits begin anew.
  static constexpr std::chrono::seconds steady{2};
  /// The same password is not tried more often: cameras lock out who does.
  static constexpr unsigned denied_max = 3;

  explicit Reopening(Policy policy) noexcept
      : stall_(policy.stall), backoff_({first_wait, longest_wait, policy.retries}) {}

  /// The source is being opened.
  void on_open(base::Time now) noexcept;
  void on_frame(base::Time now) noexcept;
  /// It failed, stalled or ended. `random`: any 64 bits. The wait until it is opened anew; nothing:
  /// it would not help, or was tried often enough.
  std::optional<base::Duration> on_loss(Loss loss, base::Time now, std::uint64_t random) noexcept;

  bool has_stalled(base::Time now) const noexcept;
  bool is_due(base::Time now) const noexcept { return opens_at_ && *opens_at_ <= now; }
  bool is_waiting() const noexcept { return opens_at_.has_value(); }
  std::optional<base::Time> deadline() const noexcept;

 private:
  static constexpr std::chrono::milliseconds first_wait{250};
  static constexpr std::chrono::seconds longest_wait{5};

  base::Duration stall_;
  Backoff backoff_;
  unsigned denied_ = 0;  // in a row
  std::optional<base::Time> stalls_at_;
  std::optional<base::Time> opens_at_;
  std::optional<base::Time> first_frame_;  // since it was opened
};

}  // namespace client::camera
