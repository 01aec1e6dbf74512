#include "relay/stream/stream_table.hpp"

#include <algorithm>
#include <utility>

#include "relay/base/assert.hpp"

namespace stream {

StreamTable::StreamTable(unsigned worker, memory::BlockPool& pool, Fanout& fanout,
                         Directory& directory, Events& events)
    : worker_(worker), pool_(pool), fanout_(fanout), directory_(directory), events_(events) {}

StreamTable::~StreamTable() = default;

Stream* StreamTable::find(const std::string& path) {
  if (const auto found = homes_.find(path); found != homes_.end()) return &found->second->stream();
  const auto found = replicas_.find(path);
  return found != replicas_.end() && found->second->ready ? found->second->stream.get() : nullptr;
}

StreamTable::LookUp StreamTable::look_up(const std::string& path, const PathPolicy& policy,
                                         bool watch) {
  if (find(path) != nullptr) return LookUp::ready;
  if (replicas_.contains(path)) return LookUp::coming;
  const auto home = watch ? directory_.home_or_watch(path, worker_) : directory_.home(path);
  if (!home) return watch ? LookUp::watched : LookUp::missing;
  // Claimed by this worker but not made yet cannot be: both happen in one turn.
  RELAY_ASSERT(*home != worker_);
  replicas_.emplace(path, std::make_unique<Replica>(
                              std::make_unique<Stream>(path, policy, fanout_, pool_, 0), *home));
  peers_[*home].mailbox->post_action(
      [table = peers_[*home].table, path, worker = worker_]() noexcept {
        table->on_subscribe(path, worker);
      });
  return LookUp::coming;
}

void StreamTable::on_subscribe(const std::string& path, unsigned worker) {
  const Peer& peer = peers_[worker];
  if (const auto found = homes_.find(path); found != homes_.end()) {
    found->second->subscribe(worker, *peer.mailbox, *peer.table);
    return;
  }
  peer.mailbox->post_action(
      [table = peer.table, path]() noexcept { table->on_replica_end(path, 0, false); });
}

StreamTable::Claim StreamTable::claim(const std::string& path, const PathPolicy& policy,
                                      std::uint64_t epoch, base::Utc now,
                                      const std::optional<Past>& past) {
  if (Home* present = home(path)) return {present, 0, false};
  const auto claim = directory_.claim(path, worker_);
  if (!claim) return {nullptr, 0, true};
  if (claim->home != worker_) return {nullptr, claim->home, false};
  // A replica of an earlier stream of that name, whose end has not arrived here yet.
  if (replicas_.contains(path)) drop_replica(path);
  auto& made = homes_[path];
  made = std::make_unique<Home>(path, policy, fanout_, pool_, epoch, now, past);
  made->set_changed_list(changed_);
  for (const unsigned watcher : claim->watchers) {
    StreamTable* table = peers_[watcher].table;
    peers_[watcher].mailbox->post_action(
        [table, path]() noexcept { table->events_.on_stream_ready(path); });
  }
  return {made.get(), 0, false};
}

Home* StreamTable::home(const std::string& path) {
  const auto found = homes_.find(path);
  return found == homes_.end() ? nullptr : found->second.get();
}

void StreamTable::end_home(const std::string& path) {
  const auto found = homes_.find(path);
  if (found == homes_.end()) return;
  directory_.release(path);
  found->second->end_replicas();
  end_stream(found->second->take_stream());
  std::erase(changed_, found->second.get());
  homes_.erase(found);
}

void StreamTable::end_stream(std::unique_ptr<Stream> stream) {
  if (!stream->end_finished(ends_left_)) ended_.push_back({std::move(stream), std::nullopt});
}

void StreamTable::end_finished(base::Time now) {
  ends_left_ = ends_per_turn;
  std::erase_if(ended_, [this, now](Ended& ended) {
    if (!ended.deadline) ended.deadline = now + ended_max;
    if (ended.stream->end_finished(ends_left_)) return true;
    if (now < *ended.deadline) return false;
    ended.stream->end();
    return true;
  });
}

bool StreamTable::drop_ended() {
  for (const Ended& ended : ended_) ended.stream->end();
  return !std::exchange(ended_, {}).empty();
}

void StreamTable::update_replicas() {
  std::erase_if(changed_, [](Home* home) { return home->update_replicas(); });
}

void StreamTable::drop_unused() {
  for (auto& [path, home] : homes_) home->stream().drop_unused_feeds();
  std::vector<std::string> unused;
  for (auto& [path, replica] : replicas_) {
    replica->stream->drop_unused_feeds();
    const bool is_unused = replica->ready && replica->stream->viewers() == 0;
    if (std::exchange(replica->was_unused, is_unused) && is_unused) unused.push_back(path);
  }
  for (const std::string& path : unused) drop_replica(path);
}

void StreamTable::drop_replica(const std::string& path) {
  const auto found = replicas_.find(path);
  const Peer& home = peers_[found->second->home];
  home.mailbox->post_action([table = home.table, path, worker = worker_]() noexcept {
    if (Home* there = table->home(path)) there->unsubscribe(worker);
  });
  end_stream(std::move(found->second->stream));
  replicas_.erase(found);
}

// Of those that have something older than their newest group.
Stream* StreamTable::largest_tail() {
  Stream* largest = nullptr;
  const auto consider = [&largest](Stream& stream) {
    const auto newest_sync = stream.log().newest_sync();
    if (!newest_sync || *newest_sync == stream.log().first()) return;
    if (largest == nullptr || stream.log().held_bytes() > largest->log().held_bytes())
      largest = &stream;
  };
  for_each_stream(consider);
  for (const Ended& ended : ended_) consider(*ended.stream);
  return largest;
}

TailSurvey StreamTable::survey_tails() {
  const Stream* largest = largest_tail();
  return {largest == nullptr ? 0 : largest->log().held_bytes(), !ended_.empty()};
}

bool StreamTable::trim_largest_tail() {
  Stream* largest = largest_tail();
  if (largest == nullptr) return false;
  largest->trim_to_newest_group();
  return true;
}

void StreamTable::on_replica_update(ReplicaUpdate update) noexcept {
  const auto found = replicas_.find(update.path);
  if (found == replicas_.end()) return;  // dropped meanwhile; the parcels give their blocks back
  Replica& replica = *found->second;
  if (!update.seed && update.epoch != replica.epoch) return;
  if (update.seed) {
    replica.epoch = update.epoch;
    replica.stream->restart(update.first_sequence);
  }
  for (ChunkParcel& parcel : update.chunks) replica.stream->append(parcel.open(pool_));
  update.progress->read_until.store(update.first_sequence + update.chunks.size(),
                                    std::memory_order_release);
  if (!std::exchange(replica.ready, true)) events_.on_stream_ready(update.path);
}

void StreamTable::on_replica_cut(const std::string& path, std::uint64_t epoch,
                                 std::uint64_t first) noexcept {
  const auto found = replicas_.find(path);
  if (found == replicas_.end() || found->second->epoch != epoch) return;
  // It may not have got that far yet: its own newest chunk stays, too.
  Stream& stream = *found->second->stream;
  if (!stream.log().empty()) stream.drop_before(std::min(first, stream.log().end() - 1));
}

void StreamTable::on_replica_end(const std::string& path, std::uint64_t epoch,
                                 bool is_lost) noexcept {
  const auto found = replicas_.find(path);
  if (found == replicas_.end()) return;
  if (epoch != 0 && found->second->ready && found->second->epoch != epoch) return;
  const bool was_ready = found->second->ready;
  found->second->stream->set_lost(is_lost);
  end_stream(std::move(found->second->stream));
  replicas_.erase(found);
  if (!was_ready) events_.on_stream_missing(path);
}

}  // namespace stream
