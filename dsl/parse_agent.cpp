// `agent:` of a step file: what its lines and its exit status mean.

#include <fmt/format.h>

#include "dsl/egress.h"
#include "dsl/parse_parts.h"

namespace dsl {
namespace {

/// RFC 6901; absent and reported otherwise.
Text checked_pointer(const Text& pointer, Findings& findings) {
  if (!pointer || refuse_expression(pointer, "a JSON pointer", findings)) {
    return {};
  }
  if (!pointer.value.empty() && pointer.value[0] != '/') {
    findings.error(kBadPointer,
                   pointer.span,
                   fmt::format("{} is no JSON pointer", quoted(pointer.value)),
                   fmt::format("write '/{}'", visible(pointer.value)));
    return {};
  }
  return pointer;
}

// ---- conditions --------------------------------------------------------------------------------

using Comparison = AgentCondition::Comparison;

void compare(Comparison comparison,
             YamlValue key,
             YamlValue value,
             AgentConditionSpec& condition,
             Findings& findings) {
  if (!condition.expected.is_null()) {
    findings.error(kExclusiveKeys,
                   key.span(),
                   "a condition makes one comparison",
                   "write another rule, or keep one of the two");
    return;
  }
  condition.comparison = comparison;
  condition.expected = value.to_value();
}

void read_contains(YamlValue key, YamlValue value, AgentConditionSpec& to, Findings& findings) {
  if (read_plain_word(key, value, findings)) {
    compare(Comparison::Contains, key, value, to, findings);
    to.expected = Value(std::string(value.text()));
  }
}

void read_at_least(YamlValue key, YamlValue value, AgentConditionSpec& to, Findings& findings) {
  if (value.kind() != YamlValue::Kind::Scalar || !value.number()) {
    report_wrong_kind(value, quoted(key.text()), "a number", "", findings);
    return;
  }
  compare(Comparison::AtLeast, key, value, to, findings);
}

void read_exists(YamlValue key, YamlValue value, AgentConditionSpec& to, Findings& findings) {
  if (read_flag(key, value, findings)) {
    compare(Comparison::Exists, key, value, to, findings);
  }
}

constexpr Field<AgentConditionSpec> kConditionFields[] = {
    {"contains", read_contains},
    {"at_least", read_at_least},
    {"exists", read_exists},
};
constexpr Record<AgentConditionSpec> kCondition{"a condition", kConditionFields};

void read_when(YamlValue key, YamlValue value, AgentRuleSpec& rule, Findings& findings) {
  if (value.kind() == YamlValue::Kind::Map && value.size() == 0) {
    findings.error(kEmptyValue,
                   value.span(),
                   "a rule that holds for every line",
                   "write when: {/type: result}, as the agent's lines have it");
    return;
  }
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of JSON pointers",
                      "write when: {/type: result}, as the agent's lines have it",
                      findings);
    return;
  }
  value.each_entry([&](YamlValue name, YamlValue wanted) {
    AgentConditionSpec condition;
    condition.pointer = checked_pointer({name.text(), name.span()}, findings);
    if (const YamlValue hole = find_expression(wanted); hole.exists()) {
      refuse_expression({hole.text(), hole.span()}, "a condition", findings);
      return;
    }
    if (wanted.kind() == YamlValue::Kind::Map) {
      read_record(wanted, name.span(), kCondition, condition, findings);
    } else {
      const Value one = wanted.to_value();
      const bool is_list = wanted.kind() == YamlValue::Kind::List;
      condition.expected = is_list ? one : Value(Value::List{one});
    }
    rule.when.push_back(std::move(condition));
  });
}

// ---- rules -------------------------------------------------------------------------------------

template <bool adds>
void read_takes(YamlValue key, YamlValue value, AgentRuleSpec& rule, Findings& findings) {
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of JSON pointers",
                      "write take: {session: /session_id}",
                      findings);
    return;
  }
  value.each_entry([&](YamlValue name, YamlValue place) {
    const Text pointer = checked_pointer(read_text(name, place, findings), findings);
    for (const auto& [field, word] : kAgentFieldWords) {
      if (word == name.text()) {
        rule.takes.push_back({field, pointer, adds});
        return;
      }
    }
    std::vector<std::string_view> words;
    for (const auto& [field, word] : kAgentFieldWords) {
      words.push_back(word);
    }
    report_unknown_word({name.text(), name.span()}, key.text(), words, findings);
  });
}

constexpr Field<AgentRuleSpec> kRuleFields[] = {
    {"when", read_when, Need::Required},
    {"take", read_takes<false>},
    {"add", read_takes<true>},
    {"reason", into<&AgentRuleSpec::reason, read_enum<AgentReason>>},
    {"ends", into<&AgentRuleSpec::ends, read_flag>},
};
constexpr Record<AgentRuleSpec> kRule{"a rule", kRuleFields};

