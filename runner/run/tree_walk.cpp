#include "runner/run/tree_walk.h"

#include <optional>
#include <utility>
#include <vector>

namespace runner {
namespace {

constexpr int kMostLinks = 40;  // as Linux has it

Reached nowhere(std::string why) {
  return {PathKind::Absent, false, std::move(why), {}};
}
Reached outside() {
  return {PathKind::Absent, true, "a link leads out of the workspace", {}};
}
Reached folder() {
  return {PathKind::Folder, false, "a folder, not a file", {}};
}

class Walk {
 public:
  Walk(Trees& trees, const TreeRef& tree) : trees_(trees), tree_(tree) {}

  dsl::Result<Reached> to(const std::string& path) {
    const auto kind = trees_.kind_of(tree_, path);
    if (!kind) {
      return kind.error();
    }
    if (*kind == PathKind::File) {
      return read(path);
    }
    if (*kind == PathKind::Folder) {
      return folder();
    }
    add(path);
    while (!ahead_.empty()) {
      const std::string name = std::move(ahead_.back());
      ahead_.pop_back();
      const auto end = step(name);
      if (!end) {
        return end.error();
      }
      if (*end) {
        return **end;
      }
    }
    return folder();
  }

 private:
  using End = std::optional<Reached>;  // no value: go on

  void add(const std::string& path) {
    for (std::size_t end = path.size(); end != std::string::npos;) {
      const std::size_t slash = end == 0 ? std::string::npos : path.rfind('/', end - 1);
      const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
      ahead_.push_back(path.substr(begin, end - begin));
      end = slash;
    }
  }

  dsl::Result<Reached> read(const std::string& path) {
    auto file = trees_.read_file(tree_, path, kMostOfAFile);
    if (!file) {
      return file.error();
    }
    return file->has_value() ? Reached{PathKind::File, false, "", **std::move(file)}
                             : nowhere("no such file");
  }

  dsl::Result<End> step(const std::string& name) {
    if (name.empty() || name == ".") {
      return End();
    }
    if (name == "..") {
      return up();
    }
    const std::string next = here_.empty() ? name : here_ + "/" + name;
    const auto kind = trees_.kind_of(tree_, next);
    if (!kind) {
      return kind.error();
    }
    if (*kind == PathKind::Link) {
      return follow_link(next);
    }
    if (*kind == PathKind::Absent || (*kind == PathKind::File && !ahead_.empty())) {
      return End(nowhere(links_ > 0 ? "a link leads to nothing" : "no such file"));
    }
    if (*kind == PathKind::File) {
      auto file = read(next);
      return file ? dsl::Result<End>(*std::move(file)) : file.error();
    }
    here_ = next;
    return End();
  }

  End up() {
    if (here_.empty()) {
      return outside();
    }
    const std::size_t slash = here_.rfind('/');
    here_.erase(slash == std::string::npos ? 0 : slash);
    return End();
  }

  dsl::Result<End> follow_link(const std::string& path) {
    const auto link = trees_.read_file(tree_, path, kMostOfAFile);
    if (!link) {
      return link.error();
    }
    if (++links_ > kMostLinks) {
      return End(nowhere("links lead in a circle"));
    }
    const std::string target = link->has_value() ? (*link)->bytes : "";
    if (target.starts_with('/')) {
      return End(outside());
    }
    add(target);
    return End();
  }

  Trees& trees_;
  const TreeRef& tree_;
  std::vector<std::string> ahead_;  // names still to go, the next one last
  std::string here_;                // a folder; "" the workspace
  int links_ = 0;                   // followed so far
};

}  // namespace

dsl::Result<Reached> follow(Trees& trees, const TreeRef& tree, const std::string& path) {
  return Walk(trees, tree).to(path);
}

}  // namespace runner
