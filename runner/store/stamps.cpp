#include "runner/store/stamps.h"

#include <cstring>

#include "runner/sys/files.h"

namespace runner {
namespace {

constexpr std::string_view kMagic = "pipe stamps 1\n";
constexpr std::int64_t kMaxBook = 1LL << 30;

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

template <class T>
void put(std::string& bytes, const T& value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <class T>
bool take(std::string_view& bytes, T& value) {
  if (bytes.size() < sizeof value) {
    return false;
  }
  std::memcpy(&value, bytes.data(), sizeof value);
  bytes.remove_prefix(sizeof value);
  return true;
}

}  // namespace

void StampBook::note(std::string path, const struct stat& status, const git::Oid& content) {
  bytes_ += status.st_size;
  stamps_[std::move(path)] = {status.st_size,
                              nanoseconds(status.st_mtim),
                              nanoseconds(status.st_ctim),
                              status.st_ino,
                              content};
}

std::optional<git::Oid> StampBook::find(const std::string& path, const struct stat& status) const {
  const auto found = stamps_.find(path);
  if (found == stamps_.end()) {
    return std::nullopt;
  }
  const Stamp& stamp = found->second;
  const bool same = stamp.size == status.st_size && stamp.inode == status.st_ino &&
                    stamp.modified_ns == nanoseconds(status.st_mtim) &&
                    stamp.changed_ns == nanoseconds(status.st_ctim);
  return same ? std::optional(stamp.content) : std::nullopt;
}

dsl::Status StampBook::save(const std::string& path, std::int64_t now_ns) const {
  std::string bytes(kMagic);
  for (const auto& [name, stamp] : stamps_) {
    if (stamp.changed_ns > now_ns - kTooLate_ns) {
      continue;
    }
    put(bytes, static_cast<std::uint32_t>(name.size()));
    bytes += name;
    put(bytes, stamp);
  }
  return files::write_atomically(path, bytes, files::Durable::No);
}

StampBook StampBook::load(const std::string& path) {
  StampBook book;
  auto read = files::read_file(path, kMaxBook);
  if (!read || !read->starts_with(kMagic)) {
    return book;
  }
  std::string_view rest = std::string_view(*read).substr(kMagic.size());
  std::uint32_t length = 0;
  while (take(rest, length) && rest.size() >= length) {
    std::string name(rest.substr(0, length));
    rest.remove_prefix(length);
    Stamp stamp;
    if (!take(rest, stamp)) {
      break;
    }
    book.stamps_.emplace(std::move(name), stamp);
  }
  return book;
}

}  // namespace runner
