#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/loop/mailbox.hpp"
#include "relay/memory/block_pool.hpp"
#include "relay/stream/directory.hpp"
#include "relay/stream/fanout.hpp"
#include "relay/stream/home.hpp"
#include "relay/stream/pressure.hpp"
#include "relay/stream/replica.hpp"

namespace stream {

/// The streams of one worker: homes of those whose publishers it serves, replicas of others that
/// its viewers read. Asks and answers the tables of the other workers through their mailboxes.
class StreamTable final : public ReplicaHost {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    /// Somebody here asked for the stream: now it can be read (or be asked for once more).
    virtual void on_stream_ready(const std::string& path) noexcept = 0;
    /// Somebody here asked for the stream, and it is not there.
    virtual void on_stream_missing(const std::string& path) noexcept = 0;
  };

  /// The same object of every worker, by index; set before the loops run.
  struct Peer {
    loop::Mailbox* mailbox;
    StreamTable* table;
  };

  StreamTable(unsigned worker, memory::BlockPool& pool, Fanout& fanout, Directory& directory,
              Events& events);
  ~StreamTable() override;
  void set_peers(std::vector<Peer> peers) { peers_ = std::move(peers); }

  /// A stream that can be read here, or null.
  Stream* find(const std::string& path);

  enum class LookUp { ready, coming, watched, missing };
  /// `coming`: another worker is its home and was asked for it; an event follows. With `watch`,
  /// when there is no such stream: `watched`, and `on_stream_ready` tells when there is one.
  LookUp look_up(const std::string& path, const PathPolicy& policy, bool watch);
  void unwatch(const std::string& path) { directory_.unwatch(path, worker_); }

  /// How long viewers may take to read what is left of a stream that has ended.
  static constexpr base::Duration ended_max = std::chrono::seconds(30);
  /// Each gets its last-chunk, a line in the log and its socket closed: about 30 µs.
  static constexpr std::size_t ends_per_turn = 32;

  struct Claim {
    Home* home = nullptr;    ///< here
    unsigned elsewhere = 0;  ///< the worker that is the home, when `home` is null
    bool full = false;       ///< too many streams: neither
  };
  /// The home of a stream that somebody wants to publish. `past`: if it is made now.
  Claim claim(const std::string& path, const PathPolicy& policy, std::uint64_t epoch, base::Utc now,
              const std::optional<Past>& past = std::nullopt);
  Home* home(const std::string& path);
  /// Ends the stream everywhere. Its name is free at once; viewers that have not read all of it
  /// read on, for at most `ended_max`.
  void end_home(const std::string& path);
  /// From time to time: lets go the viewers that have read to the end of an ended stream, at most
  /// `ends_per_turn`.
  void end_finished(base::Time now);
  /// There may be more of them: the next turn goes on.
  bool is_ending() const noexcept { return ends_left_ == 0; }
  /// Under memory pressure: those that have not, too. False when there are none.
  bool drop_ended();

  /// At the end of a turn: sends on what was appended in it.
  void update_replicas();
  /// Once a second: drops replicas and feeds that nobody has read since the last time.
  void drop_unused();
  /// Drops the oldest part of the largest tail, down to its newest group; false when none has any.
  bool trim_largest_tail();
  TailSurvey survey_tails();

  const std::unordered_map<std::string, std::unique_ptr<Home>>& homes() const { return homes_; }
  /// Calls `visit(Stream&)` for homes and replicas.
  template <class Visit>
  void for_each_stream(Visit visit) {
    for (auto& [path, home] : homes_) visit(home->stream());
    for (auto& [path, replica] : replicas_) visit(*replica->stream);
  }

  void on_replica_update(ReplicaUpdate update) noexcept override;
  void on_replica_cut(const std::string& path, std::uint64_t epoch,
                      std::uint64_t first) noexcept override;
  void on_replica_end(const std::string& path, std::uint64_t epoch, bool is_lost) noexcept override;

 private:
  struct Replica {
    Replica(std::unique_ptr<Stream> made, unsigned home_worker)
        : stream(std::move(made)), home(home_worker) {}

    std::unique_ptr<Stream> stream;
    unsigned home;
    std::uint64_t epoch = 0;
    bool ready = false;
    bool was_unused = false;
  };

  struct Ended {
    std::unique_ptr<Stream> stream;
    std::optional<base::Time> deadline;  // from the first look on
  };

  Stream* largest_tail();
  void end_stream(std::unique_ptr<Stream> stream);
  void on_subscribe(const std::string& path, unsigned worker);
  void drop_replica(const std::string& path);

  const unsigned worker_;
  memory::BlockPool& pool_;
  Fanout& fanout_;
  Directory& directory_;
  Events& events_;
  std::vector<Peer> peers_;
  std::unordered_map<std::string, std::unique_ptr<Home>> homes_;
  std::vector<Home*> changed_;  // of them, those with something to tell their replicas
  std::unordered_map<std::string, std::unique_ptr<Replica>> replicas_;
  std::vector<Ended> ended_;
  std::size_t ends_left_ = ends_per_turn;  // since the last look
};

}  // namespace stream
