#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "relay/base/time.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/end_reason.hpp"
#include "relay/stream/stream.hpp"

namespace session {

using stream::ViewerEnd;

/// An HTTP viewer: a socket and a cursor. Owned by its worker's server.
class Viewer final : public loop::Tcp::Events, public stream::Cursor::Sink {
 public:
  /// A viewer has nothing to say during its response; pipelined requests wait up to here.
  static constexpr std::size_t received_bytes_max = 16 * 1024;

  class Events {
   public:
    virtual ~Events() = default;
    /// Over: to be destroyed at the end of the turn. `take_tcp()` before that, if it may go on.
    virtual void on_viewer_end(Viewer& viewer, ViewerEnd end) noexcept = 0;
  };

  struct Request {
    stream::ViewerPolicy policy;
    stream::Begin begin;
    media::Container container;
    stream::Framing framing;
    std::string head;      ///< the response's head, as bytes
    std::string received;  ///< what came behind the request's head
    bool keep_alive;
  };

  Viewer(std::uint64_t id, loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp, Events& events,
         Request request);

  std::uint64_t id() const noexcept { return id_; }
  /// Sends the head and begins at the newest sync chunk.
  void start(stream::Stream& stream) noexcept;
  /// Ends at a chunk boundary: `stream_end` and `drain` with the last-chunk.
  void end(ViewerEnd reason) noexcept;
  /// Ends as `end(drain)` does, behind whatever was published by now and fits into the socket.
  void drain() noexcept;
  /// Ends in the middle of whatever it is: there is no time left, or no memory.
  void cut_off(ViewerEnd reason = ViewerEnd::drain) noexcept;
  /// From time to time: closes it when it takes nothing for too long.
  void on_time(base::Time now) noexcept;

  /// True when the response was ended properly and the client may ask again.
  bool can_go_on() const noexcept { return can_go_on_; }
  std::unique_ptr<loop::Tcp> take_tcp() noexcept;
  std::string take_received() noexcept { return std::exchange(received_, {}); }

  const std::string& path() const noexcept { return path_; }
  std::string peer() const { return tcp_->peer(); }
  std::uint64_t bytes() const noexcept { return bytes_; }
  base::Time started() const noexcept { return started_; }
  const stream::Cursor& cursor() const noexcept { return cursor_; }
  /// Media time it was behind when it left.
  base::Duration lag() const noexcept { return lag_; }
  /// Bytes of windows that its unfinished write keeps alive.
  std::size_t pinned_bytes() const noexcept { return pinned_bytes_; }
  /// Those windows, and since when nothing of them was taken.
  const memory::WindowList& pinned() const noexcept { return tcp_->writing(); }
  base::Time blocked_since() const noexcept { return blocked_since_; }

 private:
  enum class State : std::uint8_t {
    streaming,
    ending,      // the chunk that was cut goes out first
    last_chunk,  // the last-chunk is in the socket's queue
    closed,
  };

  memory::Written write_now(std::span<const iovec> buffers) noexcept override;
  void write_rest(stream::ImageRest rest) noexcept override;
  void on_broken(base::Error error) noexcept override;
  void on_too_slow() noexcept override;
  void on_seam(const stream::Seam& seam) noexcept override;
  void on_until() noexcept override;
  void on_stream_end() noexcept override;
  void on_unsent_needed(std::size_t bytes) noexcept override;

  std::span<std::byte> read_space() noexcept override;
  void on_read(std::span<std::byte> bytes) noexcept override;
  void on_read_end(base::Error error) noexcept override;
  void on_written(base::Error error) noexcept override;

  void write_last_chunk() noexcept;
  void finish() noexcept;
  void close() noexcept;

  const std::uint64_t id_;
  loop::Worker& worker_;
  Events& events_;
  std::unique_ptr<loop::Tcp> tcp_;
  stream::Cursor cursor_;
  std::string path_;
  std::string head_;
  std::string received_;
  base::Duration stall_timeout_;
  std::optional<base::Duration> flush_interval_;
  base::Time started_{};
  base::Time blocked_since_{};
  base::Duration lag_{};
  std::uint64_t bytes_ = 0;
  std::size_t pinned_bytes_ = 0;
  std::size_t unwritten_bytes_ = 0;  // when it was last looked at
  stream::Begin begin_;
  media::Container container_;
  stream::Framing framing_;
  ViewerEnd end_ = ViewerEnd::client;
  State state_ = State::streaming;
  bool keep_alive_;
  bool can_go_on_ = false;
  bool peer_ended_ = false;
};

}  // namespace session
