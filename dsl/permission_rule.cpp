#include "dsl/permission_rule.h"

#include <algorithm>
#include <sstream>

namespace dsl {
namespace {

constexpr std::size_t kMostWords = 32;
constexpr std::size_t kLongest = 200;  // bytes

constexpr const char* kRemedy = "write a program's name and words of its arguments, 'git push'";

bool is_beneath(const std::string& path) {
  std::istringstream parts(path);
  if (path.front() == '/' || path.back() == '/') {
    return false;
  }
  for (std::string part; std::getline(parts, part, '/');) {
    if (part.empty() || part == "." || part == "..") {
      return false;
    }
  }
  return true;
}

/// Rules of a plan were parsed before.
std::vector<PermissionRule> parsed(const std::vector<std::string>& rules) {
  std::vector<PermissionRule> result;
  for (const std::string& text : rules) {
    if (Result<PermissionRule> rule = parse_permission_rule(text)) {
      result.push_back(*std::move(rule));
    }
  }
  return result;
}

void add_once(std::vector<std::string>& names, const std::string& name) {
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(name);
  }
}

}  // namespace

Result<PermissionRule> parse_permission_rule(std::string_view text) {
  if (text.size() > kLongest || std::any_of(text.begin(), text.end(), [](char byte) {
        return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
      })) {
    return Error{"a permission is one short line", kRemedy};
  }
  PermissionRule rule;
  std::istringstream words{std::string(text)};
  for (std::string word; words >> word;) {
    rule.words.push_back(std::move(word));
  }
  if (rule.words.empty() || rule.words.size() > kMostWords) {
    return Error{rule.words.empty() ? "a permission is empty" : "a permission has too many words",
                 kRemedy};
  }
  std::string& what = rule.words.front();
  if (what.find_first_of("*?[]\\'\"$`;&|<>(){}") != std::string::npos) {
    return Error{"'" + what + "' is no program's name",
                 "name the program as it is; only words after it may be patterns"};
  }
  if (!rule.is_file()) {
    if (what == "." || what == "..") {
      return Error{"'" + what + "' is no program's name", kRemedy};
    }
    return rule;
  }
  while (what.rfind("./", 0) == 0) {
    what.erase(0, 2);
  }
  if (what.find('/') == std::string::npos) {
    what.insert(0, "./");  // a file of the project's root
  }
  if (!is_beneath(what.rfind("./", 0) == 0 ? what.substr(2) : what)) {
    return Error{"'" + what + "' is no file of the project",
                 "name a program without its folder, 'openssl', or a file beneath the project, "
                 "'scripts/release.sh'"};
  }
  if (rule.words.size() > 1) {
    return Error{"a file is denied as a whole, '" + what + "' with any arguments",
                 "leave out the words after it"};
  }
  return rule;
}

std::string to_text(const PermissionRule& rule) {
  std::string text;
  for (const std::string& word : rule.words) {
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

std::vector<std::string> named_programs(const Permissions& permissions) {
  std::vector<std::string> names;
  for (const auto* rules : {&permissions.allow, &permissions.deny}) {
    for (const PermissionRule& rule : parsed(*rules)) {
      if (!rule.is_file()) {
        add_once(names, rule.words.front());
      }
    }
  }
  return names;
}

std::vector<std::string> rules_without_exception(const Permissions& permissions) {
  std::vector<std::string> allowed;
  for (const PermissionRule& rule : parsed(permissions.allow)) {
    allowed.push_back(rule.words.front());
  }
  std::vector<std::string> rules;
  for (const PermissionRule& rule : parsed(permissions.deny)) {
    if (std::find(allowed.begin(), allowed.end(), rule.words.front()) == allowed.end()) {
      add_once(rules, to_text(rule));
    }
  }
  return rules;
}

std::vector<std::string> denied_programs(const Permissions& permissions) {
  std::vector<std::string> names;
  for (const std::string& text : rules_without_exception(permissions)) {
    const bool is_name = text.find_first_of(" /") == std::string::npos;
    if (is_name) {
      names.push_back(text);
    }
  }
  return names;
}

std::vector<std::string> denied_files(const Permissions& permissions) {
  std::vector<std::string> files;
  for (const PermissionRule& rule : parsed(permissions.deny)) {
    if (rule.is_file()) {
      const std::string& path = rule.words.front();
      add_once(files, path.rfind("./", 0) == 0 ? path.substr(2) : path);
    }
  }
  return files;
}

}  // namespace dsl
