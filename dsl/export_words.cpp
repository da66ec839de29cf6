#include "dsl/export_words.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <variant>

#include <fmt/format.h>

#include "dsl/plan_words.h"

namespace dsl::export_words {
namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80;
}

/// The program of the script kind: {"/bin/sh", "-e", "-c", script}.
bool is_script(const Command& command) {
  const std::size_t size = command.argv.size();
  return size >= 3 && command.argv[size - 2] == Template("-c");
}

/// Puts expressions in place of "${PIPE_EXPR_1}", with or without the quotes around it.
std::string with_expressions(std::string_view line, const std::vector<EnvVar>& env) {
  constexpr std::string_view kReference = "${PIPE_EXPR_";
  std::string result;
  for (std::size_t at = line.find(kReference); at != std::string_view::npos;
       at = line.find(kReference)) {
    const std::size_t end = line.find('}', at);
    const std::string_view name = line.substr(at + 2, end - at - 2);
    const auto variable =
        std::find_if(env.begin(), env.end(), [&](const EnvVar& each) { return each.name == name; });
    if (end == std::string_view::npos || variable == env.end()) {
      break;
    }
    const bool quoted = at > 0 && line[at - 1] == '"' && line.substr(end + 1, 1) == "\"";
    result += line.substr(0, quoted ? at - 1 : at);
    result += text_of(variable->value);
    line.remove_prefix(quoted ? end + 2 : end + 1);
  }
  return result += line;
}

/// The first line that has something in it; `more` tells whether another follows.
std::string_view first_line(std::string_view script, bool& more) {
  constexpr std::string_view kWhite = " \t\r\n";
  std::string_view found;
  more = false;
  while (!script.empty()) {
    const std::size_t end = std::min(script.find('\n'), script.size());
    std::string_view line = script.substr(0, end);
    script.remove_prefix(std::min(end + 1, script.size()));
    const std::size_t begin = line.find_first_not_of(kWhite);
    if (begin == std::string_view::npos) {
      continue;
    }
    line = line.substr(begin, line.find_last_not_of(kWhite) + 1 - begin);
    if (!found.empty() && !found.starts_with('#')) {
      more = true;
      return found;
    }
    found = line;
  }
  return found;
}

std::string_view sign_of(JsonCheck::Comparison comparison) {
  switch (comparison) {
    case JsonCheck::Comparison::Equals:
      return "==";
    case JsonCheck::Comparison::NotEquals:
      return "!=";
    case JsonCheck::Comparison::Less:
      return "<";
    case JsonCheck::Comparison::LessOrEqual:
      return "<=";
    case JsonCheck::Comparison::Greater:
      return ">";
    case JsonCheck::Comparison::GreaterOrEqual:
      return ">=";
    case JsonCheck::Comparison::Exists:
      break;
  }
  return "exists";
}

std::string words(const RunCheck& check) {
  const std::string line = "run: " + command_line(check.command, check.env);
  return check.exit_code == 0 ? line : line + fmt::format(" exits with {}", check.exit_code);
}

std::string words(const HttpCheck& check) {
  const std::string line =
      fmt::format("{} {} is {}", check.method, text_of(check.url), check.status);
  return check.contains ? line + fmt::format(" and contains '{}'", *check.contains) : line;
}

std::string words(const FileCheck& check) {
  std::vector<std::string> parts;
  if (!check.exists) {
    parts.emplace_back("does not exist");
  }
  if (check.contains) {
    parts.push_back(fmt::format("contains '{}'", *check.contains));
  }
  if (check.matches) {
    parts.push_back(fmt::format("matches '{}'", *check.matches));
  }
  if (check.executable) {
    parts.emplace_back(*check.executable ? "is executable" : "is not executable");
  }
  if (parts.empty()) {
    parts.emplace_back("exists");
  }
  return "file " + check.path + " " + join(parts, " and ");
}

std::string words(const JsonCheck& check) {
  const std::string place = check.file + (check.pointer.empty() ? "" : "#" + check.pointer);
  if (check.schema) {
    return fmt::format("json {} fits {}", place, *check.schema);
  }
  const std::string_view sign = sign_of(check.comparison);
  if (check.comparison == JsonCheck::Comparison::Exists && check.expected == Value(false)) {
    return fmt::format("json {} does not exist", place);
  }
  return check.comparison == JsonCheck::Comparison::Exists
             ? fmt::format("json {} {}", place, sign)
             : fmt::format("json {} {} {}", place, sign, to_json(check.expected));
}

