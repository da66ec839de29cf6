#include "runner/store/own_commits.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "dsl/commit_message.h"
#include "dsl/conventional_commit.h"
#include "runner/run/flagged.h"
#include "runner/store/protected.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"
#include "runner/sys/git_job.h"

namespace runner {
namespace {

using git::Commit;
using git::Entries;
using git::Entry;
using git::Kind;
using git::Oid;
using git::OidHash;

constexpr std::size_t kMostCommits = 1'000;
constexpr std::size_t kMostObjects = 100'000;
constexpr std::size_t kMostParents = 16;
constexpr std::size_t kLongestMessage = 16 << 10;
constexpr std::size_t kLongestPerson = 120;

/// One line without control characters; of one that hides something, or is no UTF-8, ASCII only.
std::string clean(std::string_view line) {
  std::string kept;
  for (const char c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      kept += c;
    } else if (c == '\t') {
      kept += ' ';
    }
  }
  if (is_deceptive(kept)) {
    std::replace_if(
        kept.begin(),
        kept.end(),
        [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
        '?');
  }
  return kept;
}

/// "Name <email>" as the job says it is, with nothing that could be more than that.
std::string person_of(const std::string& claimed, const std::string& otherwise) {
  const std::size_t open = claimed.rfind('<');
  const std::size_t close = claimed.rfind('>');
  if (open == std::string::npos || close == std::string::npos || close < open) {
    return otherwise;
  }
  const auto part = [](std::string_view text) {
    std::string kept = clean(text);
    std::erase_if(kept, [](char c) { return c == '<' || c == '>'; });
    kept = kept.substr(0, kLongestPerson);
    const std::size_t first = std::min(kept.find_first_not_of(' '), kept.size());
    kept.erase(0, first);
    kept.erase(kept.find_last_not_of(' ') + 1);
    return kept;
  };
  const std::string name = part(std::string_view(claimed).substr(0, open));
  const std::string mail = part(std::string_view(claimed).substr(open + 1, close - open - 1));
  return name.empty() ? otherwise : fmt::format("{} <{}>", name, mail);
}

/// Without trailers that are ours to write.
std::string message_of(const std::string& claimed) {
  const std::string_view text = std::string_view(claimed).substr(0, kLongestMessage);
  std::string cleaned;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    cleaned += clean(text.substr(at, end - at)) + "\n";
    at = end + 1;
  }
  std::string kept = dsl::without_our_trailers(cleaned);
  const std::size_t first = std::min(kept.find_first_not_of(" \t\n"), kept.size());
  kept.erase(0, first);
  kept.erase(kept.find_last_not_of(" \t\n") + 1);
  return kept.empty() ? "(no message)" : kept;
}

class Taking {
 public:
  Taking(git::Objects& objects, const OwnCommitsRequest& request, git::LeftRepository& left)
      : objects_(objects), request_(request), left_(left) {}

  /// An Error: see `is_ours_`.
  dsl::Result<OwnCommits> take() {
    OwnCommits taken;
    const auto head = left_.head();
    if (!head) {
      return head.error();
    }
    if (*head == request_.base) {
      return taken;
    }
    auto order = in_order(*head);
    auto given = order ? note_given(request_.input.files, 0) : dsl::Status(order.error());
    if (!given) {
      return given.error();
    }
    made_.emplace(request_.base, Made{request_.base, request_.input.files});
    for (const auto& [id, commit] : *order) {
      auto made = make(commit);
      if (!made) {
        return made.error();
      }
      if (made->tree != request_.input.files) {
        taken.trees.push_back(made->tree);
      }
      made_.emplace(id, *made);
    }
    const Made& last = made_.at(*head);
    if (last.commit != request_.base) {
      taken.head = last.commit;
    }
    return taken;
  }

  /// Whether the Error that `take` returned is the system's rather than the job's.
  [[nodiscard]] bool is_ours() const { return is_ours_; }

 private:
  struct Made {
    Oid commit;
    Oid tree;
  };

  template <class T>
  T ours(T result) {
    is_ours_ = is_ours_ || !result;
    return result;
  }

  static dsl::Error wrong(std::string what) { return {std::move(what), ""}; }

  /// Parents come first.
  dsl::Result<std::vector<std::pair<Oid, Commit>>> in_order(const Oid& head) {
    std::vector<std::pair<Oid, Commit>> order;
    std::unordered_map<Oid, Commit, OidHash> read;
    std::unordered_set<Oid, OidHash> done{request_.base};
    std::vector<Oid> ahead{head};
    while (!ahead.empty()) {
      const Oid id = ahead.back();
      if (done.contains(id)) {
        ahead.pop_back();
        continue;
      }
      auto known = read.find(id);
      if (known == read.end()) {
        if (read.size() == kMostCommits) {
          return wrong(fmt::format("they are more than {}", kMostCommits));
        }
        auto commit = left_.read_commit(id);
        if (!commit) {
          return commit.error();
        }
        if (commit->parents.empty()) {
          return wrong("they do not stand on what the task began from");
        }
        if (commit->parents.size() > kMostParents) {
          return wrong("one of them has too many parents");
        }
        known = read.emplace(id, *std::move(commit)).first;
        for (const Oid& parent : known->second.parents) {
          if (!done.contains(parent)) {
            ahead.push_back(parent);
          }
        }
        continue;
      }
      // Its parents are done. (No object can be part of its own history.)
      order.emplace_back(id, known->second);
      done.insert(id);
      ahead.pop_back();
    }
    return order;
  }

