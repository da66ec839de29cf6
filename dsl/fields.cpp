#include "dsl/fields.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/foreign_words.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The scalar as text, or nothing, reported.
Text scalar(YamlValue key, YamlValue value, std::string_view wanted, Findings& findings) {
  if (value.kind() == YamlValue::Kind::Scalar) {
    return {value.text(), value.span()};
  }
  if (value.kind() == YamlValue::Kind::Null) {
    findings.error(kEmptyValue,
                   value.span(),
                   fmt::format("{} has no value", quoted(key.text())),
                   fmt::format("write {} behind it, or remove the key", wanted));
    return {};
  }
  const bool is_list = wanted == "a list of texts";
  report_wrong_kind(value,
                    quoted(key.text()),
                    wanted,
                    is_list ? "write [a, b], or one item a line behind '- '" : "",
                    findings);
  return {};
}

template <class Quantity>
Stated<Quantity> read_quantity(YamlValue key,
                               YamlValue value,
                               std::string_view wanted,
                               Result<Quantity> (*parse)(std::string_view),
                               Findings& findings) {
  const Text text = scalar(key, value, wanted, findings);
  if (!text || refuse_expression(text, quoted(key.text()), findings)) {
    return {};
  }
  const auto quantity = parse(text.value);
  if (!quantity) {
    findings.error(kBadUnit,
                   text.span,
                   fmt::format("{}: {}", key.text(), quantity.error().message),
                   quantity.error().remedy);
    return {};
  }
  return {*quantity, text.span};
}

}  // namespace

void report_unknown_key(YamlValue key,
                        std::string_view name,
                        const std::vector<std::string_view>& known,
                        Findings& findings) {
  if (const auto remedy = foreign_word_remedy(key.text(), known)) {
    findings.error(kForeignWord,
                   key.span(),
                   fmt::format("{} is another tool's word", quoted(key.text())),
                   std::string(*remedy));
    return;
  }
  std::string remedy(misplaced_key_remedy(key.text(), known));
  if (remedy.empty()) {
    remedy = did_you_mean(key.text(), known);
  }
  if (remedy.empty()) {
    remedy = fmt::format("{} knows {}", name, fmt::join(known, ", "));
  }
  findings.error(kUnknownKey,
                 key.span(),
                 fmt::format("unknown key {} in {}", quoted(key.text()), name),
                 std::move(remedy));
}

void report_missing_keys(const Span& place,
                         std::string_view name,
                         const std::vector<std::string_view>& missing,
                         Findings& findings) {
  findings.error(kMissingKey,
                 place,
                 fmt::format("{} without '{}'", name, fmt::join(missing, "' and '")),
                 fmt::format("add '{}:'", fmt::join(missing, ":' and '")));
}

void report_wrong_kind(YamlValue value,
                       std::string_view what,
                       std::string_view wanted,
                       std::string remedy,
                       Findings& findings) {
  findings.error(kWrongKind,
                 value.span(),
                 fmt::format("{} must be {}, this is {}", what, wanted, value.described()),
                 std::move(remedy));
}

bool has_hole(YamlValue value) {
  return value.kind() == YamlValue::Kind::Scalar && has_hole(value.text());
}

YamlValue find_expression(YamlValue value) {
  YamlValue found;
  switch (value.kind()) {
    case YamlValue::Kind::Null:
      break;
    case YamlValue::Kind::Scalar:
      found = has_hole(value) ? value : found;
      break;
    case YamlValue::Kind::List:
      value.each_item(
          [&](YamlValue item) { found = found.exists() ? found : find_expression(item); });
      break;
    case YamlValue::Kind::Map:
      value.each_entry([&](YamlValue /*key*/, YamlValue item) {
        found = found.exists() ? found : find_expression(item);
      });
      break;
  }
  return found;
}

bool refuse_expression(const Text& text, std::string_view what, Findings& findings) {
  if (!has_hole(text.value)) {
    return false;
  }
  findings.error(kNoExpression,
                 text.span,
                 fmt::format("an expression cannot stand in {}", what),
                 "write the value itself; it must be known before anything runs");
  return true;
}

Text read_text(YamlValue key, YamlValue value, Findings& findings) {
  return scalar(key, value, "a text", findings);
}

