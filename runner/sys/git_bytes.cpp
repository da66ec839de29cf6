// The bytes of git's objects, without libgit2: declared in git.h and git_bytes.h.

#include "runner/sys/git_bytes.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "runner/sys/files.h"

namespace runner::git {
namespace {

struct ModeName {
  Kind kind;
  std::string_view text;
};
constexpr std::array<ModeName, 5> kModes{{{Kind::File, "100644"},
                                          {Kind::Executable, "100755"},
                                          {Kind::Link, "120000"},
                                          {Kind::Folder, "40000"},
                                          {Kind::Submodule, "160000"}}};

std::string_view mode_text(Kind kind) {
  for (const ModeName& mode : kModes) {
    if (mode.kind == kind) {
      return mode.text;
    }
  }
  return "100644";
}

/// Git sorts folders as if their names ended with '/'.
bool comes_before(const Entry& a, const Entry& b) {
  const std::size_t common = std::min(a.name.size(), b.name.size());
  const int order = std::memcmp(a.name.data(), b.name.data(), common);
  if (order != 0) {
    return order < 0;
  }
  const auto next = [&](const Entry& entry) {
    if (entry.name.size() > common) {
      return static_cast<unsigned char>(entry.name[common]);
    }
    return static_cast<unsigned char>(entry.kind == Kind::Folder ? '/' : '\0');
  };
  return next(a) < next(b);
}

}  // namespace

std::string to_hex(const Oid& id) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * id.bytes.size());
  for (const std::uint8_t byte : id.bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::optional<Oid> from_hex(std::string_view text) {
  Oid id;
  if (text.size() != 2 * id.bytes.size()) {
    return std::nullopt;
  }
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') {
      return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  for (std::size_t i = 0; i < id.bytes.size(); ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    id.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return id;
}

dsl::Result<Oid> parse_oid(std::string_view text) {
  if (const auto id = from_hex(text)) {
    return *id;
  }
  return dsl::Error{fmt::format("'{}' is no object id", files::printable(text.substr(0, 80))), ""};
}

Oid empty_tree() {
  return *from_hex("4b825dc642cb6eb9a060e54bf8d69288fbee4904");
}

namespace {

/// Without regard to the case of ASCII letters; `lower` has no others.
bool is_same_word(std::string_view word, std::string_view lower) {
  return word.size() == lower.size() &&
         std::equal(word.begin(), word.end(), lower.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + ('a' - 'A')) : a) == b;
         });
}

/// The name as macOS (HFS+) compares it: characters that do not show count for nothing.
std::string shown_on_a_mac(std::string_view name) {
  // U+200C to U+200F, U+202A to U+202E, U+206A to U+206F, U+FEFF, in UTF-8.
  std::string shown;
  for (std::size_t at = 0; at < name.size();) {
    const std::string_view rest = name.substr(at);
    const auto byte = [&rest](std::size_t i) { return static_cast<unsigned char>(rest[i]); };
    const bool is_hidden =
        rest.size() >= 3 &&
        ((byte(0) == 0xe2 && byte(1) == 0x80 &&
          ((byte(2) >= 0x8c && byte(2) <= 0x8f) || (byte(2) >= 0xaa && byte(2) <= 0xae))) ||
         (byte(0) == 0xe2 && byte(1) == 0x81 && byte(2) >= 0xaa && byte(2) <= 0xaf) ||
         (byte(0) == 0xef && byte(1) == 0xbb && byte(2) == 0xbf));
    if (!is_hidden) {
      shown += rest.front();
    }
    at += is_hidden ? 3 : 1;
  }
  return shown;
}

/// The name that Windows (NTFS) opens: up to a stream's colon or a backslash, without dots and
/// blanks at its end.
std::string_view opened_on_windows(std::string_view name) {
  name = name.substr(0, name.find_first_of(":\\"));
  return name.substr(0, name.find_last_not_of(". ") + 1);
}

/// Some system takes it for the folder of a repository. As git's core.protectHFS and protectNTFS,
/// wherever we are: a result goes to other machines.
bool is_taken_for_git(std::string_view name) {
  const std::string_view windows = opened_on_windows(name);
  return is_same_word(windows, ".git") || is_same_word(windows, "git~1") ||
         is_same_word(shown_on_a_mac(name), ".git");
}

}  // namespace

