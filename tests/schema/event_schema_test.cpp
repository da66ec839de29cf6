// schemas/event.schema.json: it takes every kind of event as the journal writes it, and nothing
// else.

#include <set>
#include <string>
#include <utility>
#include <variant>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/run/event.h"
#include "runner/run/event_json.h"
#include "tests/schema/schema.h"

namespace schema_test {
namespace {

const Schema& event_schema() {
  static const Schema schema("event.schema.json");
  return schema;
}

using What = decltype(runner::Event::what);

/// One event of each kind, with what the defaults leave empty filled in.
template <std::size_t... Kinds>
std::vector<runner::Event> all_kinds(std::index_sequence<Kinds...> /*kinds*/) {
  std::vector<runner::Event> events;
  (events.push_back({1, 1'700'000'000'000, What(std::in_place_index<Kinds>)}), ...);
  for (runner::Event& event : events) {
    if (auto* expanded = std::get_if<runner::NodeExpanded>(&event.what)) {
      expanded->items = {dsl::Value("a"), dsl::Value(1.0)};
    } else if (auto* reused = std::get_if<runner::NodeReused>(&event.what)) {
      reused->outputs = {{"list", dsl::Value(dsl::Value::List{})}};
      reused->evidence.emplace_back();
    } else if (auto* ended = std::get_if<runner::AttemptEnded>(&event.what)) {
      ended->notes = {"a socket was not taken"};
      ended->end.peak_memory = dsl::Bytes{4096};
      ended->agent.emplace();
      ended->agent->turns = 41;
      ended->agent->cost = dsl::Money{1'840'000};
      ended->agent->denials = {"Write"};
    } else if (auto* answered = std::get_if<runner::PersonAnswered>(&event.what)) {
      answered->again = {dsl::NodeId("refresh")};
    } else if (auto* started = std::get_if<runner::RunStarted>(&event.what)) {
      started->approved_by = {"ann (signed)"};
    }
  }
  return events;
}

std::vector<runner::Event> all_kinds() {
  return all_kinds(std::make_index_sequence<std::variant_size_v<What>>());
}

TEST(EventSchema, TakesEveryKindOfEvent) {
  for (const runner::Event& event : all_kinds()) {
    const std::string json = event_to_json(event);
    EXPECT_EQ(event_schema().judge(json), "") << json;
  }
}

TEST(EventSchema, NamesNoKindThatThereIsNot) {
  std::set<std::string> kinds;
  for (const runner::Event& event : all_kinds()) {
    kinds.insert(nlohmann::json::parse(event_to_json(event)).at("kind"));
  }
  std::set<std::string> defined = event_schema().closed_records();
  for (const char* part :
       {"tree", "evidence", "job_end", "agent_outcome", "flagged_path", "spend", "usage"}) {
    EXPECT_EQ(defined.erase(part), 1u) << part;
  }
  EXPECT_EQ(defined, kinds);
}

TEST(EventSchema, RefusesWhatIsNoEvent) {
  for (const char* json : {
           R"({})",
           R"({"version":1,"sequence":1,"at_ms":1,"kind":"run_resume"})",
           R"({"version":2,"sequence":1,"at_ms":1,"kind":"run_resumed"})",
           R"({"version":1,"sequence":1,"at_ms":1,"kind":"run_resumed","extra":1})",
           R"({"version":1,"sequence":1,"at_ms":1,"kind":"condition_held"})",
           R"({"version":1,"sequence":"1","at_ms":1,"kind":"run_resumed"})",
       }) {
    EXPECT_NE(event_schema().judge(json), "") << json;
  }
}

}  // namespace
}  // namespace schema_test
