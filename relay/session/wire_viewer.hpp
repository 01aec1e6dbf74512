#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "relay/base/time.hpp"
#include "relay/protocol/wire/player_session.hpp"
#include "relay/session/message_collector.hpp"
#include "relay/session/viewer.hpp"
#include "relay/session/wire_link.hpp"
#include "relay/stream/stream.hpp"

namespace session {

/// A viewer over the wire: a socket, a cursor that follows positions, and what it says and is told.
/// Waits for its stream and its position for as long as `publisher.grace`. Owned by its worker's
/// server.
class WireViewer final : public Viewer, public WireLink::Events, public stream::Cursor::Sink {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// Over, and all is said: to be destroyed at the end of the turn. `take_link()` before that.
    virtual void on_viewer_end(WireViewer& viewer, ViewerEnd end) noexcept = 0;
    /// As `stream::Cursor::Sink::on_elsewhere()`: true when it was made to `leave()`.
    virtual bool on_viewer_elsewhere(WireViewer& viewer, wire::Position next,
                                     bool has_ended) noexcept = 0;
    /// It has left, and goes on where it says that it `wants()` to: the player seeks, or what it
    /// has watched of the past has ended and nothing goes on.
    virtual void on_viewer_moved(WireViewer& viewer) noexcept = 0;
    /// A player seeks in the stream that it watches. True: what it wants is to be looked for there.
    virtual bool has_position(const stream::Stream& stream, const wire::Start& start) noexcept = 0;
  };

  struct Request {
    std::string path;
    std::string token;  ///< of its session; empty: the one that was shown
    stream::ViewerPolicy policy;
    base::Duration grace{};
    wire::Play play;
  };

  WireViewer(std::uint64_t id, loop::Worker& worker, std::unique_ptr<WireLink> link, Events& events,
             Request request);
  ~WireViewer() override;

  /// The stream that it waits for is here; what it wants is looked for in it, or found there.
  void start(stream::Stream& stream,
             const std::optional<stream::Entry>& entry = std::nullopt) noexcept;
  /// Reads no stream for now.
  void leave() noexcept;
  wire::Start wants() const noexcept { return cursor_.wanted(); }
  /// Only sync chunks of the past.
  bool is_fast() const noexcept { return session_.play().speed > wire::speed_normal; }
  /// There is no such stream yet: live is the first chunk of the next one, which may send much at
  /// once.
  void expect_beginning() noexcept { is_early_ = is_live_; }
  /// It waits for its stream.
  bool is_waiting() const noexcept { return !is_over_ && cursor_.audience() == nullptr; }

  std::uint64_t id() const noexcept override { return id_; }
  const char* protocol() const noexcept override { return "wire"; }
  std::string peer() const override { return tcp_.peer(); }
  const std::string& path() const noexcept override { return path_; }
  base::Time started() const noexcept override { return started_; }
  std::uint64_t bytes() const noexcept override { return bytes_; }
  const stream::Cursor& cursor() const noexcept override { return cursor_; }
  base::Duration lag() const noexcept override { return lag_; }
  std::size_t pinned_bytes() const noexcept override { return pinned_bytes_; }
  const memory::WindowList& pinned() const noexcept override { return tcp_.writing(); }
  base::Time blocked_since() const noexcept override { return blocked_since_; }
  void end(ViewerEnd reason) noexcept override;
  void drain() noexcept override;
  void cut_off(ViewerEnd reason) noexcept override;
  void on_time(base::Time now) noexcept override;

  /// What it was told last, once that is a Bye.
  std::optional<wire::ByeReason> said_bye() const noexcept { return said_bye_; }
  std::unique_ptr<WireLink> take_link() noexcept { return std::move(link_); }

 private:
  void prefetch() const noexcept override { tcp_.prefetch(); }
  memory::Written write_now(std::span<const iovec> buffers) noexcept override;
  void write_rest(stream::ImageRest rest) noexcept override;
  void on_broken(base::Error error) noexcept override;
  void on_too_slow() noexcept override { end(ViewerEnd::slow); }
  void on_seam(const stream::Seam& seam) noexcept override;
  void on_until() noexcept override { end(ViewerEnd::until); }
  bool on_elsewhere(wire::Position next, bool has_ended) noexcept override {
    return !is_over_ && !pending_end_ && events_.on_viewer_elsewhere(*this, next, has_ended);
  }
  void on_stream_end() noexcept override;
  void on_unsent_needed(std::size_t bytes) noexcept override;

  std::span<std::byte> read_space() noexcept override { return worker_.read_buffer(); }
  void on_part(const websocket::Part& part) noexcept override;
  void on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept override;
  void on_lost(const std::string& detail) noexcept override;
  void on_blocked() noexcept override;
  void on_all_written() noexcept override;

  void flush_session() noexcept;
  void apply(wire::PlayerSession::Output& output) noexcept;
  void seek(const wire::Start& start) noexcept;
  bool is_passed_over(const stream::Seam& seam) const noexcept;
  void conclude(ViewerEnd end) noexcept;

  const std::uint64_t id_;
  loop::Worker& worker_;
  Events& events_;
  std::unique_ptr<WireLink> link_;
  loop::Tcp& tcp_;           // the link's
  std::uint64_t bytes_ = 0;  // beside the cursor: each write touches them together
  stream::Cursor cursor_;
  const stream::Stream* stream_ = nullptr;  // while the cursor reads it
  wire::PlayerSession session_;
  MessageCollector messages_;
  std::string path_;
  std::string token_;  // until it was told
  base::Duration stall_timeout_;
  std::optional<base::Duration> flush_interval_;
  base::Time started_;
  base::Time blocked_since_{};
  base::Duration lag_{};
  std::size_t pinned_bytes_ = 0;
  std::size_t unwritten_bytes_ = 0;  // when it was last looked at
  // The tracks that it was told last.
  std::uint64_t told_epoch_ = 0;
  std::uint32_t told_version_ = 0;
  std::optional<ViewerEnd> pending_end_;  // why we say Bye
  bool is_live_;
  bool is_early_ = false;
  std::optional<wire::ByeReason> said_bye_;
  bool is_over_ = false;
};

}  // namespace session
