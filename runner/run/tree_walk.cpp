#include "runner/run/tree_walk.h"

#include <optional>
#include <utility>
#include <vector>

namespace runner {
namespace {

constexpr std::size_t kMostLinks = 40;  // as Linux has it

class Walk {
 public:
  explicit Walk(const TreeLookup& tree) : tree_(tree) {}

  dsl::Result<Led> to(const std::string& path) {
    const auto kind = tree_.kind_of(path);
    if (!kind) {
      return kind.error();
    }
    if (*kind == PathKind::File || *kind == PathKind::Folder) {
      here_ = path;
      return found(*kind);
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
    return found(PathKind::Folder);
  }

 private:
  using End = std::optional<Led>;  // no value: go on

  [[nodiscard]] Led found(PathKind kind) const {
    return {kind, false, kind == PathKind::File ? "" : "a folder, not a file", here_, links_};
  }
  [[nodiscard]] Led outside() const {
    return {PathKind::Absent, true, "a link leads out of the workspace", "", links_};
  }
  [[nodiscard]] Led nowhere(std::string why) const {
    Led led{PathKind::Absent, false, std::move(why), here_, links_};
    for (auto name = ahead_.rbegin(); name != ahead_.rend(); ++name) {
      led.path += (led.path.empty() ? "" : "/") + *name;
    }
    return led;
  }

  void add(const std::string& path) {
    for (std::size_t end = path.size(); end != std::string::npos;) {
      const std::size_t slash = end == 0 ? std::string::npos : path.rfind('/', end - 1);
      const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
      ahead_.push_back(path.substr(begin, end - begin));
      end = slash;
    }
  }

  dsl::Result<End> step(const std::string& name) {
    if (name.empty() || name == ".") {
      return End();
    }
    if (name == "..") {
      return up();
    }
    const std::string next = here_.empty() ? name : here_ + "/" + name;
    const auto kind = tree_.kind_of(next);
    if (!kind) {
      return kind.error();
    }
    if (*kind == PathKind::Link) {
      return follow_link(next);
    }
    const bool is_end = ahead_.empty();
    here_ = next;
    if (*kind == PathKind::Absent || (*kind == PathKind::File && !is_end)) {
      return End(nowhere(links_.empty() ? "no such file" : "a link leads to nothing"));
    }
    return *kind == PathKind::File ? End(found(PathKind::File)) : End();
  }

  End up() {
    if (here_.empty()) {
      return outside();
    }
    const std::size_t slash = here_.rfind('/');
    here_.erase(slash == std::string::npos ? 0 : slash);
    return End();
  }

  dsl::Result<End> follow_link(const std::string& link) {
    const auto target = tree_.target_of(link);
    if (!target) {
      return target.error();
    }
    links_.push_back(link);
    if (links_.size() > kMostLinks) {
      return End(nowhere("links lead in a circle"));
    }
    if (target->starts_with('/')) {
      return End(outside());
    }
    add(*target);
    return End();
  }

  const TreeLookup& tree_;
  std::vector<std::string> ahead_;  // names still to go, the next one last
  std::string here_;                // a folder; "" the workspace
  std::vector<std::string> links_;  // followed so far
};

}  // namespace

dsl::Result<Led> lead(const TreeLookup& tree, const std::string& path) {
  return Walk(tree).to(path);
}

dsl::Result<Reached> follow(Trees& trees, const TreeRef& tree, const std::string& path) {
  const TreeLookup lookup{
      [&](const std::string& there) { return trees.kind_of(tree, there); },
      [&](const std::string& link) -> dsl::Result<std::string> {
        auto read = trees.read_file(tree, link, kMostOfAFile);
        return read ? dsl::Result<std::string>(read->has_value() ? (*read)->bytes : "")
                    : read.error();
      }};
  auto led = lead(lookup, path);
  if (!led) {
    return led.error();
  }
  Reached reached{led->kind, led->leads_out, std::move(led->why_not), {}};
  if (led->kind != PathKind::File) {
    return reached;
  }
  auto file = trees.read_file(tree, led->path, kMostOfAFile);
  if (!file) {
    return file.error();
  }
  if (!file->has_value()) {
    return Reached{PathKind::Absent, false, "no such file", {}};
  }
  reached.file = **std::move(file);
  return reached;
}

}  // namespace runner
