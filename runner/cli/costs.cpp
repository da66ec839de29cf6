// pipe costs: what models took, from the ledger of all runs.

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "dsl/render.h"
#include "dsl/value.h"
#include "runner/cli/commands.h"
#include "runner/cli/runs.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"
#include "runner/store/ledger_store.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string by;  // "": by day
  std::string since;
  bool json = false;
};

struct Sum {
  Spend spent;
  Spend reserved;
  Usage usage;
};

void add(Sum& sum, const LedgerEntry& entry) {
  sum.spent += entry.spent;
  sum.reserved += entry.reserved;
  sum.usage.input_tokens += entry.usage.input_tokens;
  sum.usage.cache_read_tokens += entry.usage.cache_read_tokens;
  sum.usage.cache_write_tokens += entry.usage.cache_write_tokens;
  sum.usage.output_tokens += entry.usage.output_tokens;
}

std::string key_of(const LedgerEntry& entry, const std::string& by) {
  if (by == "pipeline") {
    return entry.pipeline;
  }
  if (by == "run") {
    return entry.run;
  }
  if (by == "task") {
    return entry.pipeline + " / " + entry.task;
  }
  if (by == "agent") {
    return entry.agent;
  }
  return by == "model" ? entry.model : entry.day;
}

/// "1234567" as "1.2M": what a column has room for.
std::string short_count(std::int64_t count) {
  constexpr std::array<std::pair<std::int64_t, char>, 3> kUnits{
      {{1'000'000'000, 'G'}, {1'000'000, 'M'}, {1'000, 'k'}}};
  for (const auto& [size, letter] : kUnits) {
    if (count >= size) {
      return fmt::format(
          "{:.1f}{}", static_cast<double>(count) / static_cast<double>(size), letter);
    }
  }
  return std::to_string(count);
}

std::string dollars(dsl::Money money) {
  return fmt::format("${:.2f}", static_cast<double>(money.micros) / 1e6);
}

dsl::Value number(std::int64_t value) {
  return dsl::Value(static_cast<double>(value));
}

std::string json_line(const LedgerEntry& entry) {
  const bool open = entry.settlement == Settlement::Open;
  const Spend& spend = open ? entry.reserved : entry.spent;
  const dsl::Value::Record record{{"version", number(1)},
                                  {"request", number(entry.number)},
                                  {"at_ms", number(entry.at_ms)},
                                  {"day", dsl::Value(entry.day)},
                                  {"run", dsl::Value(entry.run)},
                                  {"pipeline", dsl::Value(entry.pipeline)},
                                  {"phase", dsl::Value(entry.phase)},
                                  {"task", dsl::Value(entry.task)},
                                  {"agent", dsl::Value(entry.agent)},
                                  {"model", dsl::Value(entry.model)},
                                  {"how", dsl::Value(to_text(entry.settlement))},
                                  {"cost_micros", number(spend.cost.micros)},
                                  {"tokens", number(spend.tokens)},
                                  {"turns", number(spend.turns)},
                                  {"input_tokens", number(entry.usage.input_tokens)},
                                  {"cache_read_tokens", number(entry.usage.cache_read_tokens)},
                                  {"cache_write_tokens", number(entry.usage.cache_write_tokens)},
                                  {"output_tokens", number(entry.usage.output_tokens)}};
  return dsl::to_json(dsl::Value(record)) + "\n";
}

class Table {
 public:
  explicit Table(const std::string& by) : by_(by) {
    std::transform(by.begin(), by.end(), std::back_inserter(title_), [](char c) {
      return static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    });
  }

  void add_entry(const LedgerEntry& entry) {
    const std::string key = report::one_line(key_of(entry, by_));
    add(sums_[key.empty() ? "-" : key], entry);
    add(total_, entry);
  }
  [[nodiscard]] bool empty() const { return sums_.empty(); }

  [[nodiscard]] std::string text() const {
    std::size_t width = std::max<std::size_t>(title_.size(), 5);
    for (const auto& [key, sum] : sums_) {
      width = std::max(width, std::min<std::size_t>(report::columns(key), 48));
    }
    std::string text = line(title_, width, {"COST", "TURNS", "INPUT", "CACHED", "OUTPUT"});
    for (const auto& [key, sum] : sums_) {
      text += line(key, width, figures(sum));
    }
    text += line("total", width, figures(total_));
    if (total_.reserved.turns > 0) {
      text +=
          fmt::format("and at most {} held by requests under way\n", dollars(total_.reserved.cost));
    }
    return text;
  }

