// `success_criteria:`: boxes and the checks that tick them.

#include <fmt/format.h>

#include "dsl/parse_parts.h"

namespace dsl {
namespace {

// ---- the kinds of checks ---------------------------------------------------------------------

Stated<std::int64_t> read_exit_code(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 0, 255, findings);
}

Stated<std::int64_t> read_status(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 100, 599, findings);
}

constexpr Field<HttpCheckSpec> kHttpFields[] = {
    {"url", into<&HttpCheckSpec::url, read_word>, Need::Required},
    {"method", into<&HttpCheckSpec::method, read_word>},
    {"status", into<&HttpCheckSpec::status, read_status>},
    {"contains", into<&HttpCheckSpec::contains, read_word>},
    {"headers", into<&HttpCheckSpec::headers, read_named_texts>},
};
constexpr Record<HttpCheckSpec> kHttp{"an http check", kHttpFields};

Text read_path(YamlValue key, YamlValue value, Findings& findings) {
  const Text path = read_word(key, value, findings);
  return path && check_path(path, "the path", findings) ? path : Text{};
}

constexpr Field<FileCheckSpec> kFileFields[] = {
    {"path", into<&FileCheckSpec::path, read_path>, Need::Required},
    {"exists", into<&FileCheckSpec::exists, read_flag>},
    {"contains", into<&FileCheckSpec::contains, read_word>},
    {"matches", into<&FileCheckSpec::matches, read_word>},
    {"executable", into<&FileCheckSpec::executable, read_flag>},
};
constexpr Record<FileCheckSpec> kFile{"a file check", kFileFields};

void set_comparison(JsonCheck::Comparison comparison,
                    YamlValue key,
                    YamlValue value,
                    JsonCheckSpec& check,
                    Findings& findings) {
  if (check.comparison) {
    findings.error(kExclusiveKeys,
                   key.span(),
                   "a json check makes one comparison",
                   "write one criterion for each",
                   {{check.comparison.span, "the other stands here"}});
    return;
  }
  check.comparison = {comparison, key.span()};
  check.expected = value.to_value();
  if (const YamlValue hole = find_expression(value); hole.exists()) {
    if (value.kind() == YamlValue::Kind::Scalar) {
      check.expression = {value.text(), value.span()};
    } else {
      refuse_expression({hole.text(), hole.span()}, "a list or a map", findings);
    }
  }
}

template <JsonCheck::Comparison comparison>
void read_equality(YamlValue key, YamlValue value, JsonCheckSpec& check, Findings& findings) {
  set_comparison(comparison, key, value, check, findings);
}

template <JsonCheck::Comparison comparison>
void read_order(YamlValue key, YamlValue value, JsonCheckSpec& check, Findings& findings) {
  if (!value.number() && !has_hole(value)) {
    report_wrong_kind(value, quoted(key.text()), "a number", "", findings);
  }
  set_comparison(comparison, key, value, check, findings);
}

void read_existence(YamlValue key, YamlValue value, JsonCheckSpec& check, Findings& findings) {
  (void)read_flag(key, value, findings);
  set_comparison(JsonCheck::Comparison::Exists, key, value, check, findings);
}

constexpr Field<JsonCheckSpec> kJsonFields[] = {
    {"file", into<&JsonCheckSpec::file, read_path>, Need::Required},
    {"pointer", into<&JsonCheckSpec::pointer, read_text>},
    {"equals", read_equality<JsonCheck::Comparison::Equals>},
    {"not_equals", read_equality<JsonCheck::Comparison::NotEquals>},
    {"less", read_order<JsonCheck::Comparison::Less>},
    {"at_most", read_order<JsonCheck::Comparison::LessOrEqual>},
    {"greater", read_order<JsonCheck::Comparison::Greater>},
    {"at_least", read_order<JsonCheck::Comparison::GreaterOrEqual>},
    {"exists", read_existence},
    {"schema", into<&JsonCheckSpec::schema, read_path>},
};
constexpr Record<JsonCheckSpec> kJson{"a json check", kJsonFields};

constexpr Field<DiffCheckSpec> kDiffFields[] = {
    {"only", into<&DiffCheckSpec::only, parse_paths>},
    {"never", into<&DiffCheckSpec::never, parse_paths>},
    {"must", into<&DiffCheckSpec::must, parse_paths>},
};
constexpr Record<DiffCheckSpec> kDiff{"a diff check", kDiffFields};

// ---- one criterion ---------------------------------------------------------------------------

/// A criterion and what is needed to read it: the kind that was seen first.
struct Reading {
  CriterionSpec criterion;
  Text kind;  // "run", "http", …
  Stated<std::int64_t> exit_code;
};

