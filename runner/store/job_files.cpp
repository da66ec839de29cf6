#include "runner/store/job_files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"

namespace runner {

namespace {

constexpr std::size_t kTail = 4 << 10;
constexpr std::size_t kLongestStem = 120;

/// The last bytes, from the start of a line where there is one in the first half.
std::string last_lines(std::string tail, bool cut) {
  if (cut) {
    const std::size_t line = tail.find('\n');
    if (line != std::string::npos && line < tail.size() / 2) {
      tail.erase(0, line + 1);
    }
  }
  return tail;
}

}  // namespace

std::string log_stem(const dsl::NodeId& node) {
  std::string stem;
  for (const char byte : node.value) {
    const bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '=' ||
                       byte == ',' || byte == '[' || byte == ']';
    stem += plain ? std::string(1, byte)
                  : fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(byte)));
  }
  if (stem.size() > kLongestStem) {
    stem = stem.substr(0, kLongestStem) + "~" + dsl::sha256_hex(node.value).substr(0, 12);
  }
  return stem;
}

DiskJobFiles::DiskJobFiles(std::string run_folder) : run_folder_(std::move(run_folder)) {
  // Where this fails, opening the first log fails too and says so.
  (void)files::make_directories(run_folder_ + "/logs").has_value();
}

std::string DiskJobFiles::log_name(const dsl::NodeId& node, const std::string& part) {
  return "logs/" + log_stem(node) + "." + part + ".log";
}

std::string DiskJobFiles::absolute(const std::string& name) {
  return run_folder_ + "/" + name;
}

LogSummary DiskJobFiles::summarise(const std::string& name) {
  LogSummary summary;
  const Fd file(::open(absolute(name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (file.get() < 0 || ::fstat(file.get(), &status) != 0 || status.st_size == 0) {
    return summary;
  }
  summary.bytes = status.st_size;
  dsl::Sha256 digest;
  std::string tail;
  std::array<char, 64 << 10> buffer{};
  ssize_t got = 0;
  while ((got = ::read(file.get(), buffer.data(), buffer.size())) > 0) {
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
    digest.add(bytes);
    tail.append(bytes.substr(bytes.size() - std::min(bytes.size(), kTail)));
    if (tail.size() > kTail) {
      tail.erase(0, tail.size() - kTail);
    }
  }
  summary.digest = digest.finish();
  summary.tail = last_lines(std::move(tail), static_cast<std::size_t>(summary.bytes) > kTail);
  return summary;
}

dsl::Result<std::string> DiskJobFiles::head(const std::string& name, std::size_t cap) {
  const std::string path = absolute(name);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (file.get() < 0) {
    return files::system_error("read log", path, errno);
  }
  std::string bytes(cap, '\0');
  std::size_t filled = 0;
  while (filled < cap) {
    const ssize_t got = ::read(file.get(), bytes.data() + filled, cap - filled);
    if (got < 0) {
      return files::system_error("read log", path, errno);
    }
    if (got == 0) {
      break;
    }
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

dsl::Status DiskJobFiles::check_room() {
  constexpr std::uint64_t kLeast = 1 << 20;
  struct statvfs disk {};
  if (::statvfs(run_folder_.c_str(), &disk) != 0) {
    return dsl::Ok{};  // what is wrong there is told by who writes
  }
  const std::uint64_t room = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (room >= kLeast && (disk.f_files == 0 || disk.f_favail > 0)) {
    return dsl::Ok{};
  }
  return dsl::Error{
      "no space is left where runs are kept (" + run_folder_ + "), so nothing can be said of it",
      "free some, or set PIPE_STATE to a folder on another disk"};
}

dsl::Status DiskJobFiles::write(const std::string& path, const std::string& bytes) {
  return files::write_atomically(path, bytes, files::Durable::No);
}

}  // namespace runner
