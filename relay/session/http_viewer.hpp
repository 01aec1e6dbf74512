#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "relay/base/time.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/session/viewer.hpp"
#include "relay/stream/cursor.hpp"
#include "relay/stream/stream.hpp"

namespace session {

/// An HTTP viewer: a socket and a cursor. Owned by its worker's server.
class HttpViewer final : public Viewer, public loop::Tcp::Events, public stream::Cursor::Sink {
 public:
  /// A viewer has nothing to say during its response; pipelined requests wait up to here.
  static constexpr std::size_t received_bytes_max = 16 * 1024;

  class Events {
   public:
    virtual ~Events() = default;
    /// Over: to be destroyed at the end of the turn. `take_tcp()` before that, if it may go on.
    virtual void on_viewer_end(HttpViewer& viewer, ViewerEnd end) noexcept = 0;
    /// As `stream::Cursor::Sink::on_elsewhere()`: true when it was made to `leave()`, and goes on
    /// with `go_on()`.
    virtual bool on_viewer_elsewhere(HttpViewer& viewer, wire::Position next,
                                     bool has_ended) noexcept = 0;
  };

  struct Request {
    stream::ViewerPolicy policy;
    stream::Begin begin;
    stream::FormatKind kind;
    stream::Framing framing;
    std::string head;      ///< the response's head, as bytes
    std::string received;  ///< what came behind the request's head
    bool keep_alive;
  };

  HttpViewer(std::uint64_t id, loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp, Events& events,
             Request request);

  /// Sends the head and begins at the newest sync chunk; or there, where the stream lets it enter.
  void start(stream::Stream& stream,
             const std::optional<stream::Entry>& entry = std::nullopt) noexcept;
  /// Reads no stream for now.
  void leave() noexcept { cursor_.leave(); }
  /// And now that one, which lets it enter there.
  void go_on(stream::Stream& stream, const stream::Entry& entry) noexcept;
  stream::FormatKind kind() const noexcept { return kind_; }

  std::uint64_t id() const noexcept override { return id_; }
  const char* protocol() const noexcept override { return "http"; }
  std::string peer() const override { return tcp_->peer(); }
  const std::string& path() const noexcept override { return path_; }
  base::Time started() const noexcept override { return started_; }
  std::uint64_t bytes() const noexcept override { return bytes_; }
  const stream::Cursor& cursor() const noexcept override { return cursor_; }
  base::Duration lag() const noexcept override { return lag_; }
  std::size_t pinned_bytes() const noexcept override { return pinned_bytes_; }
  const memory::WindowList& pinned() const noexcept override { return tcp_->writing(); }
  base::Time blocked_since() const noexcept override { return blocked_since_; }
  /// `stream_end` and `drain` with the last-chunk.
  void end(ViewerEnd reason) noexcept override;
  void drain() noexcept override;
  void cut_off(ViewerEnd reason) noexcept override;
  void on_time(base::Time now) noexcept override;

  /// True when the response was ended properly and the client may ask again.
  bool can_go_on() const noexcept { return can_go_on_; }
  std::unique_ptr<loop::Tcp> take_tcp() noexcept;
  std::string take_received() noexcept { return std::exchange(received_, {}); }

 private:
  enum class State : std::uint8_t {
    streaming,
    ending,      // the chunk that was cut goes out first
    last_chunk,  // the last-chunk is in the socket's queue
    closed,
  };

  void prefetch() const noexcept override { tcp_->prefetch(); }
  memory::Written write_now(std::span<const iovec> buffers) noexcept override;
  void write_rest(stream::ImageRest rest) noexcept override;
  void on_broken(base::Error error) noexcept override;
  void on_too_slow() noexcept override;
  void on_seam(const stream::Seam& seam) noexcept override;
  void on_until() noexcept override;
  bool on_elsewhere(wire::Position next, bool has_ended) noexcept override;
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
  std::uint64_t bytes_ = 0;  // beside the cursor: each write touches them together
  stream::Cursor cursor_;
  std::string path_;
  std::string head_;
  std::string received_;
  base::Duration stall_timeout_;
  std::optional<base::Duration> flush_interval_;
  base::Time started_{};
  base::Time blocked_since_{};
  base::Duration lag_{};
  std::size_t pinned_bytes_ = 0;
  std::size_t unwritten_bytes_ = 0;  // when it was last looked at
  stream::Begin begin_;
  stream::FormatKind kind_;
  stream::Framing framing_;
  ViewerEnd end_ = ViewerEnd::client;
  State state_ = State::streaming;
  bool keep_alive_;
  bool can_go_on_ = false;
  bool peer_ended_ = false;
};

}  // namespace session