/// True when this is the first check of the criterion.
bool take_kind(YamlValue key, Reading& reading, Findings& findings) {
  if (reading.kind) {
    findings.error(kExclusiveKeys,
                   key.span(),
                   fmt::format("a criterion has one check, this is {} beside {}",
                               quoted(key.text()),
                               quoted(reading.kind.value)),
                   "write one criterion for each",
                   {{reading.kind.span, "the other stands here"}});
    return false;
  }
  reading.kind = {key.text(), key.span()};
  return true;
}

void read_run(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  if (take_kind(key, reading, findings)) {
    RunCheckSpec check{parse_command(key, value, findings), {}};
    if (check.command) {
      reading.criterion.check = std::move(check);
    }
  }
}

void read_http(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  if (!take_kind(key, reading, findings)) {
    return;
  }
  HttpCheckSpec check;
  if (value.kind() == YamlValue::Kind::Scalar) {
    check.url = read_word(key, value, findings);
  } else if (!read_record(value, key.span(), kHttp, check, findings)) {
    return;
  }
  if (check.url) {
    reading.criterion.check = std::move(check);
  }
}

void read_file(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  if (!take_kind(key, reading, findings)) {
    return;
  }
  FileCheckSpec check;
  if (value.kind() == YamlValue::Kind::Scalar) {
    check.path = read_path(key, value, findings);
  } else if (!read_record(value, key.span(), kFile, check, findings)) {
    return;
  }
  const Text& content = check.contains ? check.contains : check.matches;
  if (check.exists && !check.exists.value && (content || check.executable)) {
    findings.error(kPointlessCheck,
                   check.exists.span,
                   "a file that must not exist has no content to look at",
                   "remove 'exists: false', or the other conditions");
  }
  if (check.path) {
    reading.criterion.check = check;
  }
}

void read_json(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  JsonCheckSpec check;
  if (!take_kind(key, reading, findings) ||
      !read_record(value, key.span(), kJson, check, findings)) {
    return;
  }
  if (check.comparison && check.schema) {
    findings.error(kExclusiveKeys,
                   check.schema.span,
                   "a json check compares a value or applies a schema",
                   "write one criterion for each",
                   {{check.comparison.span, "the comparison stands here"}});
  }
  if (!check.comparison && !check.schema) {
    findings.error(
        kMissingKey,
        key.span(),
        "a json check that compares nothing",
        "add one of equals, not_equals, less, at_most, greater, at_least, exists, schema");
  }
  const std::string_view pointer = check.pointer.value;
  if (!pointer.empty() && pointer[0] != '/' && pointer.substr(0, 3) != "${{") {
    std::string path(pointer.substr(pointer[0] == '$' ? 1 : 0));
    for (char& c : path) {
      c = c == '.' ? '/' : c;
    }
    findings.error(kBadPointer,
                   check.pointer.span,
                   fmt::format("{} is no JSON pointer", quoted(pointer)),
                   fmt::format("write '{}{}'", path.substr(0, 1) == "/" ? "" : "/", visible(path)));
  }
  if (check.file) {
    reading.criterion.check = std::move(check);
  }
}

void read_diff(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  DiffCheckSpec check;
  if (!take_kind(key, reading, findings) ||
      !read_record(value, key.span(), kDiff, check, findings)) {
    return;
  }
  if (!check.only && !check.never && !check.must && value.size() == 0) {
    findings.error(kMissingKey,
                   key.span(),
                   "a diff check that asks for nothing",
                   "add 'only:', 'never:' or 'must:' with patterns of paths");
  }
  // An empty list would ask for nothing, and 'only: []' reads as the opposite.
  for (const StatedList<Text>* list : {&check.only, &check.never, &check.must}) {
    if (*list && list->items.empty()) {
      findings.error(kMissingKey,
                     list->span,
                     "a diff check without a pattern",
                     "add patterns of paths, or write never: [\"**\"] where nothing may change");
    }
  }
  reading.criterion.check = std::move(check);
}

void read_manual(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  if (take_kind(key, reading, findings)) {
    if (const Text question = read_word(key, value, findings)) {
      reading.criterion.check = ManualCheckSpec{question};
    }
  }
}

template <auto member, auto reader>
constexpr auto into_criterion =
    [](YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
      reading.criterion.*member = reader(key, value, findings);
    };

constexpr Field<Reading> kCriterionFields[] = {
    {"run", read_run},
    {"http", read_http},
    {"file", read_file},
    {"json", read_json},
    {"diff", read_diff},
    {"manual", read_manual},
    {"exit_code", into<&Reading::exit_code, read_exit_code>},
    {"service", into_criterion<&CriterionSpec::service, read_word>},
    {"red_first", into_criterion<&CriterionSpec::red_first, read_flag>},
    {"timeout", into_criterion<&CriterionSpec::timeout, read_duration>},
    {"env", into_criterion<&CriterionSpec::env, parse_env>},
};
constexpr Record<Reading> kCriterion{"a criterion", kCriterionFields};

