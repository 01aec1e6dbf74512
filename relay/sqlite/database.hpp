#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "relay/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace sqlite {

/// What SQLite said, as `database or disk is full`.
base::Error database_error(int code);
/// The file is not a database of ours, or not any more: trying again does not help.
bool is_damage(const base::Error& error) noexcept;
/// The disk is full, or another connection has the lock: the file is as it was before.
bool is_transient(const base::Error& error) noexcept;

/// A connection to one SQLite file. Everything blocks; one thread at a time.
class Database {
 public:
  enum class Access : std::uint8_t { read, write };
  enum class Synchronous : std::uint8_t {
    off,     ///< the kernel decides when; a loss of power may damage the file
    normal,  ///< a loss of power costs the last commits, never the file
    full,    ///< a commit is on the disk when it is done
  };
  struct Setup {
    Synchronous synchronous = Synchronous::normal;
    std::chrono::milliseconds busy_timeout{5'000};  ///< how long the lock of another is waited for
    bool checkpoints = true;  ///< by itself, when the WAL has grown; else by who opened it
  };
  /// `write` makes the file when it is missing and sets it up as a WAL database.
  static base::Result<Database> open(const std::filesystem::path& file, Access access,
                                     const Setup& setup);
  static base::Result<Database> open(const std::filesystem::path& file, Access access) {
    return open(file, access, Setup{});
  }

  /// One or several statements without values.
  base::Result<void> execute(const char* statements);
  bool is_in_transaction() const noexcept;
  /// Although it was opened for writing: the file system or its permissions do not allow more.
  bool is_read_only() const noexcept;
  sqlite3* handle() const noexcept { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Close> handle_;
};

/// What a statement finds, row by row. Until it goes the statement cannot be run again, and the
/// database may not be closed.
class Rows {
 public:
  explicit Rows(sqlite3_stmt* statement) noexcept : statement_(statement) {}
  ~Rows();
  Rows(const Rows&) = delete;
  Rows& operator=(const Rows&) = delete;

  /// Goes to the next row. False: there is none, and all was done.
  base::Result<bool> next();
  std::int64_t integer(int column) const noexcept;
  std::string text(int column) const;
  /// Of a BLOB, or of a text.
  std::string bytes(int column) const;

 private:
  sqlite3_stmt* statement_;
};

/// Bytes for a BLOB; borrowed.
struct Bytes {
  std::string_view bytes;
};

/// A prepared statement. It goes before its database.
class Statement {
 public:
  Statement() = default;  ///< of nothing; not to be run
  static base::Result<Statement> prepare(const Database& database, std::string_view sql);

  /// Runs it with these values for `?1`, `?2`, …
  template <class... Values>
  Rows run(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return Rows(handle_.get());
  }
  /// The same where no rows are wanted.
  template <class... Values>
  base::Result<void> execute(const Values&... values) {
    const auto row = run(values...).next();
    if (!row) return row.error();
    return {};
  }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* handle) const noexcept;
  };
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}
  void bind(int index, std::int64_t value);
  void bind(int index, std::string_view value);
  void bind(int index, Bytes value);

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

}  // namespace sqlite
