#include "dsl/commit_message.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

using Name = std::pair<std::string_view, std::string CommitNames::*>;

constexpr std::array kNames = {
    Name{"task", &CommitNames::task},
    Name{"phase", &CommitNames::phase},
    Name{"description", &CommitNames::description},
    Name{"pipeline", &CommitNames::pipeline},
    Name{"run", &CommitNames::run},
};

/// The next "${name}" from `at` on. `begin` is npos where there is none.
struct Hole {
  std::size_t begin = std::string_view::npos;
  std::size_t end = 0;
  std::string_view name;
};

Hole next_hole(std::string_view text, std::size_t at) {
  constexpr std::string_view kOfNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-";
  for (std::size_t begin = text.find("${", at); begin != std::string_view::npos;
       begin = text.find("${", begin + 2)) {
    const std::size_t close = text.find_first_not_of(kOfNames, begin + 2);
    if (close != std::string_view::npos && text[close] == '}' && close > begin + 2) {
      return {begin, close + 1, text.substr(begin + 2, close - begin - 2)};
    }
  }
  return {};
}

const Name* find_name(std::string_view name) {
  const auto* found = std::find_if(
      kNames.begin(), kNames.end(), [&](const Name& one) { return one.first == name; });
  return found == kNames.end() ? nullptr : found;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

/// Git takes the names of trailers without regard to case.
bool is_trailer_of_ours(std::string_view line) {
  constexpr std::string_view kOurs = "pipe-";
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  return line.size() >= kOurs.size() &&
         std::equal(kOurs.begin(), kOurs.end(), line.begin(), [](char ours, char c) {
           return ours == (c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
         });
}

}  // namespace

std::string without_our_trailers(std::string_view message) {
  std::string kept;
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    if (!is_trailer_of_ours(line)) {
      kept += line;
      kept += line.size() < message.size() ? "\n" : "";
    }
    message.remove_prefix(std::min(line.size() + 1, message.size()));
  }
  return kept;
}

std::string branch_of(const std::string& pipeline, const RunId& run) {
  return "pipe/" + pipeline + "/" + run.value;
}

std::optional<Error> commit_template_problem(std::string_view text) {
  if (first_line(text).find_first_not_of(" \t\r") == std::string_view::npos) {
    return Error{"the first line of a commit message is empty",
                 "write what the commit does, as in \"${task}: ${description}\""};
  }
  if (without_our_trailers(text) != text) {
    return Error{"a line of a commit message begins with 'Pipe-', as the runner's own trailers do",
                 "call it otherwise"};
  }
  for (Hole hole = next_hole(text, 0); hole.begin != std::string_view::npos;
       hole = next_hole(text, hole.end)) {
    if (find_name(hole.name) == nullptr) {
      std::vector<std::string_view> names;
      for (const Name& one : kNames) {
        names.push_back(one.first);
      }
      const std::string meant = did_you_mean(hole.name, names);
      return Error{fmt::format("a commit message knows no {}", quoted(hole.name)),
                   meant.empty()
                       ? "it knows ${task}, ${phase}, ${description}, ${pipeline} and ${run}"
                       : meant};
    }
  }
  return std::nullopt;
}

std::string fill_commit_template(std::string_view text, const CommitNames& names) {
  std::string filled;
  std::size_t at = 0;
  for (Hole hole = next_hole(text, 0); hole.begin != std::string_view::npos;
       hole = next_hole(text, hole.end)) {
    filled += text.substr(at, hole.begin - at);
    const Name* const name = find_name(hole.name);
    std::string value(name == nullptr ? text.substr(hole.begin, hole.end - hole.begin) : "");
    if (name != nullptr) {
      value = names.*(name->second);
      std::replace(value.begin(), value.end(), '\n', ' ');
    }
    filled += value;
    at = hole.end;
  }
  filled += text.substr(at);
  while (!filled.empty() && (filled.back() == '\n' || filled.back() == ' ')) {
    filled.pop_back();
  }
  return filled;
}

namespace {

/// Whether the last paragraph is of trailers ("Signed-off-by: …"), which ours then join.
bool ends_with_trailers(const std::string& message) {
  const std::size_t gap = message.rfind("\n\n");
  if (gap == std::string::npos) {
    return false;
  }
  std::size_t at = gap + 2;
  while (at < message.size()) {
    const std::size_t end = std::min(message.find('\n', at), message.size());
    const std::string line = message.substr(at, end - at);
    const std::size_t colon = line.find(": ");
    if (colon == 0 || colon == std::string::npos || line.find_first_of(" \t") < colon) {
      return false;
    }
    at = end + 1;
  }
  return true;
}

}  // namespace

std::string with_trailers(std::string message, const std::string& trailers) {
  message.erase(message.find_last_not_of('\n') + 1);
  message += ends_with_trailers(message) ? "\n" : "\n\n";
  return message + trailers;
}

std::string commit_subject(const Plan& plan,
                           const PlanNode& node,
                           const NodeId& id,
                           const RunId& run) {
  const std::string description = node.description.empty()
                                      ? "work of phase " + node.phase
                                      : std::string(first_line(node.description));
  const std::string filled = fill_commit_template(
      plan.git.message, {id.value, node.phase, description, plan.name, run.value});
  const std::string kept = without_our_trailers(filled);  // what was filled in may begin a line
  return kept.empty() ? id.value : kept;
}

}  // namespace dsl