 private:
  using Cells = std::array<std::string, 5>;

  static Cells figures(const Sum& sum) {
    const Usage& usage = sum.usage;
    return {dollars(sum.spent.cost),
            std::to_string(sum.spent.turns),
            short_count(usage.input_tokens + usage.cache_write_tokens),
            short_count(usage.cache_read_tokens),
            short_count(usage.output_tokens)};
  }
  static std::string line(const std::string& key, std::size_t width, const Cells& cells) {
    return fmt::format("{}  {:>10}  {:>6}  {:>7}  {:>7}  {:>7}\n",
                       report::padded(report::cut(key, width), width),
                       cells[0],
                       cells[1],
                       cells[2],
                       cells[3],
                       cells[4]);
  }

  const std::string by_;
  std::string title_;
  std::map<std::string, Sum> sums_;
  Sum total_;
};

bool is_day(const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00";
  const bool has_form = text.size() == kForm.size() &&
                        std::equal(text.begin(), text.end(), kForm.begin(), [](char c, char form) {
                          return form == '0' ? c >= '0' && c <= '9' : c == form;
                        });
  if (!has_form) {
    return false;
  }
  const std::chrono::year_month_day day{
      std::chrono::year(std::stoi(text.substr(0, 4))),
      std::chrono::month(static_cast<unsigned>(std::stoi(text.substr(5, 2)))),
      std::chrono::day(static_cast<unsigned>(std::stoi(text.substr(8, 2))))};
  return day.ok();
}

ExitCode show_costs(const Arguments& arguments, Console& console) {
  if (!arguments.since.empty() && !is_day(arguments.since)) {
    return console.fail(ExitCode::Invalid,
                        {"--since: expected a day, found " + dsl::quoted(arguments.since),
                         "write it as 2026-11-21"});
  }
  if (arguments.json && !arguments.by.empty()) {
    return console.fail(
        ExitCode::Invalid,
        {"--json prints each request, and --by adds them up", "leave one of them out"});
  }
  const auto runs = Runs::open_here();
  if (!runs) {
    return console.fail(ExitCode::Environment, runs.error());
  }
  const std::string path = ledger_path(runs->settings().state_dir);
  Table table(arguments.by.empty() ? "day" : arguments.by);
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    const auto ledger = LedgerStore::open(path);
    if (!ledger) {
      return console.fail(ExitCode::Environment, ledger.error());
    }
    const dsl::Status read = (*ledger)->for_each(0, [&](const LedgerEntry& entry) {
      if (entry.day < arguments.since || entry.settlement == Settlement::Free) {
        return true;
      }
      if (arguments.json) {
        console.out(json_line(entry));
      } else {
        table.add_entry(entry);
      }
      return true;
    });
    if (!read) {
      return console.fail(ExitCode::Environment, read.error());
    }
  }
  if (arguments.json) {
    return ExitCode::Passed;
  }
  if (table.empty()) {
    console.note("nothing was spent on models" +
                 (arguments.since.empty() ? std::string(" yet") : " since " + arguments.since));
  } else {
    console.out(table.text());
  }
  return ExitCode::Passed;
}

}  // namespace

Command costs_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "costs";
  command.summary = "show what models took";
  command.description =
      "Adds up what the agents of all runs spent on models, as the gateway counted it.\n"
      "Days are those of this machine's time zone. With --json each request is a line.";
  command.options = {
      {"--by",
       "WHAT",
       "what a line stands for (day)",
       {"day", "pipeline", "run", "task", "agent", "model"},
       &arguments->by},
      {"--since", "DAY", "only from that day on: 2026-11-21", {}, &arguments->since},
      {"--json", "", "print each request as a line of JSON", {}, &arguments->json},
  };
  command.examples = {"pipe costs --by model --since 2026-11-01",
                      "pipe costs --json | jq -s 'map(.cost_micros) | add / 1e6'"};
  command.action = [arguments, &console] { return show_costs(*arguments, console); };
  return command;
}

}  // namespace runner::cli
