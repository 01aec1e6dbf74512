#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/player/frame_numbers.hpp"
#include "relay/base/time.hpp"

namespace client {

/// What `--stats json` prints: everything since the start. The names are promised.
struct Report {
  struct Latency {
    base::Duration p50{};
    base::Duration p99{};
    base::Duration max{};
  };

  /// Of a window.
  struct Shown {
    std::uint64_t pictures = 0;
    std::uint64_t too_late = 0;             ///< pictures
    std::uint64_t drops = 0;                ///< to the newest sync frame
    std::optional<base::Duration> latency;  ///< of the last picture, until it was drawn
    std::optional<base::Duration> sync;     ///< see Presenter::View
  };

  std::uint64_t frames_decoded = 0;
  std::uint64_t chunks = 0;
  std::optional<std::uint64_t> first_sequence;
  std::optional<std::uint64_t> last_sequence;
  std::uint64_t gaps = 0;
  std::uint64_t repeats = 0;
  std::uint64_t checksum_errors = 0;
  std::uint64_t reconnects = 0;
  std::optional<Latency> latency;
  std::optional<base::Duration> startup;
  std::optional<FrameNumbers::Counts> frame_numbers;
  std::optional<Shown> shown;
};

/// One line, without its end. What is not known is null.
std::string to_json(const Report& report);

/// For people, on one line: what the status line of a terminal shows.
std::string to_text(const Report& report);

}  // namespace client
