#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "relay/base/time.hpp"
#include "relay/loop/process.hpp"
#include "relay/session/media_intake.hpp"
#include "relay/session/publisher.hpp"

namespace session {

/// One run of a source: a child process whose standard output is MPEG-TS or fragmented MP4, written
/// by `read` into blocks of the arena. It ends when the child is gone and all it wrote is appended:
/// a child that closes its output, writes something else, or nothing, is terminated. Owned by its
/// worker's server.
class SourcePublisher final : public Publisher,
                              private loop::Process::Events,
                              private MediaIntake::Host {
 public:
  /// A child that has closed its output has so long to end by itself.
  static constexpr base::Duration output_end_patience = std::chrono::milliseconds(500);

  class Events {
   public:
    virtual ~Events() = default;
    /// Over, and its process reaped: to be destroyed at the end of the turn.
    virtual void on_publisher_end(SourcePublisher& publisher, PublisherEnd end,
                                  const std::string& reason) noexcept = 0;
    virtual bool may_take_block(Publisher& publisher) noexcept = 0;
    virtual void on_input_dropped(Publisher& publisher) noexcept = 0;
    virtual void on_appended_by_timer() noexcept = 0;
    /// What it says on its standard error.
    virtual void on_source_line(SourcePublisher& publisher, std::string_view line) noexcept = 0;
  };

  /// Without a container the first bytes tell. `kill_after`: how long SIGKILL comes after SIGTERM.
  /// `stall`: how long it may write nothing, and no picture once it had one; 0: for ever.
  struct Options {
    std::optional<media::Container> container;
    base::Duration kill_after{};
    base::Duration stall{};
  };

  SourcePublisher(std::uint64_t id, loop::Worker& worker, memory::BlockPool& pool, Events& events,
                  stream::Home& home, Options options);

  /// The error is why the program cannot be executed; then this is of no use any more.
  base::Result<void> start(const loop::Process::Command& command) noexcept;

  std::uint64_t id() const noexcept override { return id_; }
  const char* protocol() const noexcept override { return "source"; }
  stream::Home& home() noexcept override { return home_; }
  /// It has no address: its process.
  std::string peer() const override;
  base::Time started() const noexcept override { return started_; }
  base::Time last_byte() const noexcept override { return last_byte_; }
  bool is_paused() const noexcept override { return media_.is_paused(); }
  PublisherCounts counts() const override { return media_.counts(); }
  std::span<const media::Track> tracks() const override { return media_.tracks(); }
  const std::string& token() const noexcept override { return no_token_; }
  /// Terminates the child; the end is reported when it is gone.
  void end(PublisherEnd end, const std::string& reason) noexcept override;
  void on_freed() noexcept override { media_.on_freed(); }
  bool on_nothing_freed(bool is_beyond_share) noexcept override {
    return media_.on_nothing_freed(is_beyond_share);
  }
  void on_durable(wire::Position) noexcept override {}  // it keeps nothing for us
  /// Ends it when it has stalled.
  void on_time(base::Time now) noexcept override;
  /// It was told to end.
  bool is_ending() const noexcept { return asked_end_.has_value(); }

 private:
  std::span<std::byte> read_space() noexcept override { return media_.read_space(); }
  void on_read(std::span<std::byte> bytes) noexcept override;
  void on_no_space() noexcept override { media_.on_no_space(); }
  void on_output_end() noexcept override;
  void on_error_line(std::string_view line) noexcept override;
  void on_exit(const loop::ProcessExit& exit) noexcept override;

  void start_reading() noexcept override { process_->start_reading(); }
  void stop_reading() noexcept override { process_->stop_reading(); }
  bool may_take_block() noexcept override { return events_.may_take_block(*this); }
  void on_input_dropped() noexcept override { events_.on_input_dropped(*this); }
  void on_appended_by_timer() noexcept override { events_.on_appended_by_timer(); }
  void on_all_appended() noexcept override { conclude_when_over(); }

  base::Result<void> feed(std::span<std::byte> bytes, base::Time now);
  base::Result<void> find_container(std::span<std::byte> bytes, base::Time now);
  void finish_media() noexcept;
  const char* find_silence(base::Time now) noexcept;
  void on_end_timer() noexcept;
  void fail(const std::string& reason) noexcept;
  void conclude_when_over() noexcept;

  struct End {
    PublisherEnd end;
    std::string reason;
  };

  const std::uint64_t id_;
  loop::Worker& worker_;
  Events& events_;
  stream::Home& home_;
  Options options_;
  MediaIntake media_;
  loop::Timer end_timer_;
  std::unique_ptr<loop::Process> process_;
  base::Time started_;
  base::Time last_byte_;
  base::Time excused_;      // when it was seen last that it cannot be the reason for a silence
  std::uint64_t lost_ = 0;  // of its input, because there was no room
  const std::string no_token_;
  // Until the container is known: the first bytes, and where they lie.
  std::string head_;
  std::vector<memory::Window> kept_;
  std::optional<End> asked_end_;  // why we terminate it
  std::optional<loop::ProcessExit> exit_;
  bool is_silent_ = false;  // for too long, when it was looked at last
  bool is_input_over_ = false;
  bool is_ended_ = false;
};

}  // namespace session
