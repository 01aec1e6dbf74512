#include "relay/disk/catalog.hpp"

#include <algorithm>
#include <limits>
#include <system_error>
#include <utility>

#include "relay/base/assert.hpp"
#include "relay/disk/errc.hpp"

namespace disk {
namespace {

constexpr std::int64_t version = 1;
constexpr const char* file_name = "catalog.sqlite";
// Segments overlap by a group at most, and seldom; more of them than this never do in one place.
constexpr std::int64_t overlapping_max = 8;

// Sums are kept by triggers, so that no retention has to read everything. Numbers of 64 bits
// without a sign are stored as the same bits.
constexpr const char* schema = R"(
BEGIN IMMEDIATE;
CREATE TABLE streams (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  segments INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE segments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  stream INTEGER NOT NULL REFERENCES streams (id),
  epoch INTEGER NOT NULL,
  sequence INTEGER NOT NULL,
  chunks INTEGER NOT NULL,
  start INTEGER NOT NULL,
  end INTEGER NOT NULL,
  start_time INTEGER NOT NULL,
  end_time INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  last_sync INTEGER NOT NULL,
  number INTEGER NOT NULL,
  discontinuity INTEGER NOT NULL,
  gap INTEGER NOT NULL,
  open INTEGER NOT NULL,
  last_sync_time INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX segments_by_start ON segments (stream, start);
CREATE INDEX segments_by_position ON segments (stream, epoch, sequence);
CREATE INDEX segments_by_end ON segments (end) WHERE open = 0;
CREATE INDEX open_segments ON segments (id) WHERE open = 1;
CREATE INDEX segments_behind_gaps ON segments (stream, start) WHERE gap <> 0;
CREATE TRIGGER segment_added AFTER INSERT ON segments BEGIN
  UPDATE streams SET segments = segments + 1, bytes = bytes + new.bytes WHERE id = new.stream;
END;
CREATE TRIGGER segment_updated AFTER UPDATE OF bytes ON segments WHEN new.bytes <> old.bytes BEGIN
  UPDATE streams SET bytes = bytes + new.bytes - old.bytes WHERE id = new.stream;
END;
CREATE TRIGGER segment_removed AFTER DELETE ON segments BEGIN
  UPDATE streams SET segments = segments - 1, bytes = bytes - old.bytes WHERE id = old.stream;
  DELETE FROM streams WHERE id = old.stream AND segments = 0;
END;
PRAGMA user_version = 1;
COMMIT;
)";

std::int64_t to_integer(base::Utc utc) noexcept { return utc.time_since_epoch().count(); }
std::int64_t to_integer(std::uint64_t number) noexcept { return static_cast<std::int64_t>(number); }
base::Utc to_utc(std::int64_t microseconds) noexcept {
  return base::Utc(std::chrono::microseconds(microseconds));
}
std::uint64_t to_unsigned(std::int64_t number) noexcept {
  return static_cast<std::uint64_t>(number);
}

std::string select(const char* rest) {
  return std::string(
             "SELECT s.id, n.name, s.epoch, s.sequence, s.chunks, s.start, s.end, s.start_time, "
             "s.end_time, s.bytes, s.last_sync, s.number, s.discontinuity, s.gap, s.open, "
             "s.last_sync_time ") +
         rest;
}
// With the name of the stream as `?1`.
std::string select_of_stream(const char* rest) {
  return select("FROM streams n CROSS JOIN segments s ON s.stream = n.id WHERE n.name = ?1 AND ") +
         rest;
}
std::string select_of_all(const char* rest) {
  return select("FROM segments s CROSS JOIN streams n ON n.id = s.stream ") + rest;
}

Segment read_segment(const sqlite::Rows& row) {
  Segment segment;
  segment.id = row.integer(0);
  segment.stream = row.text(1);
  segment.first = {to_unsigned(row.integer(2)), to_unsigned(row.integer(3))};
  segment.chunks = to_unsigned(row.integer(4));
  segment.start = to_utc(row.integer(5));
  segment.end = to_utc(row.integer(6));
  segment.start_time = row.integer(7);
  segment.end_time = row.integer(8);
  segment.bytes = to_unsigned(row.integer(9));
  segment.last_sync = to_unsigned(row.integer(10));
  segment.number = static_cast<std::uint32_t>(row.integer(11));
  segment.discontinuity = static_cast<std::uint32_t>(row.integer(12));
  const std::int64_t gap = row.integer(13);
  segment.gap = gap >= 0 && gap < static_cast<std::int64_t>(gap_reason_count)
                    ? static_cast<GapReason>(gap)
                    : GapReason::lost;  // of a newer version
  segment.is_open = row.integer(14) != 0;
  segment.last_sync_time = row.integer(15);
  return segment;
}

// Nobody writes any more what was set aside, so a file is enough for the next start.
std::filesystem::path set_aside(const std::filesystem::path& file) {
  const std::string suffix = ".damaged-" + base::to_iso8601(base::utc_now());
  std::error_code ignored;
  std::filesystem::rename(file, file.string() + suffix, ignored);
  std::filesystem::rename(file.string() + "-wal", file.string() + suffix + "-wal", ignored);
  std::filesystem::remove(file.string() + "-shm", ignored);
  return file.string() + suffix;
}

base::Result<std::int64_t> read_integer(const sqlite::Database& database, const char* query) {
  auto statement = sqlite::Statement::prepare(database, query);
  if (!statement) return statement.error();
  sqlite::Rows rows = statement->run();
  const auto has_row = rows.next();
  if (!has_row) return has_row.error();
  return *has_row ? rows.integer(0) : 0;
}

base::Result<void> check_version(sqlite::Database& database, sqlite::Database::Access access) {
  const auto found = read_integer(database, "PRAGMA user_version");
  if (!found) return found.error();
  if (*found > version) return Errc::newer_catalog;
  if (*found == version || access == sqlite::Database::Access::read) return {};
  return database.execute(schema);
}

}  // namespace

struct Catalog::Queries {
  sqlite::Statement begin, commit;
  sqlite::Statement add_stream, put, remove, remove_same_start;
  sqlite::Statement get, at_utc, beginning_before, beginning_after, before, after, first, newest,
      range, starting_from, behind_gaps;
  sqlite::Statement open_ones, newest_ones, oldest, oldest_of_stream, sums;

