#include "relay/state/record_file.hpp"

#include <sys/stat.h>

#include <system_error>
#include <utility>

#include "relay/state/errc.hpp"

namespace state {
namespace {

using sqlite::Bytes;
using sqlite::Statement;

constexpr std::int64_t layout_version = 1;
constexpr std::uintmax_t wal_bytes = 4 << 20;

constexpr const char* layout = R"(
BEGIN IMMEDIATE;
CREATE TABLE records (
  kind INTEGER NOT NULL,
  name BLOB NOT NULL,
  record BLOB NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT;
PRAGMA user_version = 1;
COMMIT;
)";

std::int64_t to_integer(Kind kind) { return static_cast<std::int64_t>(kind); }

base::Result<std::int64_t> read_version(const sqlite::Database& database) {
  auto statement = Statement::prepare(database, "PRAGMA user_version");
  if (!statement) return statement.error();
  sqlite::Rows rows = statement->run();
  const auto row = rows.next();
  if (!row) return row.error();
  return *row ? rows.integer(0) : 0;
}

base::Result<void> lay_out(sqlite::Database& database, RecordFile::Access access) {
  const auto found = read_version(database);
  if (!found) return found.error();
  if (*found > layout_version) return Errc::newer_database;
  if (*found == layout_version || access == RecordFile::Access::read) return {};
  return database.execute(layout);
}

}  // namespace

struct RecordFile::Queries {
  Statement begin, commit, clear, put, remove;

  static base::Result<std::unique_ptr<Queries>> prepare(const sqlite::Database& database) {
    base::Error error;
    const auto make = [&](const char* sql) {
      auto statement = Statement::prepare(database, sql);
      if (!statement && !error) error = statement.error();
      return statement ? std::move(*statement) : Statement();
    };
    auto queries = std::make_unique<Queries>(
        Queries{make("BEGIN IMMEDIATE"), make("COMMIT"), make("DELETE FROM records"),
                make("INSERT INTO records VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET "
                     "record = excluded.record, checksum = excluded.checksum"),
                make("DELETE FROM records WHERE kind = ?1 AND name = ?2")});
    if (error) return error;
    return queries;
  }
};

RecordFile::RecordFile(std::filesystem::path file, sqlite::Database database,
                       std::unique_ptr<Queries> queries)
    : file_(std::move(file)),
      wal_(file_.string() + "-wal"),
      file_id_(identify(file_)),
      wal_id_(identify(wal_)),
      checkpoint_at_(wal_bytes),
      database_(std::move(database)),
      queries_(std::move(queries)) {}

RecordFile::~RecordFile() = default;

std::filesystem::path RecordFile::path_in(const std::filesystem::path& folder) {
  return folder / "state.sqlite";
}

base::Result<std::unique_ptr<RecordFile>> RecordFile::open(const std::filesystem::path& folder,
                                                           Access access, Options options) {
  const std::filesystem::path file = path_in(folder);
  // Checkpoints are ours: one that ended half-way would leave a WAL that must not be cut.
  auto database =
      sqlite::Database::open(file, access, {options.synchronous, options.busy_timeout, false});
  if (!database) return database.error();
  if (access == Access::write && database->is_read_only()) return Errc::read_only;
  if (const auto done = lay_out(*database, access); !done) return done.error();
  auto queries = Queries::prepare(*database);
  if (!queries) return queries.error();
  return std::unique_ptr<RecordFile>(
      new RecordFile(file, std::move(*database), std::move(*queries)));
}

std::filesystem::path RecordFile::set_aside(const std::filesystem::path& folder, base::Utc now) {
  const std::string file = path_in(folder).string();
  const std::string aside = file + ".damaged-" + base::to_iso8601(now);
  std::error_code ignored;
  std::filesystem::rename(file, aside, ignored);
  std::filesystem::rename(file + "-wal", aside + "-wal", ignored);
  std::filesystem::remove(file + "-shm", ignored);
  return aside;
}

base::Result<void> RecordFile::read(std::vector<Row>& rows) {
  const auto done = read(rows, "SELECT kind, name, record, checksum FROM records ORDER BY rowid");
  if (done) return done;
  static_cast<void>(
      read(rows, "SELECT kind, name, record, checksum FROM records ORDER BY rowid DESC"));
  return done;
}

base::Result<void> RecordFile::read(std::vector<Row>& rows, const char* query) {
  auto statement = Statement::prepare(database_, query);
  if (!statement) return statement.error();
  sqlite::Rows found = statement->run();
  while (true) {
    const auto has_row = found.next();
    if (!has_row) return has_row.error();
    if (!*has_row) return {};
    rows.push_back({{static_cast<Kind>(found.integer(0)), found.bytes(1)},
                    found.bytes(2),
                    static_cast<std::uint32_t>(found.integer(3))});
  }
}

base::Result<std::string> RecordFile::check() {
  auto statement = Statement::prepare(database_, "PRAGMA integrity_check(1)");
  if (!statement) return statement.error();
  sqlite::Rows rows = statement->run();
  const auto row = rows.next();
  if (!row) return row.error();
  const std::string said = *row ? rows.text(0) : "ok";
  return said == "ok" ? std::string() : said;
}

base::Result<void> RecordFile::begin() { return queries_->begin.execute(); }

base::Result<void> RecordFile::clear() { return queries_->clear.execute(); }

base::Result<void> RecordFile::put(const Key& key, std::string_view record,
                                   std::uint32_t checksum) {
  return queries_->put.execute(to_integer(key.kind), Bytes{key.name}, Bytes{record},
                               std::int64_t{checksum});
}

base::Result<void> RecordFile::remove(const Key& key) {
  return queries_->remove.execute(to_integer(key.kind), Bytes{key.name});
}

base::Result<void> RecordFile::commit() {
  const auto done = queries_->commit.execute();
  if (done) checkpoint();
  return done;
}

void RecordFile::roll_back() noexcept {
  if (database_.is_in_transaction()) static_cast<void>(database_.execute("ROLLBACK"));
}

// All of the WAL or nothing, and then it is empty. Somebody who reads the database may prevent it,
// or a full disk: the WAL holds everything, so there is time.
void RecordFile::checkpoint() noexcept {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(wal_, error);
  if (error || bytes < checkpoint_at_) return;
  static_cast<void>(database_.execute("PRAGMA wal_checkpoint(TRUNCATE)"));
  const std::uintmax_t left = std::filesystem::file_size(wal_, error);
  checkpoint_at_ = error ? wal_bytes : left + wal_bytes;
}

RecordFile::FileId RecordFile::identify(const std::filesystem::path& file) noexcept {
  struct stat found {};
  if (stat(file.c_str(), &found) != 0) return {};
  return {found.st_dev, found.st_ino};
}

bool RecordFile::is_lost() const noexcept {
  return identify(file_) != file_id_ || identify(wal_) != wal_id_;
}

}  // namespace state
