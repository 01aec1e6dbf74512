#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "relay/base/time.hpp"
#include "relay/loop/tcp.hpp"
#include "relay/protocol/http_body/reader.hpp"
#include "relay/session/media_intake.hpp"
#include "relay/session/publisher.hpp"

namespace session {

/// An HTTP publisher: receives a request body into blocks of the arena and undoes its framing; the
/// rest is its `MediaIntake`'s. Owned by its worker's server.
class HttpPublisher final : public Publisher, public loop::Tcp::Events, private MediaIntake::Host {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// Over: to be destroyed at the end of the turn. `take_tcp()` before that, for the response.
    virtual void on_publisher_end(HttpPublisher& publisher, PublisherEnd end,
                                  const std::string& reason) noexcept = 0;
    /// A new block is about to be taken. False when there is none for this publisher: it is not
    /// read for a while, and told what came of it.
    virtual bool may_take_block(Publisher& publisher) noexcept = 0;
    /// From here on its input is thrown away up to the next keyframe.
    virtual void on_input_dropped(Publisher& publisher) noexcept = 0;
    /// Chunks were appended outside the poll phase of the loop.
    virtual void on_appended_by_timer() noexcept = 0;
  };

  HttpPublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                std::unique_ptr<loop::Tcp> tcp, Events& events, stream::Home& home,
                media::Container container, http_body::Reader body, bool keep_alive);

  /// `received`: body bytes that came with the head; copied, once.
  void start(std::string_view received) noexcept;

  std::uint64_t id() const noexcept override { return id_; }
  const char* protocol() const noexcept override { return "http"; }
  stream::Home& home() noexcept override { return home_; }
  std::string peer() const override { return tcp_->peer(); }
  base::Time started() const noexcept override { return started_; }
  base::Time last_byte() const noexcept override { return last_byte_; }
  bool is_paused() const noexcept override { return media_.is_paused(); }
  PublisherCounts counts() const override { return media_.counts(); }
  std::span<const media::Track> tracks() const override { return media_.tracks(); }
  void end(PublisherEnd end, const std::string& reason) noexcept override;
  void on_freed() noexcept override { media_.on_freed(); }
  bool on_nothing_freed(bool is_beyond_share) noexcept override {
    return media_.on_nothing_freed(is_beyond_share);
  }
  const std::string& token() const noexcept override { return no_token_; }
  void on_durable(wire::Position) noexcept override {}  // it keeps nothing for us
  void on_time(base::Time) noexcept override {}

  std::unique_ptr<loop::Tcp> take_tcp() noexcept { return std::move(tcp_); }
  std::string take_received() noexcept { return std::exchange(behind_body_, {}); }
  /// True when the whole body was read and another request may follow.
  bool can_go_on() const noexcept { return keep_alive_ && body_.done() && !peer_ended_; }
  bool is_peer_ended() const noexcept { return peer_ended_; }

 private:
  std::span<std::byte> read_space() noexcept override { return media_.read_space(); }
  void on_read(std::span<std::byte> bytes) noexcept override;
  void on_no_space() noexcept override { media_.on_no_space(); }
  void on_read_end(base::Error error) noexcept override;
  void on_written(base::Error) noexcept override {}

  void start_reading() noexcept override { tcp_->start_reading(); }
  void stop_reading() noexcept override { tcp_->stop_reading(); }
  bool may_take_block() noexcept override { return events_.may_take_block(*this); }
  void on_input_dropped() noexcept override { events_.on_input_dropped(*this); }
  void on_appended_by_timer() noexcept override { events_.on_appended_by_timer(); }
  void on_all_appended() noexcept override { end(pending_end_->end, pending_end_->reason); }

  bool is_over() const noexcept { return ended_ || pending_end_; }
  void read_body(std::span<std::byte> bytes, base::Time now) noexcept;
  void finish(PublisherEnd end, const std::string& reason) noexcept;

  const std::uint64_t id_;
  Events& events_;
  stream::Home& home_;
  std::unique_ptr<loop::Tcp> tcp_;
  http_body::Reader body_;
  MediaIntake media_;
  base::Time started_;
  base::Time last_byte_;
  std::string behind_body_;
  const std::string no_token_;
  // The input is over; the end comes when all chunks are appended.
  struct PendingEnd {
    PublisherEnd end;
    std::string reason;
  };
  std::optional<PendingEnd> pending_end_;
  bool keep_alive_;
  bool peer_ended_ = false;
  bool ended_ = false;
};

}  // namespace session
