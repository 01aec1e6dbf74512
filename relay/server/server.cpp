#include "relay/server/server.hpp"

#include "relay/base/assert.hpp"

namespace server {
namespace {

std::unique_ptr<disk::Store> open_store(const control::Config& config, base::Log& log) {
  if (config.recording.root.empty()) return nullptr;
  disk::Store::Options options;
  options.root = config.recording.root;
  options.backlog_bytes_max = config.recording.backlog_bytes;
  options.past_bytes_max = config.arena_bytes / 4;
  options.pool_threads = config.blocking_threads;
  return std::make_unique<disk::Store>(std::move(options), log);
}

std::unique_ptr<state::Store> open_state(const control::Config& config, base::Log& log) {
  if (config.state.path.empty()) return nullptr;
  state::Store::Options options;
  options.folder = config.state.path;
  options.file.synchronous = config.state.synchronous;
  return std::make_unique<state::Store>(std::move(options), log);
}

}  // namespace

Server::Server(const control::Config& config, base::Log& log)
    : config_(config),
      log_(log),
      arena_(config.arena_bytes, config.block_bytes),
      directory_(config.streams_max),
      state_(open_state(config, log)),
      known_streams_(state_ ? std::make_unique<state::KnownStreams>(*state_, base::utc_now(),
                                                                    config.session_ttl)
                            : nullptr),
      sessions_(make_keys(config, log),
                {config.session_ttl, config.token_lifetime, Sessions::leases_max}, state_.get(),
                Moment::now()),
      usage_(state_.get(), log),
      store_(open_store(config, log)),
      clips_(store_ ? std::make_unique<disk::ClipTable>(*store_) : nullptr),
      shared_{.config = config,
              .log = log,
              .arena = arena_,
              .directory = directory_,
              .state = state_.get(),
              .known_streams = known_streams_.get(),
              .sessions = sessions_,
              .usage = usage_,
              .store = store_.get(),
              .clips = clips_.get(),
              .started = base::utc_now()} {
  const auto http = loop::bind_sockets(config.http.address, config.http.port, config.workers);
  const auto admin = loop::bind_sockets(config.admin.address, config.admin.port, 1);
  std::vector<stream::StreamTable::Peer> peers;
  std::vector<stream::Relief::Peer> reliefs;
  for (unsigned index = 0; index < config.workers; ++index) {
    loop::Worker& worker = *workers_.emplace_back(std::make_unique<loop::Worker>(index));
    auto& server = servers_.emplace_back(std::make_unique<WorkerServer>(worker, shared_));
    server->listen(http.sockets[index], index == 0 ? admin.sockets[0] : -1);
    shared_.servers.push_back(server.get());
    peers.push_back({&worker.mailbox(), &server->table()});
    reliefs.push_back({&worker.mailbox(), &server->relief()});
  }
  for (const auto& server : servers_) {
    server->table().set_peers(peers);
    server->relief().set_peers(reliefs);
  }
  shared_.workers_with_viewers = shared_.workers_with_sessions = config.workers;
  shared_.workers_recording = config.workers;
  log.info("listening", {{"http", http.address},
                         {"admin", admin.address},
                         {"workers", config.workers},
                         {"connections_max", config.http.connections}});
  log_capacity();
}

// What an operator wants to know before the arena is full.
void Server::log_capacity() const {
  constexpr std::uint64_t bytes_per_second = 4'000'000 / 8;
  const auto tail_seconds =
      std::chrono::ceil<std::chrono::seconds>(config_.defaults.policy.tail.length).count();
  const std::uint64_t tail =
      std::min<std::uint64_t>(bytes_per_second * static_cast<std::uint64_t>(tail_seconds),
                              config_.defaults.policy.tail.bytes);
  log_.info("arena", {{"bytes", arena_.bytes()},
                      {"block_bytes", arena_.block_bytes()},
                      {"streams_of_4_mbit", arena_.bytes() / std::max<std::uint64_t>(tail, 1)}});
}

Server::~Server() {
  RELAY_ASSERT(running_ == 0);
  for (std::thread& thread : threads_) thread.join();
  // Letters that nobody opened hold parcels and sockets: they go before the tables and the arena.
  for (const auto& worker : workers_) worker->mailbox().close();
  servers_.clear();
  workers_.clear();
}

void Server::start() {
  running_ = config_.workers;
  for (const auto& server : servers_) {
    server->worker().mailbox().post_action(
        [there = server.get()]() noexcept { there->start_sources(); });
  }
  for (const auto& worker : workers_) {
    threads_.emplace_back([this, running = worker.get()] {
      running->run();
      const std::lock_guard lock(running_lock_);
      if (--running_ == 0) stopped_.notify_all();
    });
  }
}

bool Server::wait_until_done(base::Time deadline) {
  std::unique_lock lock(running_lock_);
  return stopped_.wait_until(lock, deadline, [this] { return running_ == 0; });
}

void Server::wait_until_done() {
  std::unique_lock lock(running_lock_);
  stopped_.wait(lock, [this] { return running_ == 0; });
}

void Server::announce_drain() {
  shared_.draining = true;
  for (const auto& server : servers_) {
    server->worker().mailbox().post_action(
        [there = server.get()]() noexcept { there->announce_drain(); });
  }
}

void Server::drain() {
  // The same for all workers, also for one that opens its letter late.
  const base::Time begin = base::monotonic_now();
  for (const auto& server : servers_) {
    server->worker().mailbox().post_action(
        [there = server.get(), begin]() noexcept { there->drain(begin); });
  }
}

void Server::stop_now() {
  for (const auto& server : servers_) {
    server->worker().mailbox().post_action(
        [there = server.get()]() noexcept { there->stop_now(); });
  }
}

}  // namespace server