  /// All that the job was given needs no second look.
  dsl::Status note_given(const Oid& tree, int depth) {
    if (depth > kMaxTreeDepth || !given_.insert(tree).second) {
      return dsl::Ok{};
    }
    auto entries = ours(objects_.read_tree(tree));
    if (!entries) {
      return entries.error();
    }
    for (const Entry& entry : *entries) {
      if (entry.kind != Kind::Folder) {
        given_.insert(entry.id);
      } else if (auto noted = note_given(entry.id, depth + 1); !noted) {
        return noted;
      }
    }
    return dsl::Ok{};
  }

  dsl::Status take_tree(const Oid& id, int depth) {
    if (id == git::empty_tree() || given_.contains(id)) {
      return dsl::Ok{};
    }
    if (depth >= kMaxTreeDepth) {
      return wrong("folders in one of them are nested too deeply");
    }
    if (auto counted = count(id); !counted) {
      return counted;
    }
    auto entries = left_.read_tree(id);
    if (!entries) {
      return entries.error();
    }
    std::set<std::string_view> names;
    for (const Entry& entry : *entries) {
      const std::string shown = files::printable(entry.name.substr(0, 80));
      if (!git::is_safe_name(entry.name) || !names.insert(entry.name).second) {
        return wrong(fmt::format("one of them has a file of the name '{}'", shown));
      }
      dsl::Status taken = dsl::Ok{};
      if (entry.kind == Kind::Folder) {
        taken = take_tree(entry.id, depth + 1);
      } else if (entry.kind == Kind::Submodule) {
        taken = given_.contains(entry.id)
                    ? taken
                    : wrong(fmt::format("one of them has the repository '{}' in it", shown));
      } else {
        taken = take_blob(entry.id, shown);
      }
      if (!taken) {
        return taken;
      }
    }
    auto written = ours(objects_.write_tree(*std::move(entries)));
    if (!written) {
      return written.error();
    }
    if (*written != id) {
      return wrong(fmt::format("tree {} is broken", git::to_hex(id)));
    }
    given_.insert(id);
    return dsl::Ok{};
  }

  dsl::Status take_blob(const Oid& id, const std::string& name) {
    if (given_.contains(id)) {
      return dsl::Ok{};
    }
    if (auto counted = count(id); !counted) {
      return counted;
    }
    auto bytes = left_.read_blob(id);
    if (!bytes) {
      return bytes.error();
    }
    // A later one may have removed it: then nobody would see it, and all could read it.
    if (request_.secrets.is_in(*bytes)) {
      return wrong(fmt::format("'{}' of one of them has the value of a secret", name));
    }
    auto written = ours(objects_.write_blob(*bytes));
    if (!written) {
      return written.error();
    }
    given_.insert(id);
    return dsl::Ok{};
  }

  dsl::Status count(const Oid& /*id*/) {
    return ++objects_taken_ <= kMostObjects
               ? dsl::Status(dsl::Ok{})
               : wrong(fmt::format("they have more than {} objects", kMostObjects));
  }

  dsl::Result<Made> make(const Commit& left) {
    if (auto taken = take_tree(left.tree, 0); !taken) {
      return taken.error();
    }
    Halves files{left.tree, request_.input.artifacts};
    if (!request_.protect.empty()) {
      auto allowed = ours(put_back(objects_, files, request_.protect, request_.input));
      if (!allowed) {
        return allowed.error();
      }
      files = *allowed;
    }
    Commit commit;
    commit.tree = files.files;
    for (const Oid& parent : left.parents) {
      const Oid& made = made_.at(parent).commit;
      if (std::find(commit.parents.begin(), commit.parents.end(), made) == commit.parents.end()) {
        commit.parents.push_back(made);
      }
    }
    const Made& first = made_.at(left.parents.front());
    if (commit.parents.size() == 1 && first.tree == commit.tree) {
      return first;  // nothing in it that is taken
    }
    // Before and after: a value that something stood within is whole once that is gone.
    const Masking& secrets = request_.secrets;
    commit.message = secrets.masked(message_of(secrets.masked(left.message)));
    if (const auto problem = dsl::conventional_problem(commit.message);
        request_.conventional && problem) {
      return wrong(problem->message);
    }
    commit.author = secrets.masked(person_of(secrets.masked(left.author), request_.committer));
    commit.committer = request_.committer;
    commit.time_s = std::clamp<std::int64_t>(left.time_s, 0, request_.latest_s);
    auto written = ours(objects_.write_commit(commit));
    if (!written) {
      return written.error();
    }
    return Made{*written, commit.tree};
  }

  git::Objects& objects_;
  const OwnCommitsRequest& request_;
  git::LeftRepository& left_;
  std::unordered_set<Oid, OidHash> given_;
  std::unordered_map<Oid, Made, OidHash> made_;
  std::size_t objects_taken_ = 0;
  bool is_ours_ = false;
};

}  // namespace

dsl::Result<OwnCommits> take_own_commits(git::Objects& objects, const OwnCommitsRequest& request) {
  OwnCommits none;
  auto left = git::LeftRepository::open(request.folder, request.copies);
  if (!left) {
    none.problem = left.error().message;
    return none;
  }
  Taking taking(objects, request, *left);
  auto taken = taking.take();
  if (!taken && !taking.is_ours()) {
    none.problem = taken.error().message;
    return none;
  }
  return taken;
}

}  // namespace runner
