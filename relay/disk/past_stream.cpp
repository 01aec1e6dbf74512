#include "relay/disk/past_stream.hpp"

#include <algorithm>
#include <utility>

#include "relay/disk/errc.hpp"
#include "relay/media/timescale.hpp"
#include "relay/stream/place.hpp"

namespace disk {
namespace {

using stream::Chunk;

constexpr std::size_t read_bytes_max = 1 << 20;
// How many viewers leave in a turn: each goes on elsewhere at once.
constexpr std::size_t handed_on_max = 64;
// At the end of what is recorded: how often what is being written is looked at, and the rest.
constexpr base::Duration look_interval = std::chrono::milliseconds(50);
constexpr base::Duration look_interval_max = std::chrono::milliseconds(500);
// What the live log has had for so long is not recorded.
constexpr base::Duration recorded_within = std::chrono::seconds(2);
// What was taken from a stream that has ended is on disk, or will never be.
constexpr base::Duration written_within = std::chrono::seconds(10);
// So much before the live log has something it should be here.
constexpr base::Duration near = std::chrono::seconds(10);
// After a catalog that did not answer.
constexpr base::Duration retry_time = std::chrono::seconds(1);
// After a read that failed: the next one may, too.
constexpr base::Duration failed_time = std::chrono::milliseconds(100);
// Viewers have a place each: to look at all of them has its price.
constexpr base::Duration look_price = std::chrono::microseconds(2);

stream::PathPolicy past_policy(stream::PathPolicy policy) {
  policy.tail = {base::Duration::max(), ~std::uint64_t{0}};
  return policy;
}

stream::MediaTime time_of(const media::Sample& sample, const Chunk& chunk) {
  return media::rescale(sample.dts, static_cast<std::uint32_t>(stream::media_ticks_per_second),
                        chunk.tracks->tracks[sample.track].timescale);
}

bool is_video(const media::Sample& sample, const Chunk& chunk) {
  return chunk.tracks->tracks[sample.track].kind == media::Kind::video;
}

// It began in an earlier chunk of the MPEG-TS that it came in: it was not known that it had ended.
bool is_late(const media::Sample& sample, const Chunk& chunk) {
  return is_video(sample, chunk) && time_of(sample, chunk) < chunk.time - 1;
}

// Something is in the file, but not what was written.
bool is_bad_data(const base::Error& error) {
  return error.category() == base::Error(Errc::bad_record).category();
}

// Where somebody begins at this UTC who finds it among these chunks; nothing where it need not be.
std::optional<std::uint64_t> find_utc(const stream::StreamLog& log, base::Utc utc) {
  std::uint64_t sequence = log.end();
  while (sequence > log.first() && log.at(sequence - 1).utc > utc) --sequence;
  if (sequence == log.end() || sequence == log.first()) return std::nullopt;
  for (; sequence > log.first(); --sequence) {
    if (log.at(sequence).gap != wire::GapReason::unspecified) return std::nullopt;
    if (log.at(sequence - 1).sync) return sequence - 1;
  }
  return std::nullopt;
}

}  // namespace

PastStream::PastStream(PastShared& shared, std::uint64_t id, Key key, Store::Place place,
                       base::Time now)
    : shared_(shared),
      id_(id),
      key_(std::move(key)),
      stream_(key_.path, past_policy(shared.host.policy_of(key_.path)), shared.fanout, shared.pool,
              0, true),
      pace_(now),
      look_at_(now) {
  hold(place.table->segment.id);
  next_.place = std::move(place);
}

PastStream::~PastStream() {
  if (held_) shared_.store.release(*held_);
}

void PastStream::hold(std::int64_t segment) noexcept {
  if (held_ == segment) return;
  shared_.store.hold(segment);
  if (held_) shared_.store.release(*held_);
  held_ = segment;
}

std::optional<std::uint64_t> PastStream::find(const PastWish& wish) const noexcept {
  const stream::StreamLog& log = stream_.log();
  if (const auto* utc = std::get_if<base::Utc>(&wish.start)) return find_utc(log, *utc);
  const auto* position = std::get_if<wire::Position>(&wish.start);
  if (position == nullptr) return std::nullopt;
  if (log.end() > 0 && is_next(*position)) return log.end();
  return stream::find_exactly(log, *position);
}

wire::Position PastStream::next_position() const noexcept {
  const wire::Position position = next_.place.position();
  return next_.is_read ? position.next() : position;
}

bool PastStream::is_next(wire::Position position) const noexcept {
  return !has_ended() && next_.gap == GapReason::none && next_position() == position;
}

void PastStream::count(const PastRead& read) noexcept {
  ++shared_.counters.reads;
  shared_.counters.bytes += read.bytes_read();
  if (!read.error()) return;
  ++(is_bad_data(read.error()) ? shared_.counters.damaged : shared_.counters.errors);
}

void PastStream::on_read(PastRead& read, base::Time now) noexcept {
  is_reading_ = false;
  look_at_ = now;
  count(read);
  bytes_needed_ = read.bytes_needed();
  if (bytes_needed_ > 0) return;
  if (read.is_lost()) {
    look_not_before_ = now + retry_time;
    look_at_ = look_not_before_;
    return answer_waiting(PastAnswer::Kind::failed, nullptr, GapReason::none);
  }
  if (read.error() && !is_bad_data(read.error())) look_not_before_ = now + failed_time;
  next_ = read.next();
  hold(next_.place.table->segment.id);
  if (read.is_at_end()) {
    if (!end_) end_ = End{now, now, true, std::nullopt};
    end_->looked_at = now;
    end_->may_grow = read.may_grow();
    answer_waiting(PastAnswer::Kind::nothing, nullptr, GapReason::none);
    return;
  }
  end_.reset();
  take_records(read, now);
}

void PastStream::take_records(PastRead& read, base::Time now) {
  if (read.records().empty()) return;
  if (!begin_segment(read)) {
    // Nothing of the segment can be used.
    ++shared_.counters.damaged;
    next_.place.index = next_.place.table->chunks.size() - 1;
    next_.is_read = true;
    next_.gap = GapReason::damaged;
    return;
  }
  for (const PastRead::Record& record : read.records()) {
    if (!take_record(read, record, now)) return;
  }
}

bool PastStream::begin_segment(const PastRead& read) {
  if (read.head().empty()) return true;
  if (!reader_.begin(std::as_bytes(std::span(read.head())))) return false;
  head_of_ = next_.place.table->segment.id;
  return true;
}

// False: no more of this read is for this stream.
bool PastStream::take_record(PastRead& read, const PastRead::Record& record, base::Time now) {
  auto chunk = reader_.read(read.bytes(record));
  if (!chunk) {
    ++shared_.counters.damaged;
    next_.place.index = record.index;
    next_.is_read = true;
    next_.gap = GapReason::damaged;
    return false;
  }
  const bool is_first = &record == &read.records().front();
  const GapReason gap = is_first ? read.gap() : GapReason::none;
  if (const Exit exit = find_exit(*chunk); exit != Exit::none) {
    goes_on_ = chunk->position;
    answer_waiting(PastAnswer::Kind::live, &*chunk, gap);
    if (exit == Exit::but_late && stream_.log().end() > 0) append_late(std::move(*chunk), now);
    return false;
  }
  append(std::move(*chunk), gap, now);
  return true;
}

void PastStream::append(Chunk&& chunk, GapReason gap, base::Time now) {
  const stream::StreamLog& log = stream_.log();
  const bool is_first = log.end() == 0;
  if (!is_first && gap != GapReason::none) chunk.gap = to_wire(gap);
  chunk.sequence = log.end();
  chunk.received = now;
  stream_.append(std::move(chunk));
  pace_.on_read(now);
  answer_waiting(PastAnswer::Kind::past, &log.newest(), gap);
}

void PastStream::answer_waiting(PastAnswer::Kind kind, const Chunk* chunk, GapReason gap) noexcept {
  for (Waiting& waiting : std::exchange(waiting_, {})) {
    PastAnswer& answer = waiting.answer;
    answer.kind = kind;
    if (chunk != nullptr) {
      if (gap != GapReason::none) answer.gap = gap;
      answer.stream = &stream_;
      answer.sequence = chunk->sequence;
      answer.position = chunk->position;
      answer.utc = chunk->utc;
    }
    shared_.host.on_past_answer(waiting.asker, answer);
  }
}

// Here a frame is in the chunk with which it ended. Who reads on where the live log has that chunk
// gets no frame that began before it, unless its format has got the chunks before.
PastStream::Exit PastStream::find_exit(const Chunk& chunk) noexcept {
  const auto newest = shared_.store.newest(key_.path);
  const base::Duration tail = shared_.host.policy_of(key_.path).tail.length;
  const auto before = std::chrono::duration_cast<std::chrono::microseconds>(tail + near);
  if (newest && chunk.utc < newest->end - before) return Exit::none;
  const auto live = shared_.host.find_live(key_.path);
  if (live.stream == nullptr) return Exit::none;
  const auto sequence = stream::find_exactly(live.stream->log(), chunk.position);
  if (!sequence) return Exit::none;
  if (key_.kind.container == media::Container::wire) return Exit::whole;
  const bool is_followed = live.stream->is_made(key_.kind, *sequence);
  if (is_followed && key_.kind.container == media::Container::fmp4) return Exit::whole;
  const Chunk& there = live.stream->log().at(*sequence);
  if (!there.sync || !live.stream->can_enter(key_.kind, *sequence)) return Exit::none;
  return there.container == media::Container::mpegts ? Exit::but_late : Exit::whole;
}

// Frames that began before the chunk with which the live log goes on.
void PastStream::append_late(Chunk&& chunk, base::Time now) {
  const auto is_on_time = [&chunk](const media::Sample& sample) { return !is_late(sample, chunk); };
  std::erase_if(chunk.samples, is_on_time);
  if (chunk.samples.empty()) return;
  chunk.sync = false;
  append(std::move(chunk), GapReason::none, now);
}

std::size_t PastStream::hand_on() noexcept {
  if (!has_ended()) return 0;
  std::size_t most = handed_on_max;
  stream_.end_finished(most, goes_on_);
  return handed_on_max - most;
}

bool PastStream::run(base::Time now, bool has_moved) noexcept {
  const std::size_t viewers = stream_.viewers();
  if (viewers == 0 && waiting_.empty()) return false;
  const bool is_due = has_moved || (look_at_ && now >= *look_at_);
  if (is_reading_ || !is_due || now < look_not_before_) return true;
  look_not_before_ = now + look_price * static_cast<std::int64_t>(viewers);
  look_at_.reset();
  if (end_) look_at_end(now);
  read_on(now);
  if (look_at_) look_at_ = std::max(*look_at_, look_not_before_);
  return true;
}

// What was recorded is read: either more comes, or the live log has what is not recorded, or nobody
// publishes and it is over.
void PastStream::look_at_end(base::Time now) noexcept {
  const auto live = shared_.host.find_live(key_.path);
  if (live.is_published) {
    end_->unpublished_since.reset();
    if (live.stream == nullptr || live.stream->log().empty()) return;
    const bool has_more = live.stream->log().newest().position.next() != next_position();
    if (has_more && now - end_->since >= recorded_within) goes_on_ = next_position();
    return;
  }
  if (!end_->unpublished_since) {
    end_->unpublished_since = now;
    return;
  }
  // What the last publisher sent may have been written since.
  if (is_reading_ || end_->looked_at <= *end_->unpublished_since) return;
  const auto newest = shared_.store.newest(key_.path);
  const bool is_all_read = !end_->may_grow && (!newest || newest->next() == next_position());
  is_over_ = is_all_read || now - *end_->unpublished_since >= written_within;
}

bool PastStream::looks_for_more(base::Time now) noexcept {
  if (!end_) return true;
  if (end_->unpublished_since && end_->looked_at <= *end_->unpublished_since) return true;
  if (now - end_->looked_at >= look_interval_max) return true;
  const auto table = shared_.store.published(next_.place.table->segment.id);
  const bool has_changed = end_->may_grow != (table != nullptr);
  return has_changed || (table && table->chunks.size() > next_.place.index + 1);
}

void PastStream::read_on(base::Time now) {
  const PastPace::Decision decision = pace_.decide(stream_, shared_.room, now);
  if (decision.drop_before) {
    stream_.drop_before(std::min(*decision.drop_before, stream_.log().end()));
  }
  if (has_ended() || !decision.reads) {
    look_at_ = decision.look_again.value_or(now + look_interval);
  } else if (looks_for_more(now)) {
    submit(now);
  } else {
    look_at_ = now + look_interval;
  }
}

void PastStream::submit(base::Time now) {
  const std::size_t least = std::max<std::size_t>(bytes_needed_, 1);
  auto blocks = shared_.memory.take(std::max(read_bytes_max, least), least);
  look_at_ = now + PastPace::look_interval;  // if there is no room
  if (blocks.empty()) return;
  auto read = std::make_unique<PastRead>(shared_.store, shared_.events,
                                         PastRead::Wanted{id_, next_, key_.syncs_only, head_of_},
                                         std::move(blocks));
  is_reading_ = shared_.store.read_lane().submit(shared_.worker, std::move(read));
  if (is_reading_) look_at_.reset();
}

bool PastStream::let_go() noexcept {
  if (stream_.log().empty()) return false;
  stream_.drop_before(stream_.log().end());
  return true;
}

std::size_t PastStream::converted_bytes() const noexcept {
  return key_.kind.container == media::Container::mpegts ? stream_.log().held_bytes() : 0;
}

}  // namespace disk