  static base::Result<std::unique_ptr<Queries>> prepare(const sqlite::Database& database);
};

base::Result<std::unique_ptr<Catalog::Queries>> Catalog::Queries::prepare(
    const sqlite::Database& database) {
  base::Error error;
  const auto make = [&](const std::string& sql) {
    auto statement = sqlite::Statement::prepare(database, sql);
    if (!statement && !error) error = statement.error();
    return statement ? std::move(*statement) : sqlite::Statement();
  };
  auto queries = std::make_unique<Queries>(Queries{
      make("BEGIN IMMEDIATE"),
      make("COMMIT"),
      make("INSERT INTO streams (name) VALUES (?1) ON CONFLICT DO NOTHING"),
      make("INSERT INTO segments SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
           "?14, ?15, ?16 FROM streams WHERE name = ?2 ON CONFLICT (id) DO UPDATE SET "
           "epoch = excluded.epoch, sequence = excluded.sequence, chunks = excluded.chunks, "
           "start = excluded.start, end = excluded.end, start_time = excluded.start_time, "
           "end_time = excluded.end_time, bytes = excluded.bytes, "
           "last_sync = excluded.last_sync, number = excluded.number, "
           "discontinuity = excluded.discontinuity, gap = excluded.gap, open = excluded.open, "
           "last_sync_time = excluded.last_sync_time"),
      make("DELETE FROM segments WHERE id = ?1"),
      make("DELETE FROM segments WHERE start = ?2 AND id <> ?3 AND "
           "stream = (SELECT id FROM streams WHERE name = ?1)"),
      make(select_of_all("WHERE s.id = ?1")),
      make(select_of_stream("s.start <= ?2 ORDER BY s.start DESC LIMIT 1")),
      make(select_of_stream("s.epoch = ?2 AND s.sequence <= ?3 ORDER BY s.sequence DESC LIMIT ?4")),
      make(select_of_stream("s.epoch = ?2 AND s.sequence > ?3 ORDER BY s.sequence LIMIT 1")),
      make(select_of_stream("s.start < ?2 ORDER BY s.start DESC LIMIT 1")),
      make(select_of_stream("s.start > ?2 ORDER BY s.start LIMIT 1")),
      make(select_of_stream("true ORDER BY s.start LIMIT 1")),
      make(select_of_stream("true ORDER BY s.start DESC LIMIT 1")),
      // One that begins before `from` may reach into it, even if another began since.
      make(select_of_stream(
          "s.start >= coalesce((SELECT min(start) FROM (SELECT start FROM segments WHERE "
          "stream = n.id AND start <= ?2 ORDER BY start DESC LIMIT 4)), ?2) AND s.start < ?3 AND "
          "(s.end > ?2 OR s.open = 1) ORDER BY s.start LIMIT ?4")),
      make(select_of_stream("s.start >= ?2 ORDER BY s.start LIMIT ?3")),
      make(select_of_stream(
          "s.gap <> 0 AND s.start >= ?2 AND s.start < ?3 ORDER BY s.start LIMIT ?4")),
      make(select_of_all("WHERE s.open = 1 ORDER BY s.id")),
      make(select("FROM streams n CROSS JOIN segments s ON s.id = (SELECT id FROM segments WHERE "
                  "stream = n.id ORDER BY start DESC LIMIT 1) ORDER BY n.name")),
      make(select_of_all("WHERE s.open = 0 ORDER BY s.end LIMIT ?1")),
      make(select_of_stream("s.open = 0 ORDER BY s.start LIMIT ?2")),
      make("SELECT name, segments, bytes, "
           "(SELECT start FROM segments WHERE stream = n.id ORDER BY start LIMIT 1), "
           "(SELECT end FROM segments WHERE stream = n.id ORDER BY start DESC LIMIT 1) "
           "FROM streams n ORDER BY name"),
  });
  if (error) return error;
  return queries;
}

Catalog::Catalog(std::filesystem::path file, sqlite::Database database,
                 std::unique_ptr<Queries> queries)
    : file_(std::move(file)), database_(std::move(database)), queries_(std::move(queries)) {}

Catalog::~Catalog() {
  if (!is_set_aside_) static_cast<void>(commit());
}

base::Result<std::unique_ptr<Catalog>> Catalog::open_file(const std::filesystem::path& file,
                                                          sqlite::Database::Access access) {
  auto database = sqlite::Database::open(file, access);
  if (!database) return database.error();
  if (const auto checked = check_version(*database, access); !checked) return checked.error();
  auto queries = Queries::prepare(*database);
  if (!queries) return queries.error();
  std::unique_ptr<Catalog> catalog(new Catalog(file, std::move(*database), std::move(*queries)));
  if (const auto learnt = catalog->learn_last_id(); !learnt) return learnt.error();
  // The edges of what is there, where damage would hinder most.
  if (const auto tried = catalog->newest_ones(); !tried) return tried.error();
  if (const auto tried = catalog->open_ones(); !tried) return tried.error();
  return catalog;
}

base::Result<std::unique_ptr<Catalog>> Catalog::open(const std::filesystem::path& root) {
  const std::filesystem::path file = root / file_name;
  std::error_code ignored;
  bool is_new = !std::filesystem::exists(file, ignored);
  std::filesystem::path aside;
  auto catalog = open_file(file, sqlite::Database::Access::write);
  if (!catalog && sqlite::is_damage(catalog.error())) {
    aside = set_aside(file);
    is_new = true;
    catalog = open_file(file, sqlite::Database::Access::write);
  }
  if (!catalog) return catalog;
  (*catalog)->is_new_ = is_new;
  (*catalog)->set_aside_as_ = std::move(aside);
  return catalog;
}

base::Result<std::unique_ptr<Catalog>> Catalog::read(const std::filesystem::path& root) {
  return open_file(root / file_name, sqlite::Database::Access::read);
}

base::Result<void> Catalog::learn_last_id() {
  const auto last =
      read_integer(database_, "SELECT seq FROM sqlite_sequence WHERE name = 'segments'");
  if (!last) return last.error();
  last_id_ = *last;
  return {};
}

std::int64_t Catalog::add(Segment segment) {
  const std::lock_guard lock(changes_lock_);
  segment.id = ++last_id_;
  incoming_.emplace_back(last_id_, Change{std::move(segment), true});
  return last_id_;
}

void Catalog::collect(std::int64_t id, Change change) {
  const std::lock_guard lock(changes_lock_);
  incoming_.emplace_back(id, std::move(change));
}

void Catalog::update(const Segment& segment) {
  RELAY_ASSERT(segment.id > 0);
  collect(segment.id, {segment});
}

void Catalog::remove(std::int64_t id) { collect(id, {}); }

base::Result<void> Catalog::apply(std::int64_t id, const Change& change) {
  if (!change.segment) return queries_->remove.execute(id);
  const Segment& segment = *change.segment;
  const auto replaced =
      queries_->remove_same_start.execute(segment.stream, to_integer(segment.start), id);
  if (!replaced) return replaced.error();
  if (const auto done = queries_->add_stream.execute(segment.stream); !done) return done.error();
  return queries_->put.execute(
      id, segment.stream, to_integer(segment.first.epoch), to_integer(segment.first.sequence),
      to_integer(segment.chunks), to_integer(segment.start), to_integer(segment.end),
      segment.start_time, segment.end_time, to_integer(segment.bytes),
      to_integer(segment.last_sync), std::int64_t{segment.number},
      std::int64_t{segment.discontinuity}, static_cast<std::int64_t>(segment.gap),
      std::int64_t{segment.is_open}, segment.last_sync_time);
}

// A failure may have ended the transaction, and then nothing of it was done.
base::Result<void> Catalog::apply_changes() {
  std::vector<std::pair<std::int64_t, Change>> incoming;
  {
    const std::lock_guard lock(changes_lock_);
    incoming.swap(incoming_);
  }
  std::vector<std::int64_t> to_apply;
  const bool begins = !database_.is_in_transaction();
  if (begins) {
    for (const auto& [id, change] : uncommitted_) to_apply.push_back(id);
  }
  for (auto& [id, change] : incoming) {
    const auto known = uncommitted_.find(id);
    change.is_added |= known != uncommitted_.end() && known->second.is_added;
    if (!begins || known == uncommitted_.end()) to_apply.push_back(id);
    uncommitted_.insert_or_assign(id, std::move(change));
  }
  if (to_apply.empty()) return {};
  base::Result<void> done;
  if (begins) done = queries_->begin.execute();
  for (const std::int64_t id : to_apply) {
    if (!done) break;
    const auto change = uncommitted_.find(id);
    if (change == uncommitted_.end()) continue;  // twice in the list
    done = apply(id, change->second);
    const bool leaves_nothing = !change->second.segment && change->second.is_added;
    if (done && leaves_nothing) uncommitted_.erase(change);
  }
  if (!done) roll_back();
  return done;
}

void Catalog::roll_back() {
  if (database_.is_in_transaction()) static_cast<void>(database_.execute("ROLLBACK"));
}

base::Result<void> Catalog::commit() {
  const std::lock_guard lock(database_lock_);
  auto done = apply_changes();
  if (done && database_.is_in_transaction()) done = queries_->commit.execute();
  if (!done) {
    roll_back();
    return failed(done.error());
  }
  uncommitted_.clear();
  return {};
}

base::Error Catalog::failed(base::Error error) {
  if (sqlite::is_damage(error) && !is_set_aside_) {
    is_set_aside_ = true;
    set_aside(file_);
  }
  return error;
}

template <class... Values>
base::Result<std::vector<Segment>> Catalog::look_up(sqlite::Statement& statement,
                                                    const Values&... values) {
  const std::lock_guard lock(database_lock_);
  if (const auto applied = apply_changes(); !applied) return failed(applied.error());
  std::vector<Segment> found;
  sqlite::Rows rows = statement.run(values...);
  while (true) {
    const auto has_row = rows.next();
    if (!has_row) return failed(has_row.error());
    if (!*has_row) return found;
    found.push_back(read_segment(rows));
  }
}

template <class... Values>
base::Result<std::optional<Segment>> Catalog::look_up_one(sqlite::Statement& statement,
                                                          const Values&... values) {
  auto found = look_up(statement, values...);
  if (!found) return found.error();
  if (found->empty()) return std::optional<Segment>();
  return std::optional<Segment>(std::move(found->front()));
}

base::Result<std::optional<Segment>> Catalog::get(std::int64_t id) {
  return look_up_one(queries_->get, id);
}

base::Result<std::optional<Segment>> Catalog::at(const std::string& stream, base::Utc utc) {
  return look_up_one(queries_->at_utc, stream, to_integer(utc));
}

base::Result<std::optional<Segment>> Catalog::at(const std::string& stream,
                                                 wire::Position position) {
  auto candidates = beginning_before(stream, position, overlapping_max);
  if (!candidates) return candidates.error();
  std::optional<Segment> found;
  for (Segment& candidate : *candidates) {
    const bool holds = candidate.is_open || candidate.next().sequence > position.sequence;
    if (holds && (!found || found->start < candidate.start)) found = std::move(candidate);
  }
  if (found) return found;
  return beginning_after(stream, position);
}

base::Result<std::vector<Segment>> Catalog::beginning_before(const std::string& stream,
                                                             wire::Position position,
                                                             std::size_t most) {
  return look_up(queries_->beginning_before, stream, to_integer(position.epoch),
                 to_integer(position.sequence), to_integer(most));
}

base::Result<std::optional<Segment>> Catalog::beginning_after(const std::string& stream,
                                                              wire::Position position) {
  return look_up_one(queries_->beginning_after, stream, to_integer(position.epoch),
                     to_integer(position.sequence));
}

base::Result<std::optional<Segment>> Catalog::before(const Segment& segment) {
  return look_up_one(queries_->before, segment.stream, to_integer(segment.start));
}

base::Result<std::optional<Segment>> Catalog::after(const Segment& segment) {
  return look_up_one(queries_->after, segment.stream, to_integer(segment.start));
}

base::Result<std::optional<Segment>> Catalog::first(const std::string& stream) {
  return look_up_one(queries_->first, stream);
}

base::Result<std::optional<Segment>> Catalog::newest(const std::string& stream) {
  return look_up_one(queries_->newest, stream);
}

base::Result<std::vector<Segment>> Catalog::range(const std::string& stream, base::Utc from,
                                                  base::Utc to, std::size_t most) {
  const std::size_t limit = std::min<std::size_t>(most, std::numeric_limits<std::int64_t>::max());
  return look_up(queries_->range, stream, to_integer(from), to_integer(to), to_integer(limit));
}

base::Result<std::vector<Segment>> Catalog::starting_from(const std::string& stream, base::Utc from,
                                                          std::size_t most) {
  return look_up(queries_->starting_from, stream, to_integer(from), to_integer(most));
}

base::Result<std::vector<Segment>> Catalog::behind_gaps(const std::string& stream, base::Utc from,
                                                        base::Utc to, std::size_t most) {
  return look_up(queries_->behind_gaps, stream, to_integer(from), to_integer(to), to_integer(most));
}

base::Result<std::vector<Segment>> Catalog::open_ones() { return look_up(queries_->open_ones); }

base::Result<std::vector<Segment>> Catalog::newest_ones() { return look_up(queries_->newest_ones); }

base::Result<std::vector<Segment>> Catalog::oldest(std::size_t most,
                                                   const std::optional<std::string>& stream) {
  if (stream) return look_up(queries_->oldest_of_stream, *stream, to_integer(most));
  return look_up(queries_->oldest, to_integer(most));
}

base::Result<std::vector<Catalog::Sum>> Catalog::sums() {
  const std::lock_guard lock(database_lock_);
  if (const auto applied = apply_changes(); !applied) return failed(applied.error());
  std::vector<Sum> sums;
  sqlite::Rows rows = queries_->sums.run();
  while (true) {
    const auto has_row = rows.next();
    if (!has_row) return failed(has_row.error());
    if (!*has_row) return sums;
    sums.push_back({rows.text(0), to_unsigned(rows.integer(1)), to_unsigned(rows.integer(2)),
                    to_utc(rows.integer(3)), to_utc(rows.integer(4))});
  }
}

}  // namespace disk