bool is_safe_name(std::string_view name) {
  const bool is_path = name.empty() || name == "." || name == ".." ||
                       name.find_first_of(std::string_view("/\0", 2)) != std::string_view::npos;
  return !is_path && !is_taken_for_git(name);
}

std::optional<Kind> kind_of(std::string_view mode) {
  if (mode == "040000") {
    return Kind::Folder;  // written by very old tools
  }
  if (mode == "100664") {
    return Kind::File;
  }
  for (const ModeName& known : kModes) {
    if (known.text == mode) {
      return known.kind;
    }
  }
  return std::nullopt;
}

dsl::Error missing(const Oid& id) {
  return {fmt::format("object {} is missing", to_hex(id)),
          "the store is damaged, or the repository is an incomplete clone: fetch it whole"};
}

dsl::Result<Entries> parse_tree(const Oid& id, std::string_view bytes) {
  Entries entries;
  while (!bytes.empty()) {
    const std::size_t space = bytes.find(' ');
    const std::size_t nul = bytes.find('\0');
    const auto kind = space < nul ? kind_of(bytes.substr(0, space)) : std::nullopt;
    if (!kind || nul == std::string_view::npos || bytes.size() - nul - 1 < sizeof(Oid::bytes)) {
      return dsl::Error{fmt::format("tree {} is broken", to_hex(id)),
                        "check the repository with 'git fsck'"};
    }
    Entry entry;
    entry.name = bytes.substr(space + 1, nul - space - 1);
    entry.kind = *kind;
    std::memcpy(entry.id.bytes.data(), bytes.data() + nul + 1, sizeof(Oid::bytes));
    entries.push_back(std::move(entry));
    bytes.remove_prefix(nul + 1 + sizeof(Oid::bytes));
  }
  return entries;
}

std::string loose_name(const Oid& id) {
  std::string name = to_hex(id);
  name.insert(2, 1, '/');
  return name;
}

dsl::Result<Commit> parse_commit(const Oid& id, std::string_view rest) {
  const dsl::Error broken{fmt::format("commit {} is broken", to_hex(id)),
                          "check the repository with 'git fsck'"};
  Commit commit;
  bool has_tree = false;
  while (!rest.empty() && rest.front() != '\n') {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto object = [&](std::string_view label) { return from_hex(line.substr(label.size())); };
    if (line.starts_with("tree ")) {
      const auto tree = object("tree ");
      if (!tree) {
        return broken;
      }
      commit.tree = *tree;
      has_tree = true;
    } else if (line.starts_with("parent ")) {
      const auto parent = object("parent ");
      if (!parent) {
        return broken;
      }
      commit.parents.push_back(*parent);
    } else if (line.starts_with("author ")) {
      commit.author = line.substr(7, line.rfind('>') - 6);
    } else if (line.starts_with("committer ")) {
      const std::size_t close = line.rfind("> ");
      if (close != std::string_view::npos) {
        const std::string_view committer = line.substr(10, close - 9);
        commit.committer = committer == commit.author ? "" : committer;
        commit.time_s = std::strtoll(std::string(line.substr(close + 2)).c_str(), nullptr, 10);
      }
    }
  }
  if (!has_tree) {
    return broken;
  }
  commit.message = rest.empty() ? rest : rest.substr(1);
  return commit;
}

std::string tree_bytes(Entries entries) {
  std::sort(entries.begin(), entries.end(), comes_before);
  std::string bytes;
  for (const Entry& entry : entries) {
    bytes += mode_text(entry.kind);
    bytes += ' ';
    bytes += entry.name;
    bytes += '\0';
    bytes.append(entry.id.bytes.begin(), entry.id.bytes.end());
  }
  return bytes;
}

std::string commit_bytes(const Commit& commit) {
  std::string bytes = fmt::format("tree {}\n", to_hex(commit.tree));
  for (const Oid& parent : commit.parents) {
    bytes += fmt::format("parent {}\n", to_hex(parent));
  }
  bytes += fmt::format("author {0} {1} +0000\ncommitter {2} {1} +0000\n\n{3}",
                       commit.author,
                       commit.time_s,
                       commit.committer.empty() ? commit.author : commit.committer,
                       commit.message);
  if (!bytes.ends_with('\n')) {
    bytes += '\n';
  }
  return bytes;
}

}  // namespace runner::git
