#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/bench/marker.hpp"
#include "tests/bench/send_times.hpp"
#include "tests/bench/sockets.hpp"

namespace bench {

/// What a viewer asks with: an HTTP request, or Play over a WebSocket. A proxy cuts bodies into
/// chunks of its own; with HTTP/1.0 there are none, and markers stand where they were published.
enum class Protocol { http, http_1_0, wire };

/// One viewer of the load: reads its response's head, then counts what it throws away. With
/// `follow` it first reads real bytes until it saw two markers: from then on it knows at which
/// byte each later frame ends, takes the latency of each, and looks at one marker in 256 to see
/// that it still knows. The first frame of a group has another size than the others, with the
/// headers that a container writes there, so once it reads real bytes up to such a frame's end.
class Viewer {
 public:
  enum class State { head, syncing, counting, closed, refused };

  Viewer(std::size_t id, std::uint16_t port, const std::string& target, Protocol protocol,
         const SendTimes* times, bool follow);

  int fd() const { return fd_.get(); }
  /// Call it when the socket is readable. `recording`: stalls and latencies count.
  void read(bool recording);
  /// Forgets what was recorded; there will be about this many frames.
  void begin_window(std::size_t frames);
  void end_window();
  void close();

  State state() const { return state_; }
  std::uint64_t received() const { return received_; }  ///< of the body
  std::uint64_t window_bytes() const { return window_bytes_; }
  std::int64_t first_byte_ns() const { return first_byte_ns_; }
  std::uint32_t stalls() const { return stalls_; }
  std::uint32_t resyncs() const { return resyncs_; }
  std::uint32_t verified() const { return verified_; }
  std::uint64_t reads() const { return reads_; }
  /// In units of 100 ns.
  std::vector<std::uint32_t>& latencies() { return latencies_; }

  static constexpr std::int64_t stall_ns = 1'000'000'000;
  /// Over the wire a viewer says so often that it is there, since it reads no pings.
  static constexpr std::int64_t alive_ns = 4'000'000'000;

 private:
  void read_head();
  void read_body(bool recording);
  void look_for_markers();
  void found_marker(std::uint64_t end, const Marker& marker);
  bool begin_counting();
  std::uint64_t& stride_of(std::uint64_t frame);
  bool read_marker_again();
  void took(std::size_t bytes, std::int64_t now, bool recording);
  void resync();
  bool verifies() const { return follow_ && next_frame_ % 256 == id_ % 256; }

  const std::size_t id_;
  const SendTimes* const times_;
  const Protocol protocol_;
  const bool follow_;
  Descriptor fd_;
  State state_ = State::head;
  std::string head_;                ///< while the head is read
  std::vector<std::byte> carried_;  ///< while markers are looked for: may begin one

  std::uint64_t received_ = 0;  ///< of the body
  std::uint64_t window_from_ = 0;
  std::uint64_t window_bytes_ = 0;
  std::uint64_t last_marker_end_ = 0;
  std::uint64_t last_marker_frame_ = 0;
  std::array<std::uint64_t, 2> strides_{};  ///< to a group's first frame, to another; 0: unknown
  std::uint64_t next_frame_ = 0;
  std::uint64_t next_end_ = 0;
  std::array<std::byte, Marker::size> marker_{};

  const std::int64_t connected_ns_;
  std::int64_t first_byte_ns_ = 0;
  std::int64_t last_byte_ns_ = 0;
  std::int64_t said_alive_ns_ = 0;
  std::uint32_t stalls_ = 0;
  std::uint32_t resyncs_ = 0;
  std::uint32_t verified_ = 0;
  std::uint64_t reads_ = 0;
  std::vector<std::uint32_t> latencies_;
};

}  // namespace bench
