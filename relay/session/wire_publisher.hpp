#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "relay/base/time.hpp"
#include "relay/loop/timer.hpp"
#include "relay/protocol/wire/publisher_session.hpp"
#include "relay/session/block_intake.hpp"
#include "relay/session/publisher.hpp"
#include "relay/session/wire_ingest.hpp"
#include "relay/session/wire_link.hpp"

namespace session {

/// A publisher over the wire: receives messages into blocks of the arena, where they are unmasked,
/// cuts the chunks out of them and appends those to the stream at home. Where the arena has no room
/// for it it is sent away with Bye `overload`: its camera keeps what was not acknowledged. Owned by
/// its worker's server.
class WirePublisher final : public Publisher, public WireLink::Events {
 public:
  /// So many messages in one turn of the loop; nothing is read meanwhile.
  static constexpr unsigned messages_per_turn_max = 64;
  /// After which a camera that was sent away for want of memory may come again.
  static constexpr wire::Milliseconds overload_retry{1000};

  class Events {
   public:
    virtual ~Events() = default;
    /// Over, and all is said: to be destroyed at the end of the turn. `take_link()` before that.
    virtual void on_publisher_end(WirePublisher& publisher, PublisherEnd end,
                                  const std::string& reason) noexcept = 0;
    /// A new block is about to be taken. False when there is none for this publisher.
    virtual bool may_take_block(Publisher& publisher) noexcept = 0;
    /// Chunks were appended outside the poll phase of the loop.
    virtual void on_appended_by_timer() noexcept = 0;
  };

  /// One that may publish. `home` tells whether it goes on or begins anew.
  WirePublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool,
                std::unique_ptr<WireLink> link, Events& events, stream::Home& home,
                wire::Hello hello);
  ~WirePublisher() override;

  /// Says Welcome. `token`: of its session; empty: the one that was shown.
  void start(std::string token) noexcept;

  std::uint64_t id() const noexcept override { return id_; }
  const char* protocol() const noexcept override { return "wire"; }
  stream::Home& home() noexcept override { return home_; }
  std::string peer() const override { return peer_; }
  base::Time started() const noexcept override { return started_; }
  base::Time last_byte() const noexcept override { return last_byte_; }
  bool is_paused() const noexcept override { return paused_; }
  PublisherCounts counts() const override;
  std::span<const media::Track> tracks() const override { return ingest_.tracks(); }
  void end(PublisherEnd end, const std::string& reason) noexcept override;
  void on_freed() noexcept override;
  bool on_nothing_freed(bool is_beyond_share) noexcept override;
  const std::string& token() const noexcept override { return session_.token(); }

  /// Every chunk of its numbering before this is here.
  wire::Position received() const noexcept { return session_.expected(); }
  /// What it was told last, once that is a Bye.
  std::optional<wire::ByeReason> said_bye() const noexcept { return said_bye_; }
  std::unique_ptr<WireLink> take_link() noexcept;
  void on_durable(wire::Position end) noexcept override;
  /// From time to time: pings.
  void on_time(base::Time now) noexcept override;

 private:
  std::span<std::byte> read_space() noexcept override;
  void on_received(std::size_t count) noexcept override;
  void on_part(const websocket::Part& part) noexcept override;
  void on_parsed() noexcept override;
  void on_no_space() noexcept override;
  void on_bad_frame(wire::ByeReason reason, const std::string& detail) noexcept override;
  void on_lost(const std::string& detail) noexcept override;

  void receive_early() noexcept;
  void on_message(base::Result<wire::Message> message) noexcept;
  void drain() noexcept;
  void append(wire::Chunk chunk) noexcept;
  void pause_until(base::Time due) noexcept;
  void on_ack_timer() noexcept;
  void on_read_timer() noexcept;
  void on_close(const wire::Close& close) noexcept;
  void conclude(PublisherEnd end, const std::string& reason) noexcept;

  const std::uint64_t id_;
  Events& events_;
  stream::Home& home_;
  std::unique_ptr<WireLink> link_;
  const std::string peer_;
  wire::PublisherSession session_;
  wire::Hello hello_;  // until it is accepted
  BlockIntake intake_;
  WireIngest ingest_;
  loop::Timer ack_timer_;
  loop::Timer read_timer_;
  memory::WindowList message_;  // as far as it is here
  std::string early_;           // received elsewhere, and not looked at yet
  base::Time started_;
  base::Time last_byte_;
  base::Time resume_at_{};
  std::uint64_t bytes_ = 0;
  std::uint64_t chunks_ = 0;
  unsigned messages_in_turn_ = 0;
  std::optional<PublisherEnd> pending_end_;  // why we say Bye
  std::string pending_reason_;
  std::optional<wire::ByeReason> said_bye_;
  bool paused_ = false;
  bool ended_ = false;
};

}  // namespace session