std::string words(const DiffCheck& check) {
  std::vector<std::string> parts;
  const auto add = [&](std::string_view what, const std::vector<std::string>& globs) {
    if (!globs.empty()) {
      parts.push_back(fmt::format("{} {}", what, join(globs, ", ")));
    }
  };
  add("only", check.only);
  add("never", check.never);
  add("must change", check.must);
  return "diff: " + join(parts, "; ");
}

std::string words(const ManualCheck& check) {
  return "a person answers: " + check.question;
}

std::string words(const FlaggedCheck& check) {
  return check.rule == Flagged::Refuse ? "no change is flagged"
                                       : "a person answers, where changes are flagged";
}

}  // namespace

std::string shortened(std::string_view text, std::size_t columns) {
  std::size_t count = 0;
  std::size_t keep = 0;  // where the last of `columns` code points begins
  for (std::size_t k = 0; k < text.size(); ++k) {
    if (continues_character(text[k])) {
      continue;
    }
    if (++count == columns) {
      keep = k;
    }
  }
  return count <= columns ? std::string(text) : std::string(text.substr(0, keep)) + "…";
}

std::size_t line_end(std::string_view text, std::size_t columns) {
  std::size_t count = 0;
  for (std::size_t k = 0; k < text.size(); ++k) {
    if (continues_character(text[k]) || ++count <= columns) {
      continue;
    }
    const std::size_t blank = text.find_last_of(' ', k);
    const std::size_t content = text.find_first_not_of(' ');
    return blank == std::string_view::npos || blank < content ? k : blank;
  }
  return text.size();
}

std::string text_of(const Template& text) {
  std::string result;
  for (const Template::Piece& piece : text.pieces) {
    result +=
        piece.kind == Template::Piece::Kind::Literal ? piece.text : "${{ " + piece.text + " }}";
  }
  return result;
}

std::string command_line(const Command& command, const std::vector<EnvVar>& env) {
  if (is_script(command)) {
    bool more = false;
    const std::string script = text_of(command.argv.back());
    const std::string line = with_expressions(first_line(script, more), env);
    return more ? line + " …" : line;
  }
  std::vector<std::string> words;
  for (const Template& word : command.argv) {
    std::string text = text_of(word);
    const bool plain = !text.empty() && text.find_first_of(" \t\n\"'\\$`") == std::string::npos;
    words.push_back(plain ? text : to_json(Value(text)));
  }
  return join(words, " ");
}

std::string image(const Image& image) {
  switch (image.kind) {
    case Image::Kind::Host:
      return "the host's system";
    case Image::Kind::Reference:
      return image.reference;
    case Image::Kind::RootFs:
      return "root filesystem " + image.reference;
    case Image::Kind::OciArchive:
      return "archive " + image.reference;
    case Image::Kind::Build:
      // No container of ours is round a build, so no firewall either.
      return "built from " + image.reference + " by the engine, with its network";
    case Image::Kind::Devcontainer:
      return "dev container " + image.reference;
  }
  return "";
}

std::vector<std::string> resources(const Resources& resources) {
  std::vector<std::string> parts;
  if (resources.cpus) {
    parts.push_back(to_text(*resources.cpus) + " cpus");
  }
  if (resources.memory) {
    parts.push_back(to_text(*resources.memory) + " memory");
  }
  if (resources.pids) {
    parts.push_back(std::to_string(*resources.pids) + " pids");
  }
  if (resources.disk) {
    parts.push_back(to_text(*resources.disk) + " disk");
  }
  return parts;
}

std::vector<std::string> budget(const Budget& budget) {
  std::vector<std::string> parts;
  if (budget.cost) {
    parts.push_back(to_text(*budget.cost));
  }
  if (budget.time) {
    parts.push_back(to_text(*budget.time));
  }
  if (budget.turns) {
    parts.push_back(std::to_string(*budget.turns) + (*budget.turns == 1 ? " turn" : " turns"));
  }
  if (budget.tokens) {
    parts.push_back(to_text(*budget.tokens) + " tokens");
  }
  if (budget.cost_per_day) {
    parts.push_back(to_text(*budget.cost_per_day) + " a day");
  }
  return parts;
}

std::string check(const Criterion& criterion) {
  std::vector<std::string> parts = {
      std::visit([](const auto& kind) { return words(kind); }, criterion.check)};
  if (!criterion.service.empty()) {
    parts.push_back("service " + criterion.service);
  }
  if (criterion.red_first) {
    parts.emplace_back("red first");
  }
  if (criterion.timeout != Criterion{}.timeout) {
    parts.push_back("timeout " + to_text(criterion.timeout));
  }
  return join(parts, " · ");
}

