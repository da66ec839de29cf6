#pragma once

// Parts of a plan in words, each on one line: shared by the exports. Internal to them. Any thread.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/plan.h"

namespace dsl::export_words {

/// At most `columns` code points; what was cut off is told by "…".
std::string shortened(std::string_view text, std::size_t columns);

/// Where a line of at most `columns` code points ends: before a blank where there is one.
std::size_t line_end(std::string_view text, std::size_t columns);

/// Holes as ${{ expression }}.
std::string text_of(const Template& text);

/// What a command runs: of a script its first line with something in it (and "…" where more
/// follows), with the expressions in place of the variables that stand for them.
std::string command_line(const Command& command, const std::vector<EnvVar>& env);

/// "debian:bookworm-slim", "rootfs images/x", "build Dockerfile", "host".
std::string image(const Image& image);

/// "2 cpus", "4GiB memory", …; empty where nothing is asked for.
std::vector<std::string> resources(const Resources& resources);

/// "$5", "80 turns", "45m", …
std::vector<std::string> budget(const Budget& budget);

/// "GET http://… is 403", "file report.txt exists", …
std::string check(const Criterion& criterion);

/// What a reader of the plan must not overlook: the node can reach beyond its own copy of the tree.
std::vector<std::string> dangers(const PlanNode& node);

/// Its name, where its value comes from and who gets it.
std::string secret(const Secret& secret);

std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// For each phase its nodes, the gate among them, in the order of the plan.
std::vector<std::vector<NodeIndex>> nodes_by_phase(const Plan& plan);

/// The nodes of the path that takes longest: by `expect` where any node has one, else by number.
struct CriticalPath {
  std::vector<NodeIndex> nodes;  // in order
  Duration expect{0};            // 0: no node says
};
CriticalPath critical_path(const Plan& plan);

}  // namespace dsl::export_words
