#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/protocol/wire/output.hpp"
#include "relay/protocol/wire/rules.hpp"

namespace wire {

/// The relay's half of watching, on one connection: what the player asks for and what it is
/// answered. Chunks go from the feed to the socket without it. The caller answers Find with
/// `found()` when the position is there, or with `bye()`. Drain `poll()` after every input. After
/// Close it reports nothing more. One worker.
class PlayerSession {
 public:
  /// The player wants to go on there. Nothing is sent to it until `found()`.
  struct Find {
    Start start;
  };
  /// No more chunks.
  struct Halt {};
  /// Chunks again, from where it halted.
  struct Continue {};
  using Output = std::variant<Find, Halt, Continue, Send, Close>;

  /// `grace`: how long a position that is not there yet is waited for.
  explicit PlayerSession(base::Duration grace) : grace_(grace) {}

  /// A message, or why it could not be read.
  void on_message(base::Result<Message> message, base::Time now);
  void on_time(base::Time now);
  /// Until when the position must be found.
  std::optional<base::Time> deadline() const noexcept { return give_up_at_; }
  std::optional<Output> poll() {
    auto output = outputs_.pop();
    // There are many players, who seldom say something.
    if (!output) outputs_.release();
    return output;
  }

  /// Where a player begins.
  struct Place {
    Position start;                      ///< the first chunk that follows
    Tracks tracks;                       ///< of that chunk
    std::optional<base::Utc> start_utc;  ///< likewise
    GapReason reason = GapReason::tail;  ///< why `start` is not the cursor that was asked for
  };
  /// Answers the last Find. A Gap follows where a cursor was asked for and `start` is another one,
  /// which is after it or of another epoch; but not within an epoch for one that plays faster, and
  /// begins at the next sync chunk. `token`: of the session from now on; empty: as before, or the
  /// one that was shown.
  void found(const Place& place, base::Utc now, std::string token);
  /// What it plays has ended, or is looked for elsewhere: what comes next is waited for like a
  /// position that is not there yet, until it goes on.
  void interrupt(base::Time now) noexcept {
    if (state_ == State::playing) give_up_at_ = now + grace_;
  }
  void go_on() noexcept {
    if (state_ == State::playing) give_up_at_.reset();
  }
  void gap(const Gap& gap);
  void tracks(const Tracks& tracks);
  void bye(ByeReason reason, Milliseconds retry_after = {}, std::string detail = {});

  /// What Play said, with start and speed of the last Seek; once the first Find was reported.
  const Play& play() const noexcept { return play_; }
  bool is_closed() const noexcept { return state_ == State::closed; }
  /// Chunks may be sent.
  bool is_playing() const noexcept { return state_ == State::playing && !paused_; }
  bool is_paused() const noexcept { return paused_; }

 private:
  enum class State : std::uint8_t { opening, finding, playing, closed };

  base::Result<void> handle(Message& message, base::Time now);
  void find(std::uint32_t request, base::Time now);
  void close(Close close);

  base::Duration grace_;
  Play play_;
  std::uint32_t request_ = 0;
  std::optional<base::Time> give_up_at_;
  Allowance allowance_;
  State state_ = State::opening;
  bool paused_ = false;
  base::DrainedQueue<Output> outputs_;
};

}  // namespace wire
