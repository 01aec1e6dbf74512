#include "relay/disk/past_table.hpp"

#include <algorithm>
#include <utility>

namespace disk {
namespace {

// After a lane that was full.
constexpr base::Duration retry_time = std::chrono::milliseconds(10);

PastStream::Key key_of(const PastWish& wish) { return {wish.path, wish.kind, wish.syncs_only}; }

}  // namespace

/// Finds where a wish begins, for all who wish for the same. A job of `disk.read`.
class PastTable::LookUp final : public loop::Lane::Job {
 public:
  LookUp(PastTable& table, PastWish wish)
      : wishes{std::move(wish)},
        table_(table),
        store_(table.store_),
        path_(wishes.front().path),
        start_(wishes.front().start) {}

  void run() noexcept override {
    auto found = store_.find(path_, start_);
    if (!found) {
      error = found.error();
    } else if (*found) {
      place = std::move(**found);
      find_gap();
    }
  }
  void done() noexcept override { table_.on_looked_up(*this); }

  bool is_for(const PastWish& wish) const noexcept {
    return path_ == wish.path && start_ == wish.start;
  }

  std::vector<PastWish> wishes;  // more come while it looks: only the worker's
  std::optional<Store::Place> place;
  base::Error error;
  std::optional<base::Utc> gap_begin;

 private:
  void find_gap() {
    if (place->gap == GapReason::none) return;
    const auto before = store_.catalog().before(place->table->segment);
    if (before && *before) gap_begin = (*before)->end;
  }

  PastTable& table_;
  Store& store_;
  const std::string path_;
  const wire::Start start_;
};

PastTable::PastTable(loop::Worker& worker, Store& store, memory::BlockPool& pool,
                     stream::Fanout& fanout, PastHost& host)
    : worker_(worker), store_(store), memory_(store, pool), shared_{worker,  store,     pool,
                                                                    memory_, fanout,    host,
                                                                    *this,   counters_, {}} {}

PastTable::~PastTable() = default;

bool PastTable::run(base::Time now) noexcept {
  now_ = now;
  const bool has_wishes = !wishes_.empty();
  grant_wishes(now);
  const std::uint64_t writes = shared_.fanout.counters().writes;
  const bool has_moved = std::exchange(writes_, writes) != writes;
  shared_.room = memory_.room(streams_.size());
  std::uint64_t converted_bytes = 0;
  std::size_t handed_on = 0;
  std::erase_if(streams_, [&](const auto& stream) {
    handed_on += stream->hand_on();
    if (!stream->run(now, has_moved)) return true;
    converted_bytes += stream->converted_bytes();
    return false;
  });
  memory_.settle(converted_bytes);
  if (memory_.take_refused()) give_way(now);
  return has_wishes || handed_on > 0 || has_moved;
}

std::optional<base::Time> PastTable::wake() const noexcept {
  std::optional<base::Time> wake;
  if (!wishes_.empty()) wake = now_ + retry_time;
  for (const auto& stream : streams_) {
    if (const auto at = stream->wake()) wake = wake ? std::min(*wake, *at) : *at;
  }
  return wake;
}

// Whoever finds what it wishes for among what is there, or coming, needs no look-up.
void PastTable::grant_wishes(base::Time now) noexcept {
  std::vector<PastWish> left;
  for (PastWish& wish : std::exchange(wishes_, {})) {
    if (!join(wish, {}, now) && !look_up(wish)) left.push_back(std::move(wish));
  }
  wishes_.insert(wishes_.begin(), std::make_move_iterator(left.begin()),
                 std::make_move_iterator(left.end()));
}

// Finds it in what is there, also where it was looked up: then `answer` says what that told.
bool PastTable::join(const PastWish& wish, PastAnswer answer, base::Time now) noexcept {
  const PastStream::Key key = key_of(wish);
  for (const auto& stream : streams_) {
    if (stream->key() != key) continue;
    const auto sequence = stream->find(wish);
    if (!sequence) continue;
    stream->on_joined(now);
    answer.kind = PastAnswer::Kind::past;
    answer.stream = &stream->stream();
    answer.sequence = *sequence;
    const stream::StreamLog& log = stream->stream().log();
    if (*sequence < log.end()) {
      answer.position = log.at(*sequence).position;
      answer.utc = log.at(*sequence).utc;
    }
    shared_.host.on_past_answer(wish.asker, answer);
    return true;
  }
  return false;
}

// False: later.
bool PastTable::look_up(PastWish& wish) noexcept {
  const auto same = std::ranges::find_if(
      look_ups_, [&wish](const LookUp* look_up) { return look_up->is_for(wish); });
  if (same != look_ups_.end()) {
    (*same)->wishes.push_back(std::move(wish));
    return true;
  }
  if (look_ups_.size() >= look_ups_max) return false;
  auto made = std::make_unique<LookUp>(*this, wish);
  LookUp* const look_up = made.get();
  if (!store_.read_lane().submit(worker_, std::move(made))) return false;
  look_ups_.push_back(look_up);
  return true;
}

void PastTable::on_looked_up(LookUp& look_up) noexcept {
  std::erase(look_ups_, &look_up);
  for (const PastWish& wish : look_up.wishes) {
    if (!look_up.place) {
      PastAnswer answer;
      answer.kind = look_up.error ? PastAnswer::Kind::failed : PastAnswer::Kind::nothing;
      if (look_up.error) ++counters_.errors;
      shared_.host.on_past_answer(wish.asker, answer);
      continue;
    }
    begin(wish, look_up, now_);
  }
}

// Where somebody else is already, or is about to be, or in a stream of its own.
void PastTable::begin(const PastWish& wish, const LookUp& found, base::Time now) {
  const Store::Place& place = *found.place;
  PastAnswer answer;
  answer.position = place.position();
  answer.utc = place.entry().utc;
  answer.gap = place.gap;
  answer.gap_begin = found.gap_begin;
  PastWish exactly = wish;
  exactly.start = place.position();
  if (join(exactly, answer, now)) return;
  const PastStream::Key key = key_of(wish);
  for (const auto& stream : streams_) {
    if (stream->key() != key || !stream->is_to_begin_with(place.position())) continue;
    stream->on_joined(now);
    return stream->wait(wish.asker, answer);
  }
  auto& made =
      streams_.emplace_back(std::make_unique<PastStream>(shared_, ++last_id_, key, place, now));
  made->wait(wish.asker, answer);
}

void PastTable::on_read(PastRead& read) noexcept {
  const auto stream = std::ranges::find_if(
      streams_, [&read](const auto& one) { return one->id() == read.reader(); });
  if (stream != streams_.end()) (*stream)->on_read(read, now_);
}

// Somebody has no room: of those who have moved least, one lets go.
void PastTable::give_way(base::Time now) noexcept {
  PastStream* idle = nullptr;
  for (const auto& stream : streams_) {
    if (stream->stream().log().empty() || now - stream->moved() < idle_time) continue;
    if (idle == nullptr || stream->moved() < idle->moved()) idle = stream.get();
  }
  if (idle != nullptr) idle->let_go();
}

bool PastTable::let_go() noexcept {
  bool has_let_go = false;
  for (const auto& stream : streams_) has_let_go = stream->let_go() || has_let_go;
  return has_let_go;
}

bool PastTable::holds_anything() const noexcept {
  return std::ranges::any_of(streams_,
                             [](const auto& stream) { return !stream->stream().log().empty(); });
}

PastCounters PastTable::counters() const noexcept {
  PastCounters counters = counters_;
  counters.streams = streams_.size();
  for (const auto& stream : streams_) counters.viewers += stream->stream().viewers();
  return counters;
}

}  // namespace disk
