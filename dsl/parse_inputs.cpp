// `inputs:` of a pipeline or a step file.

#include <fmt/format.h>

#include "dsl/parse_parts.h"

namespace dsl {
namespace {

constexpr Field<InputSpec> kInputFields[] = {
    {"type",
     [](YamlValue key, YamlValue value, InputSpec& input, Findings& findings) {
       input.type = read_enum<ValueType>(key, value, findings).value;
     }},
    {"default",
     [](YamlValue /*key*/, YamlValue value, InputSpec& input, Findings& /*findings*/) {
       input.fallback = value;
     }},
    {"description", into<&InputSpec::description, read_plain_word>},
    {"options",
     [](YamlValue key, YamlValue value, InputSpec& input, Findings& findings) {
       if (value.kind() != YamlValue::Kind::List || value.size() == 0) {
         report_wrong_kind(
             value, quoted(key.text()), "a list of values", "write options: [a, b]", findings);
         return;
       }
       value.each_item([&](YamlValue item) { input.options.push_back(item); });
     }},
};
constexpr Record<InputSpec> kInput{"an input", kInputFields};

}  // namespace

std::vector<InputSpec> parse_inputs(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<InputSpec> inputs;
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(
        value, "'inputs'", "a map of inputs", "write NAME: {type: string, default: …}", findings);
    return inputs;
  }
  (void)key;
  value.each_entry([&](YamlValue name, YamlValue body) {
    InputSpec input;
    input.name = {name.text(), name.span()};
    input.span = name.span();
    check_name(input.name, "an input", findings);
    if (body.kind() == YamlValue::Kind::Null ||
        read_record(body, name.span(), kInput, input, findings)) {
      inputs.push_back(std::move(input));
    }
  });
  return inputs;
}

void append_inputs_keys(KnownKeys& known) {
  append_keys(kInput, "input", known);
}

}  // namespace dsl