void read_stream(YamlValue key, YamlValue value, AgentSpec& agent, Findings& findings) {
  if (value.kind() != YamlValue::Kind::List) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a list of rules",
                      "write - {when: {/type: result}, take: {claim: /result}}, one a line",
                      findings);
    return;
  }
  value.each_item([&](YamlValue item) {
    read_record(item, item.span(), kRule, agent.stream.emplace_back(), findings);
  });
}

void read_exit(YamlValue key, YamlValue value, AgentSpec& agent, Findings& findings) {
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map from exit codes to reasons",
                      "write exit: {41: auth, 53: turns}",
                      findings);
    return;
  }
  value.each_entry([&](YamlValue code, YamlValue reason) {
    const Stated<std::int64_t> number = read_integer(code, code, 0, 255, findings);
    const Stated<AgentReason> meaning = read_enum<AgentReason>(code, reason, findings);
    if (number && meaning) {
      if (number.value != 0 && meaning.value == AgentReason::Done) {
        findings.warning(kFailureIsDone,
                         code.span(),
                         fmt::format("an agent that fails with {} is taken for done", number.value),
                         "write 'done' for 0 only, unless that is what it ends with when it is "
                         "through");
      }
      agent.exit.push_back({number.value, meaning.value});
    }
  });
}

void read_state(YamlValue key, YamlValue value, AgentSpec& agent, Findings& findings) {
  for (const Text& path : read_texts(key, value, findings).items) {
    if (refuse_expression(path, "a path", findings)) {
      continue;
    }
    if (path.value.substr(0, 2) != "~/") {
      findings.error(kBadPath,
                     path.span,
                     fmt::format("{} is not in the agent's home", quoted(path.value)),
                     "write a path that begins with '~/'; files of the workspace are kept anyway");
    } else if (check_path({path.value.substr(2), path.span}, "the path", findings)) {
      agent.state.push_back(path);
    }
  }
}

// ---- where its model is ------------------------------------------------------------------------

/// Absent and reported where it is not what `is_right` wants.
template <class IsRight>
Text checked(const Text& text, IsRight is_right, const char* wanted, Findings& findings) {
  if (!text || refuse_expression(text, wanted, findings)) {
    return {};
  }
  if (!is_right(text.value)) {
    findings.error(kWrongKind,
                   text.span,
                   fmt::format("{} is not {}", quoted(text.value), wanted),
                   "write provider: {dialect: openai, host: api.openai.com, base_url: "
                   "OPENAI_BASE_URL, path: /v1}");
    return {};
  }
  return text;
}

void read_host(YamlValue key, YamlValue value, AgentProviderSpec& provider, Findings& findings) {
  provider.host = checked(
      read_plain_word(key, value, findings),
      [](std::string_view text) { return canonical_host(text) == text; },
      "the name of a host",
      findings);
}

bool is_variable(std::string_view text) {
  return !text.empty() &&
         text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos;
}

void read_base_url(YamlValue key, YamlValue value, AgentProviderSpec& to, Findings& findings) {
  to.base_url = checked(
      read_plain_word(key, value, findings), is_variable, "the name of a variable", findings);
}

bool is_url_path(std::string_view text) {
  return text.size() > 1 && text.front() == '/' && text.back() != '/' &&
         text.find_first_of(" ?#%") == std::string_view::npos;
}

void read_path(YamlValue key, YamlValue value, AgentProviderSpec& to, Findings& findings) {
  to.path =
      checked(read_plain_word(key, value, findings), is_url_path, "a path such as /v1", findings);
}

constexpr Field<AgentProviderSpec> kProviderFields[] = {
    {"dialect", into<&AgentProviderSpec::dialect, read_enum<ModelDialect>>, Need::Required},
    {"host", read_host, Need::Required},
    {"base_url", read_base_url, Need::Required},
    {"path", read_path},
};
constexpr Record<AgentProviderSpec> kProvider{"a provider", kProviderFields};

void read_provider(YamlValue key, YamlValue value, AgentSpec& agent, Findings& findings) {
  AgentProviderSpec provider;
  if (read_record(value, key.span(), kProvider, provider, findings)) {
    agent.provider = provider;
  }
}

constexpr Field<AgentSpec> kAgentFields[] = {
    {"prompt", into<&AgentSpec::prompt, read_text>, Need::Required},
    {"prompt_file", into<&AgentSpec::prompt_file, read_text>},
    {"state", read_state},
    {"stream", read_stream},
    {"exit", read_exit},
    {"provider", read_provider},
};
constexpr Record<AgentSpec> kAgent{"an agent", kAgentFields};

}  // namespace

Section<AgentSpec> parse_agent(YamlValue key, YamlValue value, Findings& findings) {
  auto agent = std::make_unique<AgentSpec>();
  agent->span = key.span();
  return read_record(value, key.span(), kAgent, *agent, findings) ? std::move(agent) : nullptr;
}

void append_agent_keys(KnownKeys& known) {
  append_keys(kAgent, "agent", known);
  append_keys(kRule, "agent_rule", known);
  append_keys(kCondition, "agent_condition", known);
  append_keys(kProvider, "agent_provider", known);
}

}  // namespace dsl
