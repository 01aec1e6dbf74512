#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "relay/control/config.hpp"
#include "relay/disk/clip_table.hpp"
#include "relay/disk/store.hpp"
#include "relay/loop/worker.hpp"
#include "relay/memory/arena.hpp"
#include "relay/server/sessions.hpp"
#include "relay/server/usage_book.hpp"
#include "relay/server/worker_server.hpp"
#include "relay/state/store.hpp"
#include "relay/state/streams.hpp"
#include "relay/stream/directory.hpp"

namespace server {

/// The relay: builds arena, workers and listeners, runs the loops, ends them. Owned by `main`.
class Server {
 public:
  /// Throws std::exception when a port or the memory cannot be had.
  Server(const control::Config& config, base::Log& log);
  ~Server();

  /// Starts the workers' threads.
  void start();
  // By the thread that owns it:

  /// Says that the relay is not ready any more; everything goes on.
  void announce_drain();
  /// Ends every session properly, spread over `drain.spread`.
  void drain();
  /// Ends every session at once.
  void stop_now();
  /// Waits for the last session to be gone. False when that took too long.
  bool wait_until_done(base::Time deadline);
  void wait_until_done();

 private:
  void log_capacity() const;

  const control::Config& config_;
  base::Log& log_;
  memory::Arena arena_;
  stream::Directory directory_;
  std::unique_ptr<state::Store> state_;  // nothing: everything is forgotten with the process
  std::unique_ptr<state::KnownStreams> known_streams_;  // likewise
  Sessions sessions_;
  UsageBook usage_;                         // saves into state_
  std::unique_ptr<disk::Store> store_;      // nothing: no recordings
  std::unique_ptr<disk::ClipTable> clips_;  // likewise
  Shared shared_;
  std::vector<std::unique_ptr<loop::Worker>> workers_;
  std::vector<std::unique_ptr<WorkerServer>> servers_;
  std::vector<std::thread> threads_;
  std::mutex running_lock_;
  std::condition_variable stopped_;
  std::size_t running_ = 0;  // loops
};

}  // namespace server
