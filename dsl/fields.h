#pragma once

// Reads maps by tables: a record's table has a function for every key, so a key that is known is a
// key that is read, and the list of known keys that the JSON Schema is tested against is the
// parser itself. Any thread.

#include <array>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/codes.h"
#include "dsl/expression_holes.h"
#include "dsl/findings.h"
#include "dsl/plan_words.h"
#include "dsl/render.h"
#include "dsl/spec.h"
#include "dsl/yaml.h"

namespace dsl {

enum class Need { Optional, Required };

/// One key of a record. `read` gets the key's and the value's node.
template <class Target>
struct Field {
  std::string_view key;
  void (*read)(YamlValue key, YamlValue value, Target& target, Findings& findings);
  Need need = Need::Optional;
};

/// The keys of one kind of map.
template <class Target>
struct Record {
  std::string_view name;  // "a task", as messages say it
  std::span<const Field<Target>> fields;
};

/// Reports `key`, which no field of the record `name` has: another tool's word for it, a
/// misspelling, or nothing we know.
void report_unknown_key(YamlValue key,
                        std::string_view name,
                        const std::vector<std::string_view>& known,
                        Findings& findings);

/// Reports the keys that a record must have and this one has not, in one message.
void report_missing_keys(const Span& place,
                         std::string_view name,
                         const std::vector<std::string_view>& missing,
                         Findings& findings);

/// Reports that `value` is not `wanted` ("a list of texts").
void report_wrong_kind(YamlValue value,
                       std::string_view what,
                       std::string_view wanted,
                       std::string remedy,
                       Findings& findings);

/// Fills `target` from a map; everything wrong with it is reported. False when it is no map.
template <class Target>
bool read_record(YamlValue map,
                 const Span& place,
                 const Record<Target>& record,
                 Target& target,
                 Findings& findings) {
  if (map.kind() != YamlValue::Kind::Map) {
    std::vector<std::string_view> keys;
    for (const auto& field : record.fields) {
      keys.push_back(field.key);
    }
    std::string remedy = "write a map; its keys are";
    for (const std::string_view key : keys) {
      remedy.append(key == keys.front() ? " '" : ", '").append(key).append("'");
    }
    report_wrong_kind(map, record.name, "a map", std::move(remedy), findings);
    return false;
  }
  std::uint64_t seen = 0;
  map.each_entry([&](YamlValue key, YamlValue value) {
    const std::string_view name = key.text();
    for (std::size_t i = 0; i < record.fields.size(); ++i) {
      if (record.fields[i].key == name) {
        seen |= std::uint64_t{1} << i;
        record.fields[i].read(key, value, target, findings);
        return;
      }
    }
    if (name == "<<" && !key.is_quoted()) {
      return;  // a merge key, reported by the YAML reader
    }
    std::vector<std::string_view> known;
    for (const auto& field : record.fields) {
      known.push_back(field.key);
    }
    report_unknown_key(key, record.name, known, findings);
  });
  std::vector<std::string_view> missing;
  for (std::size_t i = 0; i < record.fields.size(); ++i) {
    if (record.fields[i].need == Need::Required && ((seen >> i) & 1U) == 0) {
      missing.push_back(record.fields[i].key);
    }
  }
  if (!missing.empty()) {
    report_missing_keys(place, record.name, missing, findings);
  }
  return true;
}

/// A part of its own; null when it is no map.
template <class Part>
Section<Part> read_section(YamlValue key,
                           YamlValue value,
                           const Record<Part>& record,
                           Findings& findings) {
  auto part = std::make_unique<Part>();
  return read_record(value, key.span(), record, *part, findings) ? std::move(part) : nullptr;
}

// ---- single values: what is wrong is reported, and the result is then absent -------------------

/// A scalar with a `${{` in it.
bool has_hole(YamlValue value);

/// The first scalar in `value` that has a `${{`; one that does not exist when there is none.
YamlValue find_expression(YamlValue value);

/// True, and reported, when the text has a `${{`: what stands here must be known without a run.
bool refuse_expression(const Text& text, std::string_view what, Findings& findings);

/// Any scalar as text; numbers and booleans count as written.
Text read_text(YamlValue key, YamlValue value, Findings& findings);
/// The same for texts that must not be empty.
Text read_word(YamlValue key, YamlValue value, Findings& findings);
/// The same for words that must be known without a run.
Text read_plain_word(YamlValue key, YamlValue value, Findings& findings);
Stated<bool> read_flag(YamlValue key, YamlValue value, Findings& findings);
Stated<std::int64_t> read_integer(
    YamlValue key, YamlValue value, std::int64_t least, std::int64_t most, Findings& findings);
Stated<Duration> read_duration(YamlValue key, YamlValue value, Findings& findings);
Stated<Bytes> read_bytes(YamlValue key, YamlValue value, Findings& findings);
Stated<Money> read_money(YamlValue key, YamlValue value, Findings& findings);
Stated<Cpus> read_cpus(YamlValue key, YamlValue value, Findings& findings);
Stated<Tokens> read_tokens(YamlValue key, YamlValue value, Findings& findings);

/// A list of texts; a single text is taken for a list of one.
StatedList<Text> read_texts(YamlValue key, YamlValue value, Findings& findings);

/// A map from names to texts, as `env:` and `headers:` are.
std::vector<NamedText> read_named_texts(YamlValue key, YamlValue value, Findings& findings);

/// Reports that a word is none of `words`.
void report_unknown_word(const Text& text,
                         std::string_view key,
                         const std::vector<std::string_view>& words,
                         Findings& findings);

/// One of a few words, each with what it means.
template <class Meaning, std::size_t size>
Stated<Meaning> read_choice(YamlValue key,
                            YamlValue value,
                            const std::array<Word<Meaning>, size>& choices,
                            Findings& findings) {
  const Text text = read_word(key, value, findings);
  if (!text || refuse_expression(text, quoted(key.text()), findings)) {
    return {};
  }
  std::vector<std::string_view> words;
  for (const auto& [meaning, word] : choices) {
    if (word == text.value) {
      return {meaning, text.span};
    }
    words.push_back(word);
  }
  report_unknown_word(text, key.text(), words, findings);
  return {};
}

/// One of the words of a Plan's enumeration.
template <class Enum>
Stated<Enum> read_enum(YamlValue key, YamlValue value, Findings& findings) {
  return read_choice(key, value, word_table(Enum{}), findings);
}

/// A name that others refer to: letters, digits, '_' and '-', beginning with a letter, at most 100.
bool check_name(const Text& name, std::string_view what, Findings& findings);

/// A name of an environment variable.
bool check_variable_name(const Text& name, Findings& findings);

/// A path below a folder: not empty, not absolute, without '..'.
bool check_path(const Text& path, std::string_view what, Findings& findings);

/// A pattern of paths: without the braces and the '!' of other tools, which would match nothing.
/// `instead_of_not` is the remedy for the latter.
bool check_path_pattern(const Text& pattern, std::string_view instead_of_not, Findings& findings);

}  // namespace dsl
