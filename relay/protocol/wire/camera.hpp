#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "relay/base/result.hpp"
#include "relay/base/time.hpp"
#include "relay/protocol/wire/keep.hpp"
#include "relay/protocol/wire/output.hpp"

namespace wire {

/// The publisher's half, over any number of connections one after the other: numbers chunks, keeps
/// them, and sends each new relay what it lacks. When to connect, and where, is the caller's. The
/// caller polls only while its socket has room, so that nothing waits outside of the keep. One
/// thread.
class Camera {
 public:
  struct Settings {
    std::string stream;  ///< may be empty: the name in the WebSocket's path counts
    KeepPolicy keep;
  };
  struct Content {
    base::Utc utc{};
    bool sync = false;
    std::uint32_t discontinuity = 0;
    std::uint32_t segment = 0;
    std::uint32_t part = 0;
    std::vector<media::Sample> samples;
  };
  using Output = std::variant<Send, Close>;

  struct Counters {
    std::uint64_t chunks = 0;    ///< made
    std::uint64_t sent = 0;      ///< messages with a chunk, repeated ones too
    std::uint64_t repeated = 0;  ///< of them those sent before
    std::uint64_t lost = 0;      ///< dropped before any relay acknowledged them
    std::uint64_t skipped = 0;   ///< numbers that no chunk has
    std::uint64_t welcomes = 0;  ///< connections on which a relay accepted
  };

  /// `epoch`: 64 random bits, not 0; of this process. `spill`: may be null, outlives this.
  Camera(Settings settings, std::uint64_t epoch, Spill* spill = nullptr);

  /// What the samples of later chunks mean; at most `tracks_max`.
  void set_tracks(std::vector<Track> tracks);
  /// The next chunk, once there are tracks, and its position. An error: it is over a limit of the
  /// wire and was not taken; what comes next must be a sync chunk then.
  base::Result<Position> add(Content content, base::Time now);
  /// What comes next does not follow from what came before, since nobody captured what was between.
  /// One number is left out, so that a Gap names it; the next chunk must be a sync chunk. Before
  /// the first chunk it does nothing.
  void skip() noexcept { is_skipping_ = true; }
  /// Says Bye `ended` once everything is acknowledged.
  void finish() noexcept { finishing_ = true; }

  /// A new connection is open. The one before counts no more.
  void on_connected();
  void on_disconnected() noexcept;
  void on_message(base::Result<Message> message);
  /// What to send next; nothing: all is sent, or there is no connection.
  std::optional<Output> poll();

  bool is_welcome() const noexcept { return state_ == State::welcome; }
  /// The number that the next chunk will get.
  Position end() const noexcept { return {epoch_, keep_.end()}; }
  /// Every chunk before it is at the relay.
  std::uint64_t acknowledged() const noexcept { return acknowledged_; }
  std::uint64_t durable() const noexcept { return durable_; }
  /// Chunks that wait to be sent.
  std::uint64_t unsent() const noexcept { return is_welcome() ? keep_.end() - next_ : 0; }
  std::uint64_t kept_bytes() const noexcept { return keep_.bytes(); }
  std::uint64_t spilled() const noexcept { return keep_.spilled(); }
  const std::string& token() const noexcept { return token_; }
  const Counters& counters() const noexcept { return counters_; }

 private:
  enum class State : std::uint8_t { away, hello, waiting, welcome, closed };

  base::Result<void> handle(const Message& message);
  base::Result<void> on_welcome(const Welcome& welcome);
  base::Result<void> on_ack(const Ack& ack);
  Send make_hello();
  std::optional<Send> next_message();
  std::optional<Send> send_chunk();
  std::optional<Send> make_gap();
  Send tell_skipped();
  void leave_out_number(base::Time now);
  void close(Close close);

  Settings settings_;
  std::uint64_t epoch_;
  Keep keep_;
  std::shared_ptr<const Tracks> tracks_;  // shared with the chunks that mean them
  std::string token_;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t durable_ = 0;
  std::uint64_t next_ = 0;       // to be sent on this connection
  std::uint64_t next_ever_ = 0;  // likewise on any
  std::uint64_t hello_first_ = 0;
  std::uint64_t hello_next_ = 0;
  std::uint32_t announced_ = 0;  // version of the tracks that this relay knows
  Counters counters_;
  State state_ = State::away;
  bool finishing_ = false;
  bool is_skipping_ = false;
  base::DrainedQueue<Output> outputs_;  // the end of a connection
};

}  // namespace wire
