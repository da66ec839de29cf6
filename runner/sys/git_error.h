#pragma once

// For the git*.cpp of this folder alone, the only files that know libgit2: what libgit2 says, as
// our Error.

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <git2.h>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner::git {

/// Starts libgit2 once, with no configuration of system or user in sight.
void start_library();

inline dsl::Error error_of(const std::string& context, int code) {
  const git_error* last = git_error_last();
  // libgit2 says nothing of a write that failed, or repeats what it said last: the call it gave up
  // on knows better.
  const int number = errno == ENOSPC || errno == EDQUOT || errno == EROFS ? errno : 0;
  std::string text = last != nullptr && last->message != nullptr
                         ? std::string(last->message)
                         : fmt::format("libgit2 error {}", code);
  if (number != 0 && text.find(std::strerror(number)) == std::string::npos) {
    text = std::strerror(number);
  }
  const auto tells = [&](int what) { return text.find(std::strerror(what)) != std::string::npos; };
  const char* remedy = "";
  if (tells(ENOSPC) || tells(EDQUOT)) {
    remedy = "make room on the file system and run the command again";
  } else if (tells(EROFS)) {
    remedy = "the file system is read-only: mount it writable, or set PIPE_STATE to another folder";
  } else if (tells(EACCES)) {
    remedy = "make it writable for you, or set PIPE_STATE to a folder of your own";
  }
  return {fmt::format("{}: {}", context, text), remedy};
}

inline git_oid to_git(const Oid& id) {
  git_oid raw{};
  std::copy(id.bytes.begin(), id.bytes.end(), raw.id);
  return raw;
}

inline Oid from_git(const git_oid& raw) {
  Oid id;
  std::copy(raw.id, raw.id + id.bytes.size(), id.bytes.begin());
  return id;
}

/// Owns any libgit2 object: Held<git_tree, git_tree_free>.
template <class T, void (*release)(T*)>
struct Released {
  void operator()(T* object) const { release(object); }
};
template <class T, void (*release)(T*)>
using Held = std::unique_ptr<T, Released<T, release>>;

/// The entries of an index without conflicts as a tree: those that are wanted, or (null) all.
dsl::Result<Oid> write_index(Objects& objects,
                             git_index* index,
                             bool (*is_wanted)(const git_index_entry&) = nullptr);

}  // namespace runner::git
