#include "runner/store/verified_history.h"

#include <utility>

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
    auto left = git::parse_oid(one.left);
    auto from = git::parse_oid(one.input);
    if (!left || !from) {
      return left ? from.error() : left.error();
    }
    history.verified_.emplace(*left, Verified{*from, one.message});
  }
  return history;
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
  if (commit && found != verified_.end()) {
    commit->parents = {found->second.input};
    commit->message = found->second.message;
  }
  return commit;
}

}  // namespace runner
