#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

namespace bench {

/// What a sender tells the measuring processes through a shared file: when it sent each video
/// frame, and how much it sent so far. One writer; readers see a frame's time before its number.
struct SendTimes {
  static constexpr std::size_t ring_frames = 16384;

  std::atomic<std::uint64_t> video_frames;  ///< frame n is sent when this is above n
  std::atomic<std::uint64_t> audio_frames;
  std::atomic<std::uint64_t> bytes;         ///< payload, without HTTP's framing
  std::atomic<std::uint64_t> late_ns;       ///< the worst delay of a send against its due time
  std::atomic<std::uint64_t> group_frames;  ///< each begins with a frame of another size; 0: none
  std::array<std::atomic<std::int64_t>, ring_frames> sent_ns;

  void record_video(std::uint64_t frame, std::int64_t now, std::uint64_t size) {
    sent_ns[frame % ring_frames].store(now, std::memory_order_relaxed);
    bytes.fetch_add(size, std::memory_order_relaxed);
    video_frames.store(frame + 1, std::memory_order_release);
  }
  std::int64_t time_of(std::uint64_t frame) const {
    return sent_ns[frame % ring_frames].load(std::memory_order_relaxed);
  }
};

/// The mapping lives as long as the process.
SendTimes& create_send_times(const std::string& path);
const SendTimes& open_send_times(const std::string& path);

}  // namespace bench