Text read_word(YamlValue key, YamlValue value, Findings& findings) {
  const Text text = scalar(key, value, "a text", findings);
  if (text && text.value.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    findings.error(kEmptyValue,
                   text.span,
                   fmt::format("{} is empty", quoted(key.text())),
                   "write a text, or remove the key");
    return {};
  }
  return text;
}

Text read_plain_word(YamlValue key, YamlValue value, Findings& findings) {
  const Text word = read_word(key, value, findings);
  return word && refuse_expression(word, quoted(key.text()), findings) ? Text{} : word;
}

Stated<bool> read_flag(YamlValue key, YamlValue value, Findings& findings) {
  if (value.kind() == YamlValue::Kind::Null) {
    (void)scalar(key, value, "true or false", findings);
    return {};
  }
  const auto flag = value.boolean();
  if (!flag && value.kind() == YamlValue::Kind::Scalar &&
      refuse_expression({value.text(), value.span()}, quoted(key.text()), findings)) {
    return {};
  }
  if (!flag) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "true or false",
                      "write true or false, without quotes; YAML 1.2 knows no yes, no, on or off",
                      findings);
    return {};
  }
  return {*flag, value.span()};
}

namespace {

/// A whole number with more digits than are counted with.
bool is_huge(const YamlValue& value) {
  std::string_view digits = value.is_quoted() ? "" : value.text();
  if (digits.starts_with('-') || digits.starts_with('+')) {
    digits.remove_prefix(1);
  }
  return digits.size() > 18 && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Stated<std::int64_t> read_integer(
    YamlValue key, YamlValue value, std::int64_t least, std::int64_t most, Findings& findings) {
  const Text text = scalar(key, value, "a whole number", findings);
  if (!text || refuse_expression(text, quoted(key.text()), findings)) {
    return {};
  }
  const auto number = value.integer();
  if (!number && is_huge(value)) {
    findings.error(kOutOfRange,
                   text.span,
                   fmt::format("{} must be between {} and {}", quoted(key.text()), least, most),
                   text.value.front() == '-' ? fmt::format("the least is {}", least)
                                             : fmt::format("the largest is {}", most));
    return {};
  }
  if (!number) {
    report_wrong_kind(
        value, quoted(key.text()), "a whole number", "write digits without quotes", findings);
    return {};
  }
  if (*number < least || *number > most) {
    findings.error(
        kOutOfRange,
        text.span,
        fmt::format(
            "{} must be between {} and {}, this is {}", quoted(key.text()), least, most, *number),
        *number < least ? fmt::format("the least is {}", least)
                        : fmt::format("the largest is {}", most));
    return {};
  }
  return {*number, text.span};
}

Stated<Duration> read_duration(YamlValue key, YamlValue value, Findings& findings) {
  return read_quantity(key, value, "a duration like '15m'", parse_duration, findings);
}

Stated<Bytes> read_bytes(YamlValue key, YamlValue value, Findings& findings) {
  return read_quantity(key, value, "a size like '512MiB'", parse_bytes, findings);
}

Stated<Money> read_money(YamlValue key, YamlValue value, Findings& findings) {
  return read_quantity(key, value, "an amount like '$5'", parse_money, findings);
}

Stated<Cpus> read_cpus(YamlValue key, YamlValue value, Findings& findings) {
  return read_quantity(key, value, "a number like '2' or '0.5'", parse_cpus, findings);
}

Stated<Tokens> read_tokens(YamlValue key, YamlValue value, Findings& findings) {
  return read_quantity(key, value, "a number like '200k'", parse_tokens, findings);
}

StatedList<Text> read_texts(YamlValue key, YamlValue value, Findings& findings) {
  StatedList<Text> texts;
  if (value.kind() != YamlValue::Kind::List) {
    if (const Text text = scalar(key, value, "a list of texts", findings)) {
      texts.span = key.span();
      texts.items.push_back(text);
    }
    return texts;
  }
  texts.span = key.span();
  texts.items.reserve(value.size());
  value.each_item([&](YamlValue item) {
    if (item.kind() == YamlValue::Kind::Scalar) {
      texts.items.push_back({item.text(), item.span()});
    } else {
      report_wrong_kind(
          item, fmt::format("each item of {}", quoted(key.text())), "a text", "", findings);
    }
  });
  return texts;
}

std::vector<NamedText> read_named_texts(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<NamedText> texts;
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of names and texts",
                      "write NAME: value, one a line",
                      findings);
    return texts;
  }
  texts.reserve(value.size());
  value.each_entry([&](YamlValue name, YamlValue text) {
    if (text.kind() == YamlValue::Kind::Scalar) {
      texts.push_back({{name.text(), name.span()}, {text.text(), text.span()}});
    } else if (text.kind() == YamlValue::Kind::Null) {
      findings.error(kEmptyValue,
                     name.span(),
                     fmt::format("{} has no value", quoted(name.text())),
                     "write \"\" for the empty text");
    } else {
      report_wrong_kind(text, quoted(name.text()), "a text", "", findings);
    }
  });
  return texts;
}

