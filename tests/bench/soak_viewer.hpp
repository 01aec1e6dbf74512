#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/marker.hpp"
#include "tests/bench/soak_stream.hpp"
#include "tests/bench/sockets.hpp"

namespace bench {

/// Times in buckets that are 5 % wide, from a microsecond on.
class SoakTimes {
 public:
  void add(std::int64_t ns);
  double quantile_ms(double part) const;
  void clear() { buckets_ = {}; }

 private:
  std::array<std::uint64_t, 512> buckets_{};
};

/// A viewer of the soak. It reads every byte and knows every frame by its marker. A healthy one
/// must see each frame once and in order from its first one on; a rough one is, in turn and at
/// random, one that stalls, one that reads slowly, one that goes and comes back.
class SoakViewer {
 public:
  struct Counts {
    std::uint64_t frames = 0;
    std::uint64_t lost = 0;      ///< frames that a connection left out
    std::uint64_t disorder = 0;  ///< frames that came again, too early, or never were sent
    std::uint64_t connects = 0;
    std::uint64_t ended = 0;    ///< connections that the relay ended
    std::uint64_t refused = 0;  ///< answers other than 200
  };

  SoakViewer(std::uint16_t port, const SoakStream& stream, Container container);

  int fd() const { return fd_.get(); }
  void connect();
  /// `latencies`: where to note them, or null.
  void read(Counts& counts, SoakTimes* latencies);
  bool is_connected() const { return fd_.open(); }
  /// Has seen all frames up to this number.
  bool has_seen(std::uint64_t frames) const { return next_ && *next_ >= frames; }
  const SoakStream& stream() const { return stream_; }

  /// A rough viewer's next whim, when it is due; returns whether it may read now.
  bool behave(std::int64_t now, std::mt19937_64& random, Counts& counts);
  void calm_down();

 private:
  enum class Mood { reading, stalled, slow, away };

  void found(const Marker& marker, Counts& counts, SoakTimes* latencies);
  void lose_connection(Counts& counts);

  const std::uint16_t port_;
  const SoakStream& stream_;
  const Container container_;
  Descriptor fd_;
  std::string head_;
  bool has_head_ = false;
  std::vector<std::byte> carried_;  // may begin a marker
  std::optional<std::uint64_t> next_;
  Mood mood_ = Mood::reading;
  std::int64_t mood_until_ = 0;
  std::int64_t slow_next_ = 0;
};

}  // namespace bench
