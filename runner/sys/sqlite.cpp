#include "runner/sys/sqlite.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

std::string remedy_of(int code, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return "make room on the file system and run the command again; nothing was lost";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return fmt::format("make '{}' and its folder writable, or set PIPE_STATE to another folder",
                         path);
    case SQLITE_CANTOPEN:
      return "check that the folder exists and may be written, or set PIPE_STATE to another one";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process holds the file; wait for it to end and try again";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return fmt::format("the file is damaged; move '{}' away and start anew", path);
    case SQLITE_IOERR:
      return "the disk reports an error or is full; see the system's log";
    default:
      return "";
  }
}

dsl::Error error_of(sqlite3* handle, int code, const std::string& path) {
  const int extended = handle != nullptr ? sqlite3_extended_errcode(handle) : code;
  const char* text = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  return {fmt::format("database '{}': {} (SQLite code {})", path, text, extended),
          remedy_of(code, path)};
}

int flags_of(Database::Access access) {
  switch (access) {
    case Database::Access::Create:
      return SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    case Database::Access::Write:
      return SQLITE_OPEN_READWRITE;
    case Database::Access::ReadOnly:
      return SQLITE_OPEN_READONLY;
  }
  return SQLITE_OPEN_READONLY;
}

/// A file name as an URI, for the `immutable` parameter.
std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') {
      uri += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

dsl::Result<Database> Database::open(const std::string& path, Access access) {
  constexpr int kCommon = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* handle = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &handle, flags_of(access) | kCommon, nullptr);
  Database database(handle, path);
  if (code != SQLITE_OK) {
    return error_of(handle, code, path);
  }
  sqlite3_busy_timeout(handle, 5'000);
  if (access == Access::ReadOnly) {
    // Without write access to the folder a file in WAL mode can only be read as one that nobody
    // changes; what is in its -wal file is then not seen.
    if (!database.execute("SELECT 1 FROM sqlite_schema LIMIT 1")) {
      sqlite3* fixed = nullptr;
      code = sqlite3_open_v2(immutable_uri(path).c_str(),
                             &fixed,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | kCommon,
                             nullptr);
      Database immutable(fixed, path);
      if (code != SQLITE_OK) {
        return error_of(fixed, code, path);
      }
      if (auto read = immutable.execute("SELECT 1 FROM sqlite_schema LIMIT 1"); !read) {
        return read.error();
      }
      return immutable;
    }
    return database;
  }
  if (auto set = database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                  "PRAGMA foreign_keys=ON;");
      !set) {
    return set.error();
  }
  return database;
}

Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), path_(std::move(other.path_)) {}

Database& Database::operator=(Database&& other) noexcept {
  if (this != &other) {
    sqlite3_close_v2(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
    path_ = std::move(other.path_);
  }
  return *this;
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

dsl::Status Database::expect_many_commits() {
  constexpr off_t kRoom = 512 << 10;  // a good 120 frames of a page each
  if (auto set = execute("PRAGMA wal_autocheckpoint=100;"); !set) {
    return set;
  }
  // What lies behind the last frame is not read: a frame counts only with the salt and the checksum
  // of the log's header (https://sqlite.org/fileformat2.html#walformat).
  const std::string log = path_ + "-wal";
  const Fd file(::open(log.c_str(), O_WRONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.get(), &status) != 0) {
    return files::system_error("open", log, errno);
  }
  const std::string zeros(static_cast<std::size_t>(std::max<off_t>(kRoom - status.st_size, 0)), 0);
  std::size_t done = 0;
  while (done < zeros.size()) {
    const ssize_t wrote = ::pwrite(file.get(),
                                   zeros.data() + done,
                                   zeros.size() - done,
                                   status.st_size + static_cast<off_t>(done));
    if (wrote < 0 && errno != EINTR) {
      return files::system_error("write", log, errno);
    }
    done += wrote > 0 ? static_cast<std::size_t>(wrote) : 0;
  }
  return dsl::Ok{};
}

dsl::Result<std::int64_t> Database::version() {
  auto query = prepare("PRAGMA user_version");
  if (!query) {
    return query.error();
  }
  auto row = query->step();
  if (!row) {
    return row.error();
  }
  return query->integer(0);
}

dsl::Status Database::migrate(std::span<const char* const> steps) {
  const auto ours = static_cast<std::int64_t>(steps.size());
  auto found = version();
  if (!found) {
    return found.error();
  }
  if (*found == ours) {
    return dsl::Ok{};
  }
  while (true) {
    auto transaction = Transaction::begin(*this);
    if (!transaction) {
      return transaction.error();
    }
    found = version();  // again: another process may have been quicker
    if (!found) {
      return found.error();
    }
    if (*found > ours) {
      return dsl::Error{
          fmt::format(
              "'{}' was made by a newer pipe (schema {}, this one knows {})", path_, *found, ours),
          "use that newer pipe, or set PIPE_STATE to another folder"};
    }
    if (*found == ours) {
      return dsl::Ok{};
    }
    if (auto done = execute(steps[static_cast<std::size_t>(*found)]); !done) {
      return done;
    }
    if (auto done = execute(fmt::format("PRAGMA user_version={}", *found + 1).c_str()); !done) {
      return done;
    }
    if (auto done = transaction->commit(); !done) {
      return done;
    }
  }
}

dsl::Status Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) {
    return error_of(handle_, code, path_);
  }
  return dsl::Ok{};
}

