#include "dsl/prices.h"

#include <algorithm>
#include <array>
#include <tuple>

#include <fmt/format.h>

#include "dsl/fields.h"
#include "dsl/parse_parts.h"
#include "dsl/stdlib.h"

namespace dsl {
namespace {

constexpr std::int64_t kMostDollars = 100'000;  // for a million tokens
constexpr std::size_t kMostDecimals = 6;

bool is_digits(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// "22.5" dollars for a million tokens, as billionths of a dollar for one: never too little.
std::optional<std::int64_t> nanos_of(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::string decimals(point < text.size() ? text.substr(point + 1) : "0");
  if (!is_digits(whole) || !is_digits(decimals) || whole.size() > 6 ||
      decimals.size() > kMostDecimals) {
    return std::nullopt;
  }
  decimals.resize(kMostDecimals, '0');
  const std::int64_t dollars = std::stoll(std::string(whole));
  const std::int64_t millionths = dollars * 1'000'000 + std::stoll(decimals);
  return dollars > kMostDollars ? std::nullopt : std::optional((millionths + 999) / 1'000);
}

Stated<std::int64_t> read_price(YamlValue key, YamlValue value, Findings& findings) {
  const Text text = read_plain_word(key, value, findings);
  if (!text) {
    return {};
  }
  const auto nanos = nanos_of(text.value);
  if (!nanos) {
    findings.error(kBadUnit,
                   text.span,
                   fmt::format("{} is no price", quoted(text.value)),
                   "write dollars for a million tokens, such as 0.25 or 15");
    return {};
  }
  return {*nanos, text.span};
}

constexpr std::int64_t kLeastLong = 1'000;  // no provider calls less a long request

Stated<std::int64_t> read_token_count(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, kLeastLong, kMostTokens, findings);
}

struct PricesSpec {
  Stated<std::int64_t> tokens;  // of `above`
  Stated<std::int64_t> input;
  Stated<std::int64_t> output;
  Stated<std::int64_t> cache_read;
  Stated<std::int64_t> cache_write;
  Stated<std::int64_t> cache_write_1h;
};

constexpr Field<PricesSpec> kAboveFields[] = {
    {"tokens", into<&PricesSpec::tokens, read_token_count>, Need::Required},
    {"input", into<&PricesSpec::input, read_price>, Need::Required},
    {"output", into<&PricesSpec::output, read_price>, Need::Required},
    {"cache_read", into<&PricesSpec::cache_read, read_price>},
    {"cache_write", into<&PricesSpec::cache_write, read_price>},
    {"cache_write_1h", into<&PricesSpec::cache_write_1h, read_price>},
};
constexpr Record<PricesSpec> kAbove{"'above'", kAboveFields};

struct ModelSpec : PricesSpec {
  std::optional<PricesSpec> above;
};

constexpr auto read_above = [](YamlValue, YamlValue value, ModelSpec& model, Findings& findings) {
  PricesSpec above;
  if (read_record(value, value.span(), kAbove, above, findings)) {
    model.above = above;
  }
};

constexpr Field<ModelSpec> kModelFields[] = {
    {"input", into<&ModelSpec::input, read_price>, Need::Required},
    {"output", into<&ModelSpec::output, read_price>, Need::Required},
    {"cache_read", into<&ModelSpec::cache_read, read_price>},
    {"cache_write", into<&ModelSpec::cache_write, read_price>},
    {"cache_write_1h", into<&ModelSpec::cache_write_1h, read_price>},
    {"above", read_above},
};
constexpr Record<ModelSpec> kModel{"the price of a model", kModelFields};

/// Where a provider has no price for a cache, its input price holds.
TokenPrices token_prices(const PricesSpec& spec) {
  TokenPrices prices;
  prices.input = spec.input.value;
  prices.output = spec.output.value;
  prices.cache_read = spec.cache_read ? spec.cache_read.value : prices.input;
  prices.cache_write = spec.cache_write ? spec.cache_write.value : prices.input;
  prices.cache_write_long = spec.cache_write_1h ? spec.cache_write_1h.value : prices.cache_write;
  return prices;
}

/// What is reserved for a request takes each of its bytes for a token, so that it may be priced as
/// a long one: where these were cheaper, it would be too little.
void check_longer(const PricesSpec& longer, const TokenPrices& usual, Findings& findings) {
  const TokenPrices prices = token_prices(longer);
  const std::tuple<const char*, std::int64_t, std::int64_t, Span> each[] = {
      {"input", prices.input, usual.input, longer.input.span},
      {"output", prices.output, usual.output, longer.output.span},
      {"cache_read", prices.cache_read, usual.cache_read, longer.cache_read.span},
      {"cache_write", prices.cache_write, usual.cache_write, longer.cache_write.span},
      {"cache_write_1h",
       prices.cache_write_long,
       usual.cache_write_long,
       longer.cache_write_1h.span},
  };
  for (const auto& [key, price, before, span] : each) {
    if (price < before) {
      findings.error(kCheaperWhenLong,
                     span.end != 0 ? span : longer.tokens.span,
                     fmt::format("the '{}' of long requests is cheaper than that of others", key),
                     "long requests cost more, or need no 'above'");
      return;
    }
  }
}

void warn_if_free(YamlValue name, const TokenPrices& prices, Findings& findings) {
  if (prices.input != 0 && prices.output != 0) {
    return;
  }
  const char* const what = prices.output != 0  ? "the input of "
                           : prices.input != 0 ? "the output of "
                                               : "";
  findings.warning(
      kFreeModel,
      name.span(),
      fmt::format(
          "{}{} costs nothing, and no budget of money limits it", what, quoted(name.text())),
      "write dollars for a million tokens; where it is free, limit its `tokens` or "
      "`turns`");
}

struct TableSpec {
  Stated<std::int64_t> version;
  Text as_of;
  std::map<std::string, ModelPrice, std::less<>> models;
};

Stated<std::int64_t> read_version(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 1, 1, findings);
}

constexpr auto read_models = [](YamlValue key, YamlValue map, TableSpec& table, Findings& found) {
  for (PricedModel& priced : read_prices(key, map, found)) {
    table.models.emplace(std::move(priced.model), priced.price);
  }
};

constexpr Field<TableSpec> kTableFields[] = {
    {"version", into<&TableSpec::version, read_version>, Need::Required},
    {"as_of", into<&TableSpec::as_of, read_plain_word>, Need::Required},
    {"models", read_models, Need::Required},
};
constexpr Record<TableSpec> kTable{"a table of prices", kTableFields};

/// Takes `mark` off the end, where it is there.
bool cut(std::string_view& text, std::string_view mark) {
  if (!text.ends_with(mark)) {
    return false;
  }
  text.remove_suffix(mark.size());
  return true;
}

/// "claude-x-20250929" and "claude-x@20250929" are "claude-x"; so is "gpt-x-2025-09-29".
void cut_date(std::string_view& text) {
  constexpr std::size_t kPlain = 8;
  constexpr std::size_t kDashed = 10;
  if (text.size() > kPlain + 1 && is_digits(text.substr(text.size() - kPlain))) {
    const char before = text[text.size() - kPlain - 1];
    if (before == '-' || before == '@') {
      text.remove_suffix(kPlain + 1);
    }
    return;
  }
  if (text.size() <= kDashed + 1) {
    return;
  }
  const std::string_view date = text.substr(text.size() - kDashed);
  if (text[text.size() - kDashed - 1] == '-' && date[4] == '-' && date[7] == '-' &&
      is_digits(date.substr(0, 4)) && is_digits(date.substr(5, 2)) && is_digits(date.substr(8))) {
    text.remove_suffix(kDashed + 1);
  }
}

}  // namespace

std::vector<PricedModel> read_prices(YamlValue key, YamlValue map, Findings& findings) {
  std::vector<PricedModel> prices;
  if (map.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(map,
                      quoted(key.text()),
                      "a map from models to prices",
                      "write prices: {MODEL: {input: 3, output: 15}}, dollars for a million tokens",
                      findings);
    return prices;
  }
  map.each_entry([&](YamlValue name, YamlValue value) {
    ModelSpec spec;
    if (name.text().empty()) {
      findings.error(kEmptyValue,
                     name.span(),
                     "a price without a model",
                     "write the model's name as requests have it: gpt-4.1: {input: 2, output: 8}");
    }
    if (!read_record(value, name.span(), kModel, spec, findings)) {
      return;
    }
    const bool is_stated = spec.input && spec.output;
    if (is_stated) {
      warn_if_free(name, token_prices(spec), findings);
    }
    if (is_stated && spec.above && spec.above->input && spec.above->output) {
      check_longer(*spec.above, token_prices(spec), findings);
    }
    PricedModel& priced = prices.emplace_back();
    priced.model = name.text();
    priced.price.usual = token_prices(spec);
    if (spec.above) {
      priced.price.long_from = spec.above->tokens.value;
      priced.price.longer = token_prices(*spec.above);
    }
  });
  return prices;
}

void append_prices_keys(KnownKeys& known) {
  append_keys(kModel, "price", known);
  append_keys(kAbove, "price_above", known);
}

PriceTable PriceTable::standard() {
  Sources sources;
  Findings findings;
  return read(sources, sources.add("std/prices", std::string(stdlib_prices())), findings);
}

PriceTable PriceTable::read(const Sources& sources, std::uint32_t source, Findings& findings) {
  PriceTable table;
  TableSpec spec;
  const auto document = YamlDocument::parse(sources, source, findings);
  if (document && read_record(document->root(), document->root().span(), kTable, spec, findings)) {
    table.as_of_ = spec.as_of.value;
    table.models_ = std::move(spec.models);
  }
  return table;
}

PriceTable PriceTable::with(const std::vector<PricedModel>& prices) const {
  PriceTable table = *this;
  for (const PricedModel& priced : prices) {
    table.models_.insert_or_assign(priced.model, priced.price);
  }
  return table;
}

std::optional<ModelPrice> PriceTable::find(std::string_view model) const {
  cut(model, "[1m]");
  auto found = models_.find(model);
  if (found == models_.end()) {
    cut(model, "-latest");
    cut_date(model);
    found = models_.find(model);
  }
  return found == models_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace dsl
