#include "runner/store/verified_history.h"

#include <utility>

#include "dsl/commit_message.h"

namespace runner {

using git::Commit;
using git::Oid;

dsl::Result<VerifiedHistory> VerifiedHistory::make(git::Objects& objects,
                                                   const std::string& input,
                                                   const std::vector<VerifiedCommit>& verified) {
  VerifiedHistory history(objects);
  auto first = git::parse_oid(input);
  if (!first) {
    return first.error();
  }
  history.commits_.emplace(*first, *first);
  for (const VerifiedCommit& one : verified) {
    if (auto added = history.add(one); !added) {
      return added.error();
    }
  }
  return history;
}

namespace {

/// No commit that a job made by itself has a trailer of ours.
bool is_the_runners(const Commit& commit) {
  return commit.message.find("\nPipe-Run: ") != std::string::npos;
}

}  // namespace

dsl::Status VerifiedHistory::add(const VerifiedCommit& one) {
  auto left = git::parse_oid(one.left);
  auto from = git::parse_oid(one.input);
  if (!left || !from) {
    return left ? from.error() : left.error();
  }
  if (one.merges) {
    auto merge = objects_->read_commit(*from);
    if (!merge) {
      return merge.error();
    }
    Verified resolved{merge->parents, dsl::with_trailers(one.message, one.trailers), "", false};
    verified_.emplace(*left, std::move(resolved));
    return dsl::Ok{};
  }
  std::vector<Oid> own;
  std::vector<Oid> attempts;
  std::unordered_set<Oid, git::OidHash> seen{*from};
  std::vector<Oid> ahead{*left};
  bool stands_on_input = true;
  while (!ahead.empty()) {
    const Oid id = ahead.back();
    ahead.pop_back();
    if (!seen.insert(id).second) {
      continue;
    }
    auto commit = objects_->read_commit(id);
    if (!commit) {
      return commit.error();
    }
    // What was adopted, or begun elsewhere, does not lead back to it.
    stands_on_input = stands_on_input && objects_->owns(id) && !commit->parents.empty();
    if (!stands_on_input) {
      break;
    }
    (is_the_runners(*commit) ? attempts : own).push_back(id);
    ahead.insert(ahead.end(), commit->parents.begin(), commit->parents.end());
  }
  Verified verified{{*from}, dsl::with_trailers(one.message, one.trailers), "", false};
  const bool has_own = stands_on_input && !own.empty();
  if (has_own) {
    verified.keeps_parents = true;
    if (own.front() == *left) {
      verified.message.clear();
      verified.trailers = one.trailers;
    }
    for (const Oid& id : own) {
      own_.emplace(id, one.origin);
    }
    for (const Oid& id : attempts) {
      if (id != *left) {
        attempts_.insert(id);
      }
    }
  }
  verified_.emplace(*left, std::move(verified));
  return dsl::Ok{};
}

dsl::Result<std::string> VerifiedHistory::commit(const std::string& made) {
  auto last = git::parse_oid(made);
  if (!last) {
    return last.error();
  }
  std::vector<Oid> pending{*last};
  while (!pending.empty()) {
    const Oid id = pending.back();
    if (commits_.contains(id)) {
      pending.pop_back();
      continue;
    }
    if (!objects_->owns(id)) {  // the repository's own
      commits_.emplace(id, id);
      continue;
    }
    auto commit = read(id);
    if (!commit) {
      return commit.error();
    }
    const std::size_t known = pending.size();
    for (Oid& parent : commit->parents) {
      const auto found = commits_.find(parent);
      if (found == commits_.end()) {
        pending.push_back(parent);
      } else {
        parent = found->second;
      }
    }
    if (pending.size() > known) {
      continue;
    }
    if (attempts_.contains(id)) {
      commits_.emplace(id, commit->parents.front());
      continue;
    }
    auto written = objects_->write_commit(*commit);
    if (!written) {
      return written.error();
    }
    commits_.emplace(id, *written);
  }
  return git::to_hex(commits_.at(*last));
}

dsl::Result<Commit> VerifiedHistory::read(const Oid& id) const {
  auto commit = objects_->read_commit(id);
  const auto found = verified_.find(id);
  if (!commit) {
    return commit;
  }
  if (found == verified_.end()) {
    const auto own = own_.find(id);
    if (own != own_.end()) {
      commit->message = dsl::with_trailers(commit->message, own->second);
    }
    return commit;
  }
  const Verified& verified = found->second;
  if (!verified.keeps_parents) {
    commit->parents = verified.parents;
  }
  commit->message = verified.message.empty()
                        ? dsl::with_trailers(commit->message, verified.trailers)
                        : verified.message;
  return commit;
}

}  // namespace runner
