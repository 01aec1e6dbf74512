#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "relay/base/time.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/protocol/websocket/reader.hpp"
#include "relay/protocol/wire/rules.hpp"
#include "relay/protocol/wire/writer.hpp"

namespace session {

/// The WebSocket of a wire connection: frames in and out, pongs, pings to a silent peer, and the
/// closing handshake. Who uses it (`Events`) changes during its life: first the WireConnection that
/// reads the first message, then a publisher or a viewer, in the end a WireConnection again.
class WireLink final : public loop::Tcp::Events {
 public:
  /// What waits behind an unfinished write; who lets more gather takes nothing.
  static constexpr std::size_t unsent_bytes_max = 128 * 1024;
  /// After our close frame, for the peer's: so long since the peer took or sent anything, so long
  /// altogether.
  static constexpr base::Duration close_wait = std::chrono::seconds(2);
  static constexpr base::Duration close_wait_max = std::chrono::seconds(8);

  /// A pong is waited for at least so long.
  static constexpr base::Duration ping_wait_least = std::chrono::seconds(5);

  class Events {
   public:
    virtual ~Events() = default;
    /// As `loop::Tcp::Events::read_space()`.
    virtual std::span<std::byte> read_space() noexcept = 0;
    /// So many bytes came to lie at the start of the last `read_space()`; their parts follow.
    virtual void on_received(std::size_t) noexcept {}
    virtual void on_part(const websocket::Part& part) noexcept = 0;
    /// All that was received was looked at.
    virtual void on_parsed() noexcept {}
    virtual void on_no_space() noexcept {}
    /// The peer broke a rule of WebSocket and is not listened to any more. What is to be said comes
    /// before `close()`.
    virtual void on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept = 0;
    /// Nothing more will come or can be sent: the peer has closed, the connection broke, or nobody
    /// answers.
    virtual void on_lost(const std::string& detail) noexcept = 0;
    /// Something of the link's own is being written: nothing may be written beside it until
    /// `on_all_written()`.
    virtual void on_blocked() noexcept {}
    /// What was handed over is with the kernel.
    virtual void on_all_written() noexcept {}
    /// After `close()`: the socket is of no more use.
    virtual void on_closed() noexcept {}
  };

  /// When a peer that sends nothing is asked whether it is there, and given up.
  struct Patience {
    base::Duration ping_after{};
    base::Duration lost_after{};
  };

  /// A link on its way to another worker.
  struct Moved {
    websocket::Reader reader;
    wire::Allowance control_frames;
    std::string rest;  ///< received and not looked at
  };

  WireLink(loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp, const websocket::Limits& limits);
  /// Goes on with what another worker began.
  WireLink(loop::Worker& worker, std::unique_ptr<loop::Tcp> tcp, Moved moved);

  void set_events(Events* events) noexcept { events_ = events; }
  void set_patience(Patience patience) noexcept;
  /// Sends `head` and looks at `received`, then reads.
  void start(std::string head, std::string received) noexcept;

  /// For payload, which does not pass through here while nothing else `is_writing()`.
  loop::Tcp& tcp() noexcept { return *tcp_; }
  const loop::Tcp& tcp() const noexcept { return *tcp_; }
  bool is_writing() const noexcept { return tcp_->is_writing(); }
  /// One binary message without payload, behind whatever is being written.
  void send(const wire::Encoded& message) noexcept;
  /// A close frame behind everything else. From now on what comes is thrown away.
  void close(websocket::CloseCode code) noexcept;
  /// Ends at once and throws away what is unsent.
  void cut_off() noexcept;
  bool is_open() const noexcept { return state_ == State::open; }
  bool is_closed() const noexcept { return state_ == State::closed; }

  void start_reading() noexcept;
  void stop_reading() noexcept;
  /// From a part on: nothing more of what was received is looked at until `resume_parsing()`.
  void pause_parsing() noexcept { parsing_paused_ = true; }
  void resume_parsing() noexcept;
  /// From a part on, for longer than the buffer keeps what was received: nothing is read either.
  void hold() noexcept;
  void release() noexcept { parsing_paused_ = false; }
  /// What was received and not looked at, still masked; it is to be `feed()` again from elsewhere.
  std::span<std::byte> take_rest() noexcept { return reader_.take_rest(); }
  void feed(std::span<std::byte> bytes) noexcept;

  /// A second descriptor of the socket for another worker, -1 when there is none. Nothing may be
  /// unsent. Then this one is `abandon()`ed.
  int duplicate() noexcept { return tcp_->duplicate(); }
  Moved move_on() noexcept;
  void abandon() noexcept { shut(); }

  /// From time to time: pings, and gives up.
  void on_time(base::Time now) noexcept;

 private:
  enum class State : std::uint8_t {
    open,
    closing,     // our close frame is under way; the peer's is waited for, or its end
    last_bytes,  // the peer's close frame is there, or nothing can come; the rest goes out
    closed,
  };

  std::span<std::byte> read_space() noexcept override;
  void on_read(std::span<std::byte> bytes) noexcept override;
  void on_no_space() noexcept override;
  void on_read_end(base::Error error) noexcept override;
  void on_written(base::Error error) noexcept override;

  void parse() noexcept;
  void on_event(const websocket::Event& event) noexcept;
  void on_peer_close(const websocket::Close& close) noexcept;
  void fail(const base::Error& error) noexcept;
  void refuse(wire::ByeReason reason, websocket::CloseCode code,
              const std::string& detail) noexcept;
  bool take_control_frame() noexcept;
  void write(std::string bytes) noexcept;
  void lose(const std::string& detail) noexcept;
  void shut() noexcept;

  loop::Worker& worker_;
  Events* events_ = nullptr;
  std::unique_ptr<loop::Tcp> tcp_;
  websocket::Reader reader_;
  std::string moved_;   // what another worker received, or was received before a hold
  std::string unsent_;  // behind the write that is under way
  Patience patience_{base::Duration::max(), base::Duration::max()};
  base::Time last_received_;
  base::Time close_deadline_{};
  base::Time close_deadline_max_{};
  std::size_t unwritten_bytes_ = 0;  // when it was last looked at
  wire::Allowance control_frames_;
  std::optional<websocket::CloseCode> bad_frame_;
  State state_ = State::open;
  bool pinged_ = false;
  bool reading_ = false;
  bool parsing_ = false;
  bool parsing_paused_ = false;
};

}  // namespace session
