#include "relay/sqlite/database.hpp"

#include <sqlite3.h>

#include "relay/base/assert.hpp"

namespace sqlite {
namespace {

const char* name_of(Database::Synchronous synchronous) {
  constexpr const char* names[] = {"OFF", "NORMAL", "FULL"};
  return names[static_cast<std::size_t>(synchronous)];
}

class Category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "sqlite"; }
  std::string message(int code) const override { return sqlite3_errstr(code); }
};

const Category& category() {
  static const Category only;
  return only;
}

// The rest says more about it.
int primary_code(const base::Error& error) {
  return error.category() == category() ? error.value() & 0xff : SQLITE_OK;
}

}  // namespace

base::Error database_error(int code) { return {code, category()}; }

bool is_damage(const base::Error& error) noexcept {
  const int code = primary_code(error);
  return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_FORMAT;
}

bool is_transient(const base::Error& error) noexcept {
  const int code = primary_code(error);
  return code == SQLITE_FULL || code == SQLITE_BUSY || code == SQLITE_LOCKED;
}

void Database::Close::operator()(sqlite3* handle) const noexcept {
  RELAY_ASSERT(sqlite3_close(handle) == SQLITE_OK);  // else a statement is left
}

base::Result<Database> Database::open(const std::filesystem::path& file, Access access,
                                      const Setup& setup) {
  // No lock of SQLite's own: one thread at a time.
  const int flags =
      SQLITE_OPEN_NOMUTEX |
      (access == Access::read ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return database_error(code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, static_cast<int>(setup.busy_timeout.count()));
  if (access == Access::write) {
    // What it needs besides the file stays when it is closed: on a full disk it could not be made.
    int persist = 1;
    sqlite3_file_control(handle, nullptr, SQLITE_FCNTL_PERSIST_WAL, &persist);
    const std::string pragmas =
        std::string("PRAGMA journal_mode=WAL; PRAGMA journal_size_limit=4194304;") +
        "PRAGMA synchronous=" + name_of(setup.synchronous) + ";" +
        (setup.checkpoints ? "" : "PRAGMA wal_autocheckpoint=0;");
    const auto set_up = database.execute(pragmas.c_str());
    if (!set_up) return set_up.error();
  }
  return database;
}

base::Result<void> Database::execute(const char* statements) {
  const int code = sqlite3_exec(handle_.get(), statements, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return database_error(code);
  return {};
}

bool Database::is_in_transaction() const noexcept {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

bool Database::is_read_only() const noexcept {
  return sqlite3_db_readonly(handle_.get(), "main") == 1;
}

Rows::~Rows() { sqlite3_reset(statement_); }

base::Result<bool> Rows::next() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return {boost::system::in_place_error, database_error(code)};  // an error is a bool as well
}

std::int64_t Rows::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_, column);
}

std::string Rows::text(int column) const {
  const auto* const text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string Rows::bytes(int column) const {
  const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (bytes == nullptr) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::Finalize::operator()(sqlite3_stmt* handle) const noexcept {
  sqlite3_finalize(handle);
}

base::Result<Statement> Statement::prepare(const Database& database, std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return database_error(code);
  return Statement(handle);
}

void Statement::bind(int index, std::int64_t value) {
  RELAY_ASSERT(sqlite3_bind_int64(handle_.get(), index, value) == SQLITE_OK);
}

void Statement::bind(int index, std::string_view value) {
  RELAY_ASSERT(sqlite3_bind_text(handle_.get(), index, value.data(), static_cast<int>(value.size()),
                                 SQLITE_TRANSIENT) == SQLITE_OK);
}

void Statement::bind(int index, Bytes value) {
  // A null pointer would be NULL.
  const char* const bytes = value.bytes.empty() ? "" : value.bytes.data();
  RELAY_ASSERT(sqlite3_bind_blob(handle_.get(), index, bytes, static_cast<int>(value.bytes.size()),
                                 SQLITE_TRANSIENT) == SQLITE_OK);
}

}  // namespace sqlite