void report_unknown_word(const Text& text,
                         std::string_view key,
                         const std::vector<std::string_view>& words,
                         Findings& findings) {
  std::string remedy = did_you_mean(text.value, words);
  if (remedy.empty()) {
    remedy = fmt::format("write one of {}", fmt::join(words, ", "));
  }
  findings.error(kUnknownWord,
                 text.span,
                 fmt::format("{} cannot be {}", quoted(key), quoted(text.value)),
                 std::move(remedy));
}

bool check_name(const Text& name, std::string_view what, Findings& findings) {
  const std::string_view text = name.value;
  const bool fits = !text.empty() && text.size() <= 100 && is_letter(text[0]) &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return is_letter(c) || is_digit(c) || c == '_' || c == '-';
                    });
  if (!fits) {
    findings.error(kBadName,
                   name.span,
                   fmt::format("{} cannot be the name of {}", quoted(text), what),
                   "names begin with a letter and have letters, digits, '-' and '_', at most 100");
  }
  return fits;
}

bool check_variable_name(const Text& name, Findings& findings) {
  const std::string_view text = name.value;
  const bool fits = !text.empty() && (is_letter(text[0]) || text[0] == '_') &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return is_letter(c) || is_digit(c) || c == '_';
                    });
  if (!fits) {
    findings.error(kBadVariable,
                   name.span,
                   fmt::format("{} is no name of an environment variable", quoted(text)),
                   "use letters, digits and '_', and begin with a letter");
    return false;
  }
  if (text.substr(0, 5) == "PIPE_") {
    findings.error(
        kReservedName,
        name.span,
        fmt::format("variables that begin with 'PIPE_' are set by the runner, {} cannot be",
                    quoted(text)),
        "give it another name");
    return false;
  }
  return true;
}

bool check_path(const Text& path, std::string_view what, Findings& findings) {
  const std::string_view text = path.value;
  const auto refuse = [&](std::string_view reason, std::string_view remedy) {
    findings.error(kBadPath,
                   path.span,
                   fmt::format("{} {} {}", what, quoted(text), reason),
                   std::string(remedy));
    return false;
  };
  if (text.empty()) {
    return refuse("is empty", "write a path relative to the workspace");
  }
  if (text[0] == '/') {
    return refuse("is absolute", "write it relative to the workspace");
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t slash = std::min(text.find('/', begin), text.size());
    if (text.substr(begin, slash - begin) == "..") {
      return refuse("leads out of its folder", "write a path without '..'");
    }
    begin = slash + 1;
  }
  return true;
}

bool check_path_pattern(const Text& pattern, std::string_view instead_of_not, Findings& findings) {
  const std::string_view text = pattern.value;
  std::size_t brace = text.find('{');
  while (brace != std::string_view::npos && brace > 0 &&
         (text[brace - 1] == '$' || text[brace - 1] == '{')) {
    brace = text.find('{', brace + 1);  // of an expression
  }
  const bool choice =
      brace != std::string_view::npos && text.find(',', brace) < text.find('}', brace);
  if (!choice && text.substr(0, 1) != "!") {
    return true;
  }
  findings.error(kBadPattern,
                 pattern.span,
                 fmt::format("{} takes {} literally and would match nothing",
                             quoted(text),
                             choice ? "braces" : "a '!' at its beginning"),
                 choice ? "write a pattern for each of the words" : std::string(instead_of_not));
  return false;
}

}  // namespace dsl