/// The text beside the box; absent and reported when there is no box.
Text read_box(YamlValue key, Findings& findings) {
  const std::string_view text = key.text();
  const bool is_ticked = text.substr(0, 3) == "[x]" || text.substr(0, 3) == "[X]";
  std::size_t words = text.substr(0, 3) == "[ ]" || is_ticked ? 3 : 0;
  words = std::min(text.find_first_not_of(' ', words), text.size());
  const Text beside{text.substr(words), key.span()};
  if (is_ticked) {
    findings.error(kTickedBox,
                   key.span(),
                   "a box is ticked by the run, not by the file",
                   fmt::format("write \"[ ] {}\"", visible(beside.value)));
  } else if (text.substr(0, 3) != "[ ]") {
    findings.error(kNotABox,
                   key.span(),
                   fmt::format("{} is no box", quoted(text)),
                   fmt::format("write \"[ ] {}\"", visible(text)));
  } else if (beside.value.empty()) {
    findings.error(kNotABox, key.span(), "a box without a text", "say what must be true");
    return {};
  }
  return beside;
}

void read_check(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  if (value.kind() == YamlValue::Kind::Null) {
    findings.error(kNoCheck,
                   key.span(),
                   "nothing says how this is checked",
                   "write a command behind the ':', or {file: …}, {http: …}, {manual: …}");
    return;
  }
  if (value.kind() != YamlValue::Kind::Map) {
    RunCheckSpec check{parse_command(key, value, findings), {}};
    if (check.command) {
      reading.criterion.check = std::move(check);
    }
    return;
  }
  read_record(value, key.span(), kCriterion, reading, findings);
  if (!reading.kind) {
    findings.error(kNoCheck,
                   key.span(),
                   "nothing says how this is checked",
                   "add one of run, http, file, json, diff, manual");
  }
  if (!reading.exit_code) {
    return;
  }
  if (auto* run = std::get_if<RunCheckSpec>(&reading.criterion.check)) {
    run->exit_code = reading.exit_code;
  } else if (reading.kind && reading.kind.value != "run") {
    findings.error(kUselessKey,
                   reading.exit_code.span,
                   fmt::format("{} checks have no exit code", reading.kind.value),
                   "remove 'exit_code', or check with 'run'");
  }
}

void read_item(YamlValue item, StatedList<CriterionSpec>& criteria, Findings& findings) {
  if (item.kind() == YamlValue::Kind::Scalar) {
    const std::string_view text = item.text();
    const bool has_box = text.substr(0, 1) == "[";
    findings.error(kNoCheck,
                   item.span(),
                   fmt::format("nothing says how {} is checked", quoted(text)),
                   fmt::format("write - \"{}{}\": COMMAND", has_box ? "" : "[ ] ", visible(text)));
    return;
  }
  if (item.kind() == YamlValue::Kind::Map && item.size() > 1) {
    findings.error(kNotABox,
                   item.span(),
                   "the keys of a check stand beside its box, they belong below it",
                   "indent them deeper than the box, or write - \"[ ] …\": {run: COMMAND}");
    return;
  }
  if (item.kind() != YamlValue::Kind::Map || item.size() != 1) {
    const std::string_view remedy =
        "write - \"[ ] what must be true\": COMMAND; a check's keys are indented below the box";
    report_wrong_kind(item, "a criterion", "a map with one box", std::string(remedy), findings);
    return;
  }
  item.each_entry([&](YamlValue key, YamlValue value) {
    Reading reading;
    reading.criterion.text = read_box(key, findings);
    read_check(key, value, reading, findings);
    for (const CriterionSpec& other : criteria.items) {
      if (reading.criterion.text && other.text.value == reading.criterion.text.value) {
        findings.error(kRepeatedItem,
                       key.span(),
                       "the same box stands here twice",
                       "give it another text, or remove it",
                       {{other.text.span, "first written here"}});
      }
    }
    criteria.items.push_back(std::move(reading.criterion));
  });
}

}  // namespace

StatedList<CriterionSpec> parse_criteria(YamlValue key, YamlValue value, Findings& findings) {
  StatedList<CriterionSpec> criteria;
  criteria.span = key.span();
  if (value.kind() != YamlValue::Kind::List) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a list of boxes",
                      "write - \"[ ] what must be true\": COMMAND, one a line",
                      findings);
    return criteria;
  }
  criteria.items.reserve(value.size());
  value.each_item([&](YamlValue item) { read_item(item, criteria, findings); });
  return criteria;
}

void append_criteria_keys(KnownKeys& known) {
  append_keys(kCriterion, "criterion", known);
  append_keys(kHttp, "http_check", known);
  append_keys(kFile, "file_check", known);
  append_keys(kJson, "json_check", known);
  append_keys(kDiff, "diff_check", known);
}

}  // namespace dsl
