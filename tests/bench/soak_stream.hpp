#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/sockets.hpp"
#include "tests/bench/source.hpp"

namespace bench {

/// A stream of the soak: one publisher after the other, and when each frame of all of them was
/// sent. Markers carry that time, so it tells which frame of the whole stream a viewer sees.
class SoakStream {
 public:
  SoakStream(std::uint16_t port, std::int64_t number, Container container);

  /// `/soak/3.ts`, in the container it is published in.
  std::string target() const { return target(container_); }
  std::string target(Container container) const {
    return "/soak/" + number_ + std::string(file_suffix(container));
  }
  Container container() const { return container_; }

  /// Sends what is due; when the last publisher is gone, the next one begins.
  void on_time(std::int64_t now);
  std::int64_t due() const { return due_; }
  /// The publisher ends, `whole` or in the middle of its body; the next begins when it was
  /// answered.
  void restart(bool whole);
  /// Ends for good; true when it was answered.
  bool is_over();
  void end();

  /// Whether the relay has ended a publisher that had not ended: a refusal.
  bool is_refused();

  std::uint64_t frames() const { return sent_ns_.size(); }
  /// The number of the frame that was sent then.
  std::optional<std::uint64_t> find(std::int64_t sent_ns) const;
  std::uint64_t publishers() const { return publishers_; }

 private:
  static constexpr std::int64_t frames_per_second = 15;
  // No encoder is back within a frame's time. One that was, again and again, would send more media
  // than time passes, and the tail holds what is ahead of the clock.
  static constexpr std::int64_t return_ns = 200'000'000;

  void begin(std::int64_t now);
  void send_chunk();
  bool is_answered();

  const std::uint16_t port_;
  const std::string number_;
  const Container container_;
  std::unique_ptr<Source> source_;
  Descriptor publisher_;
  Descriptor leaving_;  // its answer is awaited
  std::vector<std::int64_t> sent_ns_;
  std::int64_t due_ = 0;
  std::uint64_t publishers_ = 0;
  bool ended_ = false;
};

}  // namespace bench
