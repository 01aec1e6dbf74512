#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "relay/base/result.hpp"
#include "relay/protocol/wire/output.hpp"

namespace wire {

/// The player's half, over any number of connections one after the other: delivers each chunk once
/// and in order, goes on at its cursor after a loss, and says where something is missing. When to
/// connect, and where, is the caller's. Drain `poll()` after every input. One thread.
class Player {
 public:
  struct Settings {
    Start start;
    std::optional<Position> until;  ///< the first chunk that is not wanted
    Slow slow = Slow::unspecified;
    Milliseconds max_lag{};              ///< 0: as the relay is configured
    std::optional<Milliseconds> flush;   ///< nothing: the relay chooses
    std::uint32_t speed = speed_normal;  ///< percent; above 100: of the past only sync chunks
  };

  /// The relay answered; chunks follow.
  struct Began {
    Position position;    ///< of the next chunk, as far as is known
    base::Utc relay_utc;  ///< the relay's clock when it answered
    bool resumed;         ///< goes on where another connection was lost
  };
  /// What the samples mean from the next chunk on.
  struct Announce {
    Tracks tracks;
  };
  /// The next chunk, with a checksum that is right.
  struct Deliver {
    Chunk chunk;
  };
  /// These chunks do not come.
  struct Lose {
    Gap gap;
  };
  using Output = std::variant<Began, Announce, Deliver, Lose, Send, Close>;

  struct Counters {
    std::uint64_t chunks = 0;
    std::uint64_t repeats = 0;  ///< chunks that had been delivered or given up
    std::uint64_t gaps = 0;
    std::uint64_t checksum_errors = 0;
    std::uint64_t resumes = 0;
  };

  explicit Player(Settings settings) : settings_(std::move(settings)) {}

  void on_connected();
  void on_disconnected() noexcept;
  void on_message(base::Result<Message> message);
  std::optional<Output> poll() { return outputs_.pop(); }

  /// Goes on elsewhere; what comes of the old position is dropped. Also while not connected.
  void seek(Start start, std::uint32_t speed = speed_normal);
  void pause();
  void resume();
  /// Says Bye and closes.
  void leave();

  /// The chunk after the last that was delivered or given up; nothing before the first.
  std::optional<Position> cursor() const noexcept { return cursor_; }
  const std::string& token() const noexcept { return token_; }
  bool is_playing() const noexcept { return state_ == State::playing; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { away, waiting, playing, closed };

  base::Result<void> handle(Message& message);
  void on_playing(Playing& playing);
  void on_tracks(Tracks& tracks, std::uint64_t epoch);
  base::Result<void> on_chunk(Chunk& chunk);
  bool asks_again() noexcept;
  void on_gap(const Gap& gap);
  void lose(Gap gap);
  bool is_behind(Position position) const noexcept;
  bool may_come_next(const Chunk& chunk) const noexcept;
  void fail(const base::Error& error);
  void close(Close close);
  void send(const Message& message) { outputs_.push(Send{write_message(message)}); }

  Settings settings_;
  std::string token_;
  std::optional<Position> cursor_;  // where a new connection goes on
  Position expected_;               // the next chunk; while playing
  std::optional<Position> asked_again_;
  std::optional<base::Utc> last_utc_;  // of the last chunk
  Tracks tracks_;
  std::uint64_t tracks_epoch_ = 0;
  std::uint32_t request_ = 0;  // of the last Seek on this connection
  Counters counters_;
  State state_ = State::away;
  bool paused_ = false;
  base::DrainedQueue<Output> outputs_;
};

}  // namespace wire
