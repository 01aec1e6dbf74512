#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/loop/timer.hpp"
#include "relay/loop/worker.hpp"
#include "relay/session/block_intake.hpp"
#include "relay/session/ingest.hpp"
#include "relay/session/publisher.hpp"

namespace session {

/// Media in one container on its way into the log, for publishers that read a byte stream: offers
/// blocks to receive into, has the container's reader cut what came, and appends the chunks at
/// home. Stops its publisher's reading when it runs ahead of the clock, has more chunks than one
/// turn may append, or gets no block, and in the end throws input away up to the next keyframe.
class MediaIntake {
 public:
  /// A fragment of thousands of samples becomes that many chunks at once: so many in one turn of
  /// the loop, and nothing is read meanwhile.
  static constexpr unsigned chunks_per_turn_max = 64;

  /// The publisher.
  class Host {
   public:
    virtual ~Host() = default;
    virtual void start_reading() noexcept = 0;
    virtual void stop_reading() noexcept = 0;
    /// A new block is about to be taken. False: there is none for this publisher.
    virtual bool may_take_block() noexcept = 0;
    /// From here on its input is thrown away up to the next keyframe.
    virtual void on_input_dropped() noexcept = 0;
    /// Chunks were appended outside the poll phase of the loop.
    virtual void on_appended_by_timer() noexcept = 0;
    /// After `finish()`: the last chunks are appended.
    virtual void on_all_appended() noexcept = 0;
  };

  MediaIntake(loop::Worker& worker, memory::BlockPool& pool, stream::Home& home, Host& host);
  /// Before the first `feed()`.
  void begin(media::Container container);
  bool has_begun() const noexcept { return ingest_ != nullptr; }

  /// Where the next bytes go; empty: there is no room, and reading stops.
  std::span<std::byte> read_space() noexcept;
  void on_no_space() noexcept;
  /// The same without asking whether a new block may be taken.
  base::Result<std::span<std::byte>> space() noexcept { return intake_.space(); }
  /// So many bytes came to lie at the start of the last space.
  void on_received(std::size_t count) noexcept;
  /// Where received bytes lie that are kept before they are fed.
  memory::Window window(std::span<const std::byte> bytes) const { return intake_.window(bytes); }
  /// Of what was received a run of media: cut, or thrown away.
  base::Result<void> feed(std::span<std::byte> run, base::Time now);
  base::Result<void> feed(memory::Window run, base::Time now);
  /// All of it was fed.
  void append_chunks(base::Time now) noexcept;
  /// Nothing more comes. While `has_backlog()`, `on_all_appended()` follows.
  base::Result<void> finish() noexcept;
  /// Appends what is whole, at once, and stops everything.
  void end() noexcept;

  bool has_backlog() const noexcept { return has_backlog_; }
  /// True while it does not let its publisher read.
  bool is_paused() const noexcept { return is_paused_ || has_backlog_; }
  PublisherCounts counts() const;
  /// When the last chunk with a picture was appended; nothing before the first.
  std::optional<base::Time> last_picture() const noexcept { return last_picture_; }
  std::span<const media::Track> tracks() const;

  void on_freed() noexcept;
  bool on_nothing_freed(bool is_beyond_share) noexcept;

 private:
  void append_some(base::Time now) noexcept;
  void append(stream::Chunk&& chunk, base::Time now) noexcept;
  void pause_until(base::Time due) noexcept;
  void begin_dropping() noexcept;
  void on_media_timer() noexcept;
  void on_read_timer() noexcept;

  loop::Worker& worker_;
  memory::BlockPool& pool_;
  stream::Home& home_;
  Host& host_;
  BlockIntake intake_;
  std::unique_ptr<Ingest> ingest_;
  loop::Timer media_timer_;
  loop::Timer read_timer_;
  base::Duration ahead_;
  std::uint64_t bytes_ = 0;
  std::uint64_t chunks_ = 0;
  std::uint64_t bytes_dropped_ = 0;
  base::Time resume_at_{};
  std::optional<base::Time> last_picture_;
  bool has_backlog_ = false;        // of chunks that are not appended yet
  bool is_dropping_input_ = false;  // the arena is full: bytes are read and thrown away
  bool is_paused_ = false;
  bool has_waited_ = false;  // a turn, since the media timer came late
  bool is_finished_ = false;
  bool is_ended_ = false;
};

}  // namespace session