std::string secret(const Secret& secret) {
  std::vector<std::string> parts = {secret.name};
  if (!secret.command.empty()) {
    parts.push_back("from $ " + join(secret.command, " "));
  } else if (!secret.file.empty()) {
    parts.push_back("from the file " + secret.file);
  }
  if (secret.expires > Duration{0}) {
    parts.push_back("good for " + to_text(secret.expires));
  }
  switch (secret.expose) {
    case Secret::Expose::No:
      parts.push_back("sent to " + join(secret.hosts, ", "));
      break;
    case Secret::Expose::Variable:
      parts.emplace_back("seen by the task");
      break;
    case Secret::Expose::File:
      parts.emplace_back("seen by the task, in a file");
      break;
  }
  if (!secret.header.empty()) {
    parts.push_back(secret.header);
  }
  return join(parts, " · ");
}

std::vector<std::string> dangers(const PlanNode& node) {
  std::vector<std::string> result;
  if (node.engine == EngineName::Host) {
    result.emplace_back("runs on the host itself, without any isolation");
  }
  switch (node.docker) {
    case DockerAccess::None:
      break;
    case DockerAccess::Broker:
      result.emplace_back("starts containers of its own, through the broker");
      break;
    case DockerAccess::Socket:
      result.emplace_back("holds the Docker socket, which is as good as root on the host");
      break;
    case DockerAccess::Dind:
      result.emplace_back(
          "commands a Docker daemon of its own, which is as good as root on the host");
      break;
  }
  for (const HostMount& mount : node.mounts) {
    if (mount.writable) {
      result.push_back(fmt::format("writes to '{}' of this machine", mount.source));
    }
  }
  for (const Secret& secret : node.secrets) {
    if (secret.expose != Secret::Expose::No) {
      result.push_back(fmt::format("sees the secret '{}' in clear", secret.name));
    }
    if (!secret.command.empty()) {
      result.push_back(fmt::format(
          "has the host run '{}' for the secret '{}'", join(secret.command, " "), secret.name));
    }
  }
  const auto& allow = node.firewall.allow;
  const auto any = std::find_if(
      allow.begin(), allow.end(), [](const std::string& rule) { return rule.rfind("*:", 0) == 0; });
  if (any != allow.end()) {
    result.push_back(fmt::format("reaches every public host ({})", *any));
  }
  if (!node.firewall.allow_private.empty()) {
    result.push_back("reaches private addresses: " + join(node.firewall.allow_private, ", "));
  }
  return result;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::vector<std::vector<NodeIndex>> nodes_by_phase(const Plan& plan) {
  std::unordered_map<std::string_view, std::size_t> phases;
  for (std::size_t k = 0; k < plan.phases.size(); ++k) {
    phases.emplace(plan.phases[k].name, k);
  }
  std::vector<std::vector<NodeIndex>> nodes(plan.phases.size());
  for (NodeIndex k = 0; k < plan.nodes.size(); ++k) {
    const auto phase = phases.find(plan.nodes[k].phase);
    if (phase != phases.end()) {
      nodes[phase->second].push_back(k);
    }
  }
  return nodes;
}

CriticalPath critical_path(const Plan& plan) {
  constexpr auto kNone = static_cast<NodeIndex>(-1);
  const bool timed = std::any_of(plan.nodes.begin(), plan.nodes.end(), [](const PlanNode& node) {
    return node.expect > Duration{0};
  });
  std::vector<std::int64_t> lengths(plan.nodes.size(), 0);
  std::vector<NodeIndex> before(plan.nodes.size(), kNone);
  NodeIndex last = kNone;
  for (NodeIndex k = 0; k < plan.nodes.size(); ++k) {
    for (const NodeIndex need : plan.nodes[k].needs) {
      if (before[k] == kNone || lengths[need] > lengths[before[k]]) {
        before[k] = need;
      }
    }
    lengths[k] =
        (before[k] == kNone ? 0 : lengths[before[k]]) + (timed ? plan.nodes[k].expect.ms : 1);
    last = last == kNone || lengths[k] > lengths[last] ? k : last;
  }
  CriticalPath path;
  if (timed) {
    path.expect = Duration{lengths[last]};
  }
  for (NodeIndex k = last; k != kNone; k = before[k]) {
    path.nodes.push_back(k);
  }
  std::reverse(path.nodes.begin(), path.nodes.end());
  return path;
}

}  // namespace dsl::export_words
