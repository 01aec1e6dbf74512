// Streams that come from child processes: when those run, and what becomes of them.

#include <algorithm>
#include <utility>

#include "relay/base/credentials.hpp"
#include "relay/server/worker_server.hpp"

namespace server {
namespace {

using control::SourceEnd;
using session::PublisherEnd;

SourceEnd to_source_end(PublisherEnd end) noexcept {
  switch (end) {
    case PublisherEnd::finished:
      return SourceEnd::finished;
    case PublisherEnd::bad_media:
      return SourceEnd::bad_media;
    case PublisherEnd::stalled:
      return SourceEnd::stalled;
    default:
      return SourceEnd::failed;
  }
}

}  // namespace

// The worker of a source is the home of its stream: nobody else may publish it.
unsigned WorkerServer::worker_of(const control::SourceConfig& source) const noexcept {
  return source.number % static_cast<unsigned>(shared_.servers.size());
}

void WorkerServer::start_sources() noexcept {
  for (const auto& [pattern, config] : shared_.config.paths) {
    if (!config.source || worker_of(*config.source) != worker_.index()) continue;
    Source& source = sources_.emplace(pattern.text(), Source{*config.source}).first->second;
    if (!source.config.on_demand) source.restart_at = base::monotonic_now();
  }
  is_starting_sources_ = true;
}

// A viewer is there for a stream that is not.
void WorkerServer::want_source(const std::string& path, const control::SourceConfig& config,
                               base::Time until) noexcept {
  if (!config.on_demand) return;
  WorkerServer* there = shared_.servers[worker_of(config)];
  there->worker_.mailbox().post_action(
      [there, path, until]() noexcept { there->on_source_wanted(path, until); });
}

void WorkerServer::on_source_wanted(const std::string& path, base::Time until) noexcept {
  const auto found = sources_.find(path);
  if (found == sources_.end()) return;
  Source& source = found->second;
  source.wanted_until = std::max(source.wanted_until, until);
  if (source.publisher || source.restart_at) return;
  source.restart_at = base::monotonic_now();
  is_starting_sources_ = true;  // at the end of this turn
}

// However short the visit is: its source is not kept for those who wait.
void WorkerServer::meet_source(const std::string& path) noexcept {
  const auto& config = shared_.config.for_path(path).source;
  if (!config || !config->on_demand) return;
  WorkerServer* there = shared_.servers[worker_of(*config)];
  there->worker_.mailbox().post_action([there, path]() noexcept { there->on_source_met(path); });
}

void WorkerServer::on_source_met(const std::string& path) noexcept {
  const auto found = sources_.find(path);
  if (found == sources_.end()) return;
  found->second.wanted_until = {};
  found->second.watched_last = base::monotonic_now();
}

void WorkerServer::run_source(const std::string& path, Source& source) noexcept {
  if (relief_.is_refusing()) return restart_later(path, source, {}, "memory.arena is full");
  const auto claimed = claim(path);
  if (claimed.home == nullptr) return restart_later(path, source, {}, "stream.max is reached");
  stream::Home& home = *claimed.home;
  if (home.stream().log().end() > 0) home.on_new_publisher();
  const std::uint64_t id = next_id();
  auto made = std::make_unique<session::SourcePublisher>(
      id, worker_, pool_, *this, home,
      session::SourcePublisher::Options{source.config.container, source.config.kill_after,
                                        source.config.stall});
  const auto command = command_of(source.config, path);
  if (const auto started = made->start(command); !started) {
    made.reset();
    if (home.stream().log().end() == 0) end_home(path);
    return restart_later(path, source, {},
                         command.arguments.front() + ": " + started.error().message());
  }
  shared_.log.info("publisher started", {{"stream", path},
                                         {"peer", made->peer()},
                                         {"program", command.arguments.front()},
                                         {"protocol", "source"},
                                         {"worker", worker_.index()}});
  ++counts_.source_starts;
  source.publisher = id;
  source.watched_last = base::monotonic_now();
  tell_source_published(*made, path);
  publishers_[id] = std::move(made);
  home.publisher = id;
  on_stream_ready(path);
}

void WorkerServer::restart_later(const std::string& path, Source& source, base::Duration ran,
                                 const std::string& reason, SourceEnd end) noexcept {
  ++counts_.source_ends[static_cast<std::size_t>(end)];
  std::uniform_real_distribution<double> jitter(0, 1);
  const base::Duration wait = source.backoff.next(ran, jitter(random_));
  source.restart_at = base::monotonic_now() + wait;
  shared_.log.warning("source restarts", {{"stream", path},
                                          {"seconds", base::to_seconds(wait)},
                                          {"reason", name_of(end)},
                                          {"detail", reason}});
}

bool WorkerServer::is_source_watched(const std::string& path, const Source& source,
                                     base::Time now) noexcept {
  stream::Home* home = table_.home(path);
  return now < source.wanted_until ||
         (home != nullptr && (home->stream().viewers() > 0 || home->has_replicas()));
}

// Starting one holds up the loop for about a millisecond: one in a turn, also when all of them have
// lost their network in the same moment.
void WorkerServer::supervise_sources(base::Time now) noexcept {
  is_starting_sources_ = false;
  if (drain_ != Drain::none) return;
  bool has_started = false;
  for (auto& [path, source] : sources_) {
    const bool is_wanted = !source.config.on_demand || is_source_watched(path, source, now);
    if (is_wanted) source.watched_last = now;
    if (source.publisher) {
      if (is_wanted || now - source.watched_last < source.config.close_after) continue;
      publishers_.at(*source.publisher)->end(PublisherEnd::unwatched, "nobody watches it");
    } else if (source.restart_at && now >= *source.restart_at) {
      if (is_wanted && std::exchange(has_started, true)) {
        is_starting_sources_ = true;
        continue;
      }
      source.restart_at.reset();
      if (is_wanted) run_source(path, source);
    }
  }
  if (is_starting_sources_) turn_end_.keep_turning(true);
}

void WorkerServer::on_publisher_end(session::SourcePublisher& publisher, PublisherEnd end,
                                    const std::string& reason) noexcept {
  const std::string path = publisher.home().stream().path();
  Source& source = sources_.at(path);
  source.publisher.reset();
  count_publisher_end(publisher, end, reason);
  const base::Time now = base::monotonic_now();
  if (drain_ != Drain::none) return;
  if (end != PublisherEnd::unwatched) {
    // It was of use up to its last byte: what stalls or hangs from the start waits ever longer.
    return restart_later(path, source, publisher.last_byte() - publisher.started(), reason,
                         to_source_end(end));
  }
  // Who came while it ended goes on with the next run.
  if (is_source_watched(path, source, now)) {
    source.restart_at = now;
  } else {
    over_.push_back(path);
  }
}

void WorkerServer::on_source_line(session::SourcePublisher& publisher,
                                  std::string_view line) noexcept {
  const std::string& path = publisher.home().stream().path();
  if (!sources_.at(path).lines.take(base::monotonic_now())) return;
  shared_.log.info("source says", {{"stream", path}, {"line", base::hide_credentials(line)}});
}

void WorkerServer::report_left_out_lines(base::Time now) noexcept {
  for (auto& [path, source] : sources_) {
    const std::uint64_t count = source.lines.report_left_out(now);
    if (count > 0) shared_.log.info("source says more", {{"stream", path}, {"lines", count}});
  }
  if (const std::uint64_t count = hook_lines_.report_left_out(now)) {
    shared_.log.info("hooks ended without a line each", {{"count", count}});
  }
}

}  // namespace server
