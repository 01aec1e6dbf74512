#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/loop/mailbox.hpp"
#include "relay/media/timeline.hpp"
#include "relay/media/track.hpp"
#include "relay/protocol/wire/publisher_session.hpp"
#include "relay/stream/replica.hpp"
#include "relay/stream/stream.hpp"

namespace stream {

/// What is known of a stream from before its home was made, which goes on behind it.
struct Past {
  wire::Position next;      ///< behind the last chunk
  std::uint64_t last_sync;  ///< of the last sync chunk, in the same epoch
  MediaTime last_sync_time;
  base::Utc end;       ///< where the last chunk ends
  MediaTime end_time;  ///< likewise
  std::uint32_t segment;
  std::uint32_t discontinuity;
  /// Its chunks were recorded. Else their publisher is asked for all that it keeps.
  bool is_kept = true;
  /// What chunks that we number are called from here on, in the same epoch as before; numbers below
  /// may name others. An epoch of 0: they get a new one.
  wire::Position reserved{};
};

/// The writing end of a stream, on the worker that accepted its first publisher, until the stream
/// ends: gives chunks their numbers and sends them on to the workers that hold a replica.
class Home {
 public:
  /// Who is told of every chunk when it is appended: the recorder.
  class Tap {
   public:
    virtual ~Tap() = default;
    virtual void on_append(const Chunk& chunk) noexcept = 0;
    /// Something is missing before the next chunk, for this reason, whether numbers are or not.
    virtual void on_gap(wire::GapReason reason) noexcept = 0;
  };

  /// A segment begins at the first sync chunk after this much media time, a part likewise.
  static constexpr base::Duration segment_min = std::chrono::seconds(1);
  static constexpr base::Duration part_min = std::chrono::milliseconds(200);

  Home(std::string path, const PathPolicy& policy, Fanout& fanout, memory::BlockPool& pool,
       std::uint64_t epoch, base::Utc now, const std::optional<Past>& past = std::nullopt);
  ~Home();

  Stream& stream() noexcept { return *stream_; }
  const Stream& stream() const noexcept { return *stream_; }
  /// For viewers that read on after the end; then the home is of no use any more.
  std::unique_ptr<Stream> take_stream() noexcept { return std::move(stream_); }
  /// Of the chunks that we number.
  std::uint64_t epoch() const noexcept { return epoch_; }
  /// What a later home of the stream would have to go on with; nothing before the first chunk. Not
  /// recorded, nothing reserved.
  std::optional<Past> present() const noexcept;

  /// Numbers the chunk (sequence, segment, part, discontinuity, position) and appends it. What a
  /// publisher that numbers itself has said stays: a position whose epoch is not 0, and, if the
  /// segment is not 0, segment, part and discontinuity.
  void append(Chunk&& chunk);
  /// Before the next chunk something is missing, for this reason: a discontinuity. A publisher that
  /// numbers skips what it was called.
  void on_gap(wire::GapReason reason) noexcept;
  /// The newest chunk is of this epoch: a publisher that numbers with it is no new one. Times go on
  /// as they are, and nothing is discontinuous.
  bool continues(std::uint64_t epoch) const noexcept;
  /// What is here of this epoch, or was before: what a publisher that resumes is asked for. Nothing
  /// when there is none.
  std::optional<wire::Kept> kept(std::uint64_t epoch) const noexcept;
  /// The next chunk is this one of a publisher that numbers itself. True if its epoch is the
  /// past's: it goes on in media time as if it had never been away.
  bool resume(wire::Position position, base::Utc utc) noexcept;
  /// What comes next does not follow from what came before: another publisher, or dropped input.
  void on_discontinuity() noexcept;
  /// Another publisher goes on where the last one ended. Its first frame is the discontinuity: one
  /// that sends nothing is none.
  void on_new_publisher() noexcept { timeline_.on_new_publisher(); }
  /// Under memory pressure: lets go all but the newest chunk, here and on the replicas. What comes
  /// next begins at a sync chunk, and so does everybody who has not read all.
  void let_tail_go();

  /// Null: nobody. It outlives the home, or is taken away before.
  void set_tap(Tap* tap) noexcept { tap_ = tap; }

  /// Counts the blocks that publishers of this stream fill.
  memory::Account* account() const noexcept { return account_.get(); }

  /// Another worker wants a replica: it gets the whole tail, then every turn what was appended.
  void subscribe(unsigned worker, loop::Mailbox& mailbox, ReplicaHost& host);
  void unsubscribe(unsigned worker);
  /// Other workers have viewers of it, or had some within the last seconds.
  bool has_replicas() const noexcept { return !subscriptions_.empty(); }
  /// At the end of a turn in which there was something to tell: one message to each replica that is
  /// behind. False while one of them is not to be told yet, so that the next turn asks again.
  bool update_replicas();
  /// Where it enters itself, once, when there is something to tell replicas. Outlives it.
  void set_changed_list(std::vector<Home*>& changed) noexcept { changed_ = &changed; }
  /// The stream is over: tells the replicas.
  void end_replicas();

  media::Timeline& timeline() noexcept { return timeline_; }

  /// Media time minus what MPEG-TS timestamps of the newest chunk say: who continues the stream
  /// goes on from there. 0 for a log that began otherwise: there stamps are media times.
  MediaTime stamp_offset = 0;
  /// What PAT and PMT say now, and under which version; another publisher that says something else
  /// takes the next.
  struct Tables {
    std::string said;
    std::uint8_t version = 0;
  };
  std::optional<Tables> tables;

  /// The session that writes now, by its id; and since when there is none: at first since the home
  /// was made, for somebody who may have to wait for his turn.
  std::optional<std::uint64_t> publisher;
  base::Time free_since = base::monotonic_now();
  /// The episode of memory pressure (Relief) in which input of it was dropped last.
  std::uint32_t dropped_in = 0;

  const std::vector<media::Track>& tracks() const noexcept { return tracks_; }
  void set_tracks(std::vector<media::Track> tracks) { tracks_ = std::move(tracks); }

 private:
  struct Subscription {
    unsigned worker;
    loop::Mailbox* mailbox;
    ReplicaHost* host;
    std::uint64_t sent;  // the first chunk not sent yet
    // Shared with the messages: how far the replica has got. The home never waits for it.
    std::shared_ptr<ReplicaProgress> progress;
    std::uint64_t seeded_from;
    bool lost;  // more than the tail behind: waits until it has read all, then is seeded anew
  };

  void set_position(Chunk& chunk) noexcept;
  void set_segment(Chunk& chunk) noexcept;
  void leave_past(const Chunk& next) noexcept;
  void send(Subscription& subscription, bool seed);

  memory::OwnedAccount account_;
  std::unique_ptr<Stream> stream_;
  std::uint64_t epoch_;
  std::uint64_t reserved_;    // of that: what our first chunk is called
  std::optional<Past> past_;  // until there is a newer chunk of its epoch
  media::Timeline timeline_;
  std::uint64_t next_sequence_ = 0;
  std::uint32_t segment_;
  std::uint32_t part_ = 0;
  std::uint32_t discontinuity_ = 0;
  MediaTime segment_start_ = 0;
  MediaTime part_start_ = 0;
  bool started_ = false;
  bool segment_due_ = false;
  wire::GapReason gap_ = wire::GapReason::unspecified;  // before the next chunk
  std::vector<Subscription> subscriptions_;
  Tap* tap_ = nullptr;
  std::vector<Home*>* changed_ = nullptr;
  bool is_changed_ = false;  // it is on that list
  std::vector<media::Track> tracks_;
};

}  // namespace stream
