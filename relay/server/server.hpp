#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "relay/control/config.hpp"
#include "relay/loop/worker.hpp"
#include "relay/memory/arena.hpp"
#include "relay/server/worker_server.hpp"
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
  /// Any thread: ends every session properly; `is_done()` when the last one is gone.
  void drain();
  /// Any thread: ends every session at once.
  void stop_now();
  bool is_done() const noexcept { return running_.load() == 0; }

 private:
  void log_capacity() const;

  const control::Config& config_;
  base::Log& log_;
  memory::Arena arena_;
  stream::Directory directory_;
  Shared shared_;
  std::vector<std::unique_ptr<loop::Worker>> workers_;
  std::vector<std::unique_ptr<WorkerServer>> servers_;
  std::vector<std::thread> threads_;
  std::atomic<unsigned> running_{0};
};

}  // namespace server
