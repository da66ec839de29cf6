#include "runner/store/behind_links.h"

#include <algorithm>
#include <utility>

#include "dsl/glob.h"
#include "runner/run/tree_walk.h"
#include "runner/store/protected.h"
#include "runner/store/tree_paths.h"
#include "runner/store/tree_reading.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

/// The arguments outlive it.
TreeLookup lookup_in(Objects& objects, const Halves& both) {
  return {[&](const std::string& path) { return kind_of(objects, both, path); },
          [&](const std::string& link) -> dsl::Result<std::string> {
            auto read = read_file(objects, both, link, kMostOfAFile);
            if (!read) {
              return read.error();
            }
            return read->has_value() ? std::move((*read)->bytes) : std::string();
          }};
}

/// The folder of a pattern that is written out: "tests" of "tests/**", "" of "*.lock".
std::string written_folder(const std::string& pattern) {
  const std::size_t special = pattern.find_first_of("*?[\\");
  const std::size_t slash = pattern.rfind('/', special);
  return slash == std::string::npos ? "" : pattern.substr(0, slash);
}

}  // namespace

dsl::Result<std::vector<std::string>> behind_links(Objects& objects,
                                                   const Halves& both,
                                                   const std::vector<std::string>& paths) {
  const TreeLookup tree = lookup_in(objects, both);
  std::vector<std::string> all = paths;
  const auto add = [&](const std::string& path) {
    if (!path.empty() && std::find(all.begin(), all.end(), path) == all.end()) {
      all.push_back(path);
    }
  };
  const auto add_where = [&](const std::string& path, const std::string& rest) -> dsl::Status {
    auto led = lead(tree, path);
    if (!led) {
      return led.error();
    }
    for (const std::string& link : led->links) {
      add(link);
    }
    if (!led->links.empty() && !led->leads_out) {
      add(led->path.empty() ? rest.substr(std::min<std::size_t>(rest.size(), 1))
                            : led->path + rest);
    }
    return dsl::Ok{};
  };
  for (const std::string& written : paths) {
    const auto path = plain_path(written);
    if (!path) {
      return path.error();
    }
    auto done = add_where(*path, "");
    if (const std::string folder = written_folder(*path); is_pattern(*path) && !folder.empty()) {
      done = done ? add_where(folder, path->substr(folder.size())) : done;
    }
    if (!done) {
      return done.error();
    }
  }
  return all;
}

dsl::Result<std::vector<LinkBeyond>> links_beyond(Objects& objects,
                                                  const Halves& both,
                                                  const std::vector<std::string>& paths) {
  const TreeLookup tree = lookup_in(objects, both);
  const dsl::GlobSet covered(paths);
  std::vector<LinkBeyond> found;
  for (const Oid& half : {both.files, both.artifacts}) {
    auto walked = for_each_entry(
        objects, half, [&](const std::string& path, const Entry& entry) -> dsl::Status {
          const bool is_followed = std::find(paths.begin(), paths.end(), path) != paths.end();
          if (entry.kind != Kind::Link || is_followed || !covered.matches(path)) {
            return dsl::Ok{};
          }
          auto led = lead(tree, path);
          if (!led) {
            return led.error();
          }
          if (led->kind != PathKind::Absent && !led->path.empty() && !covered.matches(led->path)) {
            found.push_back({path, std::move(led->path)});
          }
          return dsl::Ok{};
        });
    if (!walked) {
      return walked.error();
    }
  }
  return found;
}

}  // namespace runner