dsl::Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_,
                                      sql.data(),
                                      static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT,
                                      &statement,
                                      nullptr);
  if (code != SQLITE_OK) {
    return error_of(handle_, code, path_);
  }
  return Statement(statement, handle_, path_);
}

Statement::Statement(Statement&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      database_(other.database_),
      path_(std::move(other.path_)),
      bound_(other.bound_),
      bind_failure_(other.bind_failure_) {}

Statement& Statement::operator=(Statement&& other) noexcept {
  if (this != &other) {
    sqlite3_finalize(handle_);
    handle_ = std::exchange(other.handle_, nullptr);
    database_ = other.database_;
    path_ = std::move(other.path_);
    bound_ = other.bound_;
    bind_failure_ = other.bind_failure_;
  }
  return *this;
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

Statement& Statement::bind(std::string_view text) {
  const int code = sqlite3_bind_text64(handle_,
                                       ++bound_,
                                       text.data() == nullptr ? "" : text.data(),
                                       text.size(),
                                       SQLITE_TRANSIENT,
                                       SQLITE_UTF8);
  if (code != SQLITE_OK && bind_failure_ == SQLITE_OK) {
    bind_failure_ = code;
  }
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  const int code = sqlite3_bind_int64(handle_, ++bound_, number);
  if (code != SQLITE_OK && bind_failure_ == SQLITE_OK) {
    bind_failure_ = code;
  }
  return *this;
}

Statement& Statement::bind_null() {
  const int code = sqlite3_bind_null(handle_, ++bound_);
  if (code != SQLITE_OK && bind_failure_ == SQLITE_OK) {
    bind_failure_ = code;
  }
  return *this;
}

dsl::Result<bool> Statement::step() {
  if (bind_failure_ != SQLITE_OK) {
    const int code = bind_failure_;
    reset();
    return error_of(nullptr, code, path_);
  }
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    reset();
    return false;
  }
  dsl::Error error = error_of(database_, code, path_);
  reset();
  return error;
}

dsl::Status Statement::run() {
  while (true) {
    auto row = step();
    if (!row) {
      return row.error();
    }
    if (!*row) {
      return dsl::Ok{};
    }
  }
}

void Statement::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  bound_ = 0;
  bind_failure_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

std::string_view Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
  return bytes == nullptr ? std::string_view{} : std::string_view{bytes, size};
}

bool Statement::is_null(int column) const {
  return sqlite3_column_type(handle_, column) == SQLITE_NULL;
}

dsl::Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) {
    return begun.error();
  }
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ != nullptr) {
    // Fails only where SQLite has rolled back by itself (no space); nothing is left to do then.
    static_cast<void>(database_->execute("ROLLBACK"));
  }
}

dsl::Status Transaction::commit() {
  if (auto done = database_->execute("COMMIT"); !done) {
    return done;  // the destructor rolls back
  }
  database_ = nullptr;
  return dsl::Ok{};
}

}  // namespace runner
