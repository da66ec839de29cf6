#include "dsl/sealed_plan.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "dsl/digest.h"
#include "dsl/plan_json.h"

namespace dsl {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "pipe/sealed-plan";
constexpr int kVersion = 2;

std::string_view role_word(SealedFile::Role role) {
  switch (role) {
    case SealedFile::Role::Source:
      return "source";
    case SealedFile::Role::Check:
      return "check";
    case SealedFile::Role::Protected:
      return "protected";
    case SealedFile::Role::Program:
      return "program";
  }
  return "";
}

/// Bytes that are no UTF-8 (a file's name) become U+FFFD.
std::string text_of(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// ---- writing -----------------------------------------------------------------------------------

Json origin_json(const PlanOrigin& origin) {
  return {{"file", origin.file},
          {"inputs", Json(origin.inputs)},
          {"engine", origin.engine},
          {"env_files", origin.env_files},
          {"settings_env_file", origin.settings_env_file},
          {"dirty", origin.dirty},
          {"continues", origin.continues},
          {"task", origin.task},
          {"prompt", origin.prompt}};
}

Json files_json(const std::vector<SealedFile>& files) {
  Json list = Json::array();
  for (const SealedFile& file : files) {
    list.push_back({{"path", file.path}, {"role", role_word(file.role)}, {"digest", file.digest}});
  }
  return list;
}

Json places_json(const std::vector<SealedPlace>& places) {
  Json list = Json::array();
  for (const SealedPlace& place : places) {
    list.push_back({{"node", place.node},
                    {"engine", place.engine},
                    {"image", place.image},
                    {"services", place.services}});
  }
  return list;
}

template <class T>
Json or_null(const std::optional<T>& value, std::int64_t T::*member) {
  return value ? Json((*value).*member) : Json();
}

Json forecast_json(const Forecast& forecast) {
  Json nodes = Json::array();
  for (const Forecast::Node& node : forecast.nodes) {
    nodes.push_back({{"node", node.node},
                     {"expected_ms", or_null(node.expected, &Duration::ms)},
                     {"from_cache", node.from_cache},
                     {"reuse", node.reuse}});
  }
  return {{"expected_ms", forecast.expected.ms},
          {"path", forecast.path},
          {"worst_time_ms", or_null(forecast.worst_time, &Duration::ms)},
          {"worst_cost_micros", or_null(forecast.worst_cost, &Money::micros)},
          {"nodes", std::move(nodes)}};
}

Json approvals_json(const std::vector<PlanApproval>& approvals) {
  Json list = Json::array();
  for (const PlanApproval& one : approvals) {
    list.push_back({{"by", one.by},
                    {"account", one.account},
                    {"at", one.at},
                    {"digest", one.digest},
                    {"signature", one.signature}});
  }
  return list;
}

Json parts_json(const SealedPlan& plan) {
  // What plan_to_json writes is JSON: it can be read.
  return {{"origin", origin_json(plan.origin)},
          {"input_tree", plan.input_tree},
          {"files", files_json(plan.files)},
          {"places", places_json(plan.places)},
          {"remote", plan.remote},
          {"plan", Json::parse(plan_to_json(plan.plan, JsonLayout::Compact))}};
}

Json content_of(const SealedPlan& plan) {
  Json record = {{"format", kFormat}, {"version", kVersion}};
  record.update(parts_json(plan));
  record["taken"] = plan.taken;
  record["forecast"] = forecast_json(plan.forecast);
  return record;
}

std::string canonical_digest(const Json& document) {
  nlohmann::json sorted = nlohmann::json::parse(text_of(document, -1));  // its keys are sorted
  sorted.erase("digest");
  sorted.erase("approvals");
  return sha256_hex(sorted.dump());
}

// ---- reading -----------------------------------------------------------------------------------

struct Misfit {
  std::string message;
};

template <class T>
T get(const Json& from, const char* name) {
  const auto found = from.is_object() ? from.find(name) : from.end();
  if (!from.is_object() || found == from.end()) {
    throw Misfit{fmt::format("'{}' is missing", name)};
  }
  try {
    return found->template get<T>();
  } catch (const Json::exception&) {
    throw Misfit{fmt::format("'{}' has the wrong type", name)};
  }
}

std::optional<std::int64_t> whole_or_null(const Json& from, const char* name) {
  const auto value = get<Json>(from, name);
  return value.is_null() ? std::nullopt : std::optional(get<std::int64_t>(from, name));
}

Json::array_t items_of(const Json& from, const char* name) {
  return get<Json::array_t>(from, name);
}

PlanOrigin read_origin(const Json& from) {
  PlanOrigin origin;
  origin.file = get<std::string>(from, "file");
  origin.inputs = get<std::map<std::string, std::string>>(from, "inputs");
  origin.engine = get<std::string>(from, "engine");
  origin.env_files = get<std::vector<std::string>>(from, "env_files");
  origin.settings_env_file = get<std::string>(from, "settings_env_file");
  origin.dirty = get<bool>(from, "dirty");
  origin.continues = get<std::string>(from, "continues");
  origin.task = get<std::string>(from, "task");
  origin.prompt = get<std::string>(from, "prompt");
  return origin;
}

Forecast read_forecast(const Json& from) {
  Forecast forecast;
  forecast.expected.ms = get<std::int64_t>(from, "expected_ms");
  forecast.path = get<std::vector<std::string>>(from, "path");
  if (const auto ms = whole_or_null(from, "worst_time_ms")) {
    forecast.worst_time = Duration{*ms};
  }
  if (const auto micros = whole_or_null(from, "worst_cost_micros")) {
    forecast.worst_cost = Money{*micros};
  }
  for (const Json& item : items_of(from, "nodes")) {
    Forecast::Node node;
    node.node = get<std::string>(item, "node");
    if (const auto ms = whole_or_null(item, "expected_ms")) {
      node.expected = Duration{*ms};
    }
    node.from_cache = get<bool>(item, "from_cache");
    node.reuse = get<std::string>(item, "reuse");
    forecast.nodes.push_back(std::move(node));
  }
  return forecast;
}

SealedFile read_sealed_file(const Json& from) {
  const auto role = get<std::string>(from, "role");
  for (const auto each : {SealedFile::Role::Source,
                          SealedFile::Role::Check,
                          SealedFile::Role::Protected,
                          SealedFile::Role::Program}) {
    if (role_word(each) == role) {
      return {get<std::string>(from, "path"), each, get<std::string>(from, "digest")};
    }
  }
  throw Misfit{fmt::format("'{}' is no role of a file", role)};
}

SealedPlan read_sealed_plan(const Json& from) {
  SealedPlan sealed;
  sealed.origin = read_origin(get<Json>(from, "origin"));
  sealed.input_tree = get<std::string>(from, "input_tree");
  for (const Json& item : items_of(from, "files")) {
    sealed.files.push_back(read_sealed_file(item));
  }
  for (const Json& item : items_of(from, "places")) {
    sealed.places.push_back({get<std::string>(item, "node"),
                             get<std::string>(item, "engine"),
                             get<std::string>(item, "image"),
                             get<std::vector<std::string>>(item, "services")});
  }
  sealed.remote = get<std::string>(from, "remote");
  Result<Plan> plan = plan_from_json(get<Json>(from, "plan").dump());
  if (!plan) {
    throw Misfit{plan.error().message};
  }
  sealed.plan = *std::move(plan);
  sealed.taken = get<std::string>(from, "taken");
  sealed.forecast = read_forecast(get<Json>(from, "forecast"));
  sealed.digest = get<std::string>(from, "digest");
  for (const Json& item : items_of(from, "approvals")) {
    sealed.approvals.push_back({get<std::string>(item, "by"),
                                get<std::string>(item, "account"),
                                get<std::string>(item, "at"),
                                get<std::string>(item, "digest"),
                                get<std::string>(item, "signature")});
  }
  return sealed;
}

}  // namespace

Value sealed_parts(const SealedPlan& plan) {
  return *value_from_json(text_of(parts_json(plan), -1));
}

std::string digest_of(const SealedPlan& plan) {
  return canonical_digest(content_of(plan));
}

std::string statement_of(const PlanApproval& approval) {
  return fmt::format("pipe approves plan {}\nby {}\nat {}\n",
                     approval.digest,
                     to_json(Value(approval.by)),
                     approval.at);
}

std::string sealed_plan_to_json(const SealedPlan& plan) {
  Json record = content_of(plan);
  record["digest"] = canonical_digest(record);
  record["approvals"] = approvals_json(plan.approvals);
  return text_of(record, 2) + "\n";
}

Result<SealedPlan> sealed_plan_from_json(std::string_view text) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object() || document.value("format", Json()) != kFormat) {
    return Error{"this is no sealed plan", "`pipe plan FILE -o plan.json` makes one"};
  }
  if (document.value("version", Json()) != kVersion) {
    return Error{"this sealed plan is of another version of pipe",
                 "seal it again, or use that pipe"};
  }
  // First whether anybody changed it: what then does not fit is no bug.
  if (document.value("digest", Json()) != canonical_digest(document)) {
    return Error{
        "the sealed plan was changed after it was sealed: its digest is not that of its content",
        "take the file as it was approved, or seal it again with `pipe plan FILE -o …`"};
  }
  try {
    return read_sealed_plan(document);
  } catch (const Misfit& misfit) {
    return Error{"the sealed plan is damaged: " + misfit.message, "seal it again"};
  }
}

}  // namespace dsl
