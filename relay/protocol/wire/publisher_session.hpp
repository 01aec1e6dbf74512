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

/// What a relay has of an epoch.
struct Kept {
  Position end;            ///< behind the last chunk
  std::uint64_t from = 0;  ///< what it goes on with: the same, or the last sync chunk before it

  bool operator==(const Kept&) const = default;
};

/// The relay's half of publishing, on one connection. Numbers are checked here; who may publish and
/// what the log has is the caller's to say, who answers Join with `accept()` or `refuse()`. Drain
/// `poll()` after every input. After Close it reports nothing more. One worker.
class PublisherSession {
 public:
  /// An Ack leaves at most so long after the first chunk that it is for.
  static constexpr std::chrono::milliseconds ack_interval{250};

  /// Somebody wants to publish this. What comes before the answer is refused.
  struct Join {
    Hello hello;
  };
  /// What the samples mean from the next chunk on.
  struct Announce {
    Tracks tracks;
  };
  /// The next chunk of the log, with numbers and checksum that are right.
  struct Append {
    Chunk chunk;
  };
  /// These chunks never come; the next one is `to`.
  struct Lose {
    Gap gap;
  };
  using Output = std::variant<Join, Announce, Append, Lose, Send, Close>;

  struct Counters {
    std::uint64_t chunks = 0;
    std::uint64_t repeats = 0;  ///< chunks and gaps that the log had already
    std::uint64_t gaps = 0;
    std::uint64_t checksum_errors = 0;
    std::uint64_t unknown = 0;  ///< messages that a newer peer sent
  };

  /// `stream`: the name in the WebSocket's path.
  explicit PublisherSession(std::string stream, base::Time now)
      : stream_(std::move(stream)), last_message_(now) {}

  /// A message, or why it could not be read.
  void on_message(base::Result<Message> message, base::Time now);
  void on_time(base::Time now);
  std::optional<base::Time> deadline() const noexcept { return ack_at_; }
  std::optional<Output> poll() { return outputs_.pop(); }

  /// Answers Join. `token`: of the session from now on; empty: the one that was shown. `kept`: of
  /// the epoch that Hello names.
  void accept(std::string token, const std::optional<Kept>& kept);
  void refuse(ByeReason reason, Milliseconds retry_after = {}, std::string detail = {});
  /// Ends an accepted one: what has come is acknowledged first.
  void bye(ByeReason reason, Milliseconds retry_after = {}, std::string detail = {});
  /// Every chunk before `sequence` is on disk.
  void on_durable(std::uint64_t sequence, base::Time now);

  bool is_closed() const noexcept { return state_ == State::closed; }
  bool is_accepted() const noexcept { return state_ == State::accepted; }
  const std::string& token() const noexcept { return token_; }
  /// The next chunk; once accepted.
  Position expected() const noexcept { return expected_; }
  /// When something came last, or since when nothing did.
  base::Time last_message() const noexcept { return last_message_; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { opening, asking, accepted, closed };

  base::Result<void> handle(Message& message, base::Time now);
  base::Result<void> on_hello(Hello& hello);
  base::Result<void> on_tracks(Tracks& tracks);
  base::Result<void> on_chunk(Chunk& chunk, base::Time now);
  base::Result<void> on_gap(const Gap& gap, base::Time now);
  void on_bye(const Bye& bye);
  void change_ack(base::Time now) noexcept;
  void send_ack();

  std::string stream_;
  std::string token_;
  Hello hello_;
  Tracks tracks_;
  Position expected_;
  std::uint64_t durable_ = 0;
  std::optional<base::Time> ack_at_;
  base::Time last_message_;
  Allowance allowance_;
  Counters counters_;
  State state_ = State::opening;
  base::DrainedQueue<Output> outputs_;
};

}  // namespace wire
