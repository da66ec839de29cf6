#pragma once

// What many workspaces share: whole trees laid out once a store ("bases"), and what differs between
// a base and another tree, once a run ("layers"). Jobs see them as the lower folders of an overlay;
// nothing ever writes to them after they have their final name, and equal files of two of them are
// one file (hard links).
//
//   <bases>/<tree>-<boot>/          all files
//   <bases>/<tree>.lock             held shared by those who use it; its date is the last use
//   <layers>/<tree>@<base>-<boot>/  what has to lie above the base
//
// They are not flushed to the disk one by one: what was made before the machine started last is
// made again. Any thread; several processes may share the bases.

#include <memory>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/git.h"
#include "runner/sys/locks.h"

namespace runner {

class Layers {
 public:
  /// `bases` is the store's folder, `layers` the run's; both are made when needed.
  Layers(std::string bases, std::string layers);

  /// Folders that together show `tree`, topmost first: absolute, on one file system each. They stay
  /// until this object is destroyed and the run's folder removed.
  dsl::Result<std::vector<std::string>> folders_for(git::Objects& objects, const git::Oid& tree);

  /// Removes bases that nobody uses, all but the `keep` used last. Returns how many.
  static dsl::Result<int> remove_unused(const std::string& bases, std::size_t keep);

 private:
  [[nodiscard]] std::string base_path(const git::Oid& tree) const;
  [[nodiscard]] bool has_base(const git::Oid& tree) const;
  dsl::Status use_base(git::Objects& objects, const git::Oid& tree);
  dsl::Status build_base(git::Objects& objects, const git::Oid& tree) const;
  [[nodiscard]] std::string layer_path(const git::Oid& base, const git::Oid& tree) const;
  dsl::Result<std::string> use_layer(git::Objects& objects,
                                     const git::Oid& base,
                                     const git::Oid& tree) const;
  [[nodiscard]] std::vector<git::Oid> candidates() const;

  const std::string bases_;
  const std::string layers_;
  const std::string boot_;  // which start of the machine this is
  LockSet locks_;
};

}  // namespace runner
