#pragma once

// SQLite behind a small wall: a database file, prepared statements, transactions. sqlite3.h appears
// in sqlite.cpp only.
//
// A Database and everything made from it belong to one thread at a time. Statements must not
// outlive their Database. Every Error names the file and SQLite's extended code, and the remedy
// where there is one (no space, read-only, locked by another process, damaged).

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "dsl/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace runner {

class Statement;

class Database {
 public:
  enum class Access {
    Create,    // read and write; made where it is not there
    Write,     // read and write; an Error where it is not there
    ReadOnly,  // works on a read-only file system too
  };

  /// WAL, synchronous=FULL (a commit survives a crash of the machine), foreign keys on; waits up to
  /// five seconds for another process's lock.
  static dsl::Result<Database> open(const std::string& path, Access access);

  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  /// Brings the schema to version `steps.size()`: step n (SQL, several statements) leads from
  /// version n to n+1, each in a transaction of its own. An Error where the file is of a newer
  /// version, which then is unchanged.
  dsl::Status migrate(std::span<const char* const> steps);

  /// For a file that many small commits are added to: its log is as large as it gets from the start
  /// and used over and over, so that a commit only waits for its own bytes and not for what the
  /// file system notes of a file that grows. Costs half a megabyte on the disk while the file is
  /// open.
  dsl::Status expect_many_commits();

  /// One or several statements without parameters or rows.
  dsl::Status execute(const char* sql);

  dsl::Result<Statement> prepare(std::string_view sql);

  /// The schema's version number (PRAGMA user_version).
  dsl::Result<std::int64_t> version();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  friend class Statement;
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  sqlite3* handle_ = nullptr;
  std::string path_;
};

/// A prepared statement, to be used again and again:
///   insert->bind(name).bind(size).run();
/// Binding begins at the first parameter after construction, `run` and `reset`.
class Statement {
 public:
  Statement(Statement&&) noexcept;
  Statement& operator=(Statement&&) noexcept;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement();

  /// The text is copied.
  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);
  Statement& bind_null();

  /// To the next row; false: there is none (the statement is reset then).
  dsl::Result<bool> step();
  /// For statements without rows: runs and resets, also on an Error.
  dsl::Status run();
  void reset();

  /// Columns of the current row, from 0. The text lives until the next step or reset.
  [[nodiscard]] std::int64_t integer(int column) const;
  [[nodiscard]] std::string_view text(int column) const;
  [[nodiscard]] bool is_null(int column) const;

 private:
  friend class Database;
  Statement(sqlite3_stmt* handle, sqlite3* database, std::string path)
      : handle_(handle), database_(database), path_(std::move(path)) {}

  sqlite3_stmt* handle_ = nullptr;
  sqlite3* database_ = nullptr;
  std::string path_;
  int bound_ = 0;
  int bind_failure_ = 0;  // SQLite's code of the first bind that failed; told by step
};

/// Takes the write lock at once. Rolls back unless committed.
class Transaction {
 public:
  static dsl::Result<Transaction> begin(Database& database);
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  /// On Error nothing of the transaction is in the file.
  dsl::Status commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}
  Database* database_;  // null once committed or moved from
};

}  // namespace runner
