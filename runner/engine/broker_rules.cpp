#include "runner/engine/broker_rules.h"

#include <algorithm>
#include <array>
#include <map>
#include <span>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/broker_bodies.h"
#include "runner/engine/container_api.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using Query = std::vector<std::pair<std::string, std::string>>;

constexpr std::size_t kLongestTarget = 4096;
constexpr std::size_t kLongestName = 60;

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// A name or an id as the daemon has them; nothing that means something in a
/// path.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 128 && is_alnum(text.front()) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_alnum(c) || c == '_' || c == '.' || c == '-';
         });
}

bool is_hex(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

// ---- Targets
// ----------------------------------------------------------------------------------

struct Target {
  std::string version;             // "v1.41", "" none
  std::vector<std::string> parts;  // of the path, without that
  Query query;
};

int hex_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                : -1;
}

/// Percent signs and plus signs of a query undone; no value: it is malformed,
/// or holds a control.
std::optional<std::string> decoded(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int byte = static_cast<unsigned char>(text[i]);
    if (text[i] == '%') {
      if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
        return std::nullopt;
      }
      byte = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
      i += 2;
    } else if (text[i] == '+') {
      byte = ' ';
    }
    if (byte < 0x20 || byte == 0x7f) {
      return std::nullopt;
    }
    result += static_cast<char>(byte);
  }
  return result;
}

std::optional<Query> read_query(std::string_view text) {
  Query query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const auto name = decoded(pair.substr(0, equals));
    const auto value = decoded(pair.substr(std::min(pair.size(), equals + 1)));
    if (!name || !value || name->empty()) {
      return std::nullopt;
    }
    for (const auto& [known, unused] : query) {
      if (known == *name) {
        return std::nullopt;  // which of two would be meant?
      }
    }
    query.emplace_back(*name, *value);
  }
  return query;
}

/// A version in which calls mean what they mean today: before 1.24 `start` took
/// a body.
bool is_version(std::string_view part) {
  constexpr int kOldest = 24;
  if (!part.starts_with("v1.") || part.size() < 5 || part.size() > 6) {
    return false;
  }
  int minor = 0;
  for (const char c : part.substr(3)) {
    if (c < '0' || c > '9') {
      return false;
    }
    minor = minor * 10 + (c - '0');
  }
  return minor >= kOldest;
}

/// The daemon cleans paths up and undoes percent signs; here is nothing to
/// clean up or to undo.
std::optional<Target> read_target(const std::string& text) {
  if (text.size() > kLongestTarget || !text.starts_with('/')) {
    return std::nullopt;
  }
  const std::size_t question = std::min(text.find('?'), text.size());
  Target target;
  std::string_view path = std::string_view(text).substr(0, question);
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(part.size());
    const bool is_ping = target.parts.empty() && part == "_ping";
    if (!is_name(part) && !is_ping) {
      return std::nullopt;
    }
    target.parts.emplace_back(part);
  }
  if (is_version(target.parts.front())) {
    target.version = "/" + target.parts.front();
    target.parts.erase(target.parts.begin());
  }
  auto query = read_query(std::string_view(text).substr(std::min(text.size(), question + 1)));
  if (target.parts.empty() || !query) {
    return std::nullopt;
  }
  target.query = *std::move(query);
  return target;
}

// ---- Queries
// ----------------------------------------------------------------------------------

bool is_flag_value(const std::string& value) {
  return value.empty() || value == "0" || value == "1" || value == "true" || value == "false";
}
bool is_no_flag(const std::string& value) {
  return value.empty() || value == "0" || value == "false";
}
bool is_plain_value(const std::string& value) {
  return value.size() <= 64 && std::all_of(value.begin(), value.end(), [](char c) {
           return is_alnum(c) || c == '-' || c == '.' || c == ':' || c == ',' || c == '_';
         });
}
bool is_empty_value(const std::string& value) {
  return value.empty();
}
bool is_any_value(const std::string& /*value*/) {
  return true;
}

struct Parameter {
  const char* name;
  bool (*is_fine)(const std::string& value);
};

using Parameters = std::span<const Parameter>;

constexpr Parameter kList[] = {{"all", is_flag_value},
                               {"limit", is_plain_value},
                               {"size", is_flag_value},
                               {"filters", is_any_value}};
constexpr Parameter kCreate[] = {{"name", is_any_value}, {"platform", is_empty_value}};
constexpr Parameter kInspect[] = {{"size", is_flag_value}};
constexpr Parameter kLogs[] = {{"stdout", is_flag_value},
                               {"stderr", is_flag_value},
                               {"follow", is_flag_value},
                               {"timestamps", is_flag_value},
                               {"details", is_flag_value},
                               {"tail", is_plain_value},
                               {"since", is_plain_value},
                               {"until", is_plain_value}};
constexpr Parameter kStart[] = {{"detachKeys", is_plain_value}};
constexpr Parameter kStop[] = {{"t", is_plain_value}, {"signal", is_plain_value}};
constexpr Parameter kWait[] = {{"condition", is_plain_value}};
constexpr Parameter kResize[] = {{"h", is_plain_value}, {"w", is_plain_value}};
constexpr Parameter kAttach[] = {{"stream", is_flag_value},
                                 {"stdin", is_flag_value},
                                 {"stdout", is_flag_value},
                                 {"stderr", is_flag_value},
                                 {"logs", is_flag_value},
                                 {"detachKeys", is_plain_value}};
constexpr Parameter kRemove[] = {
    {"v", is_flag_value}, {"force", is_flag_value}, {"link", is_no_flag}};

std::string query_text(const Query& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    text += (text.empty() ? "?" : "&") + encode_query(name) + "=" + encode_query(value);
  }
  return text;
}

/// The parameter that is not allowed; "" where all are.
std::string unfit(const Query& query, Parameters known) {
  for (const auto& [name, value] : query) {
    const auto found =
        std::find_if(known.begin(), known.end(), [&name = name](const Parameter& one) {
          return name == one.name;
        });
    if (found == known.end() || !found->is_fine(value)) {
      return name;
    }
  }
  return "";
}

BrokerAnswer refuse_parameter(const std::string& name) {
  return broker_refusal(403, fmt::format("the broker does not allow this parameter '{}'", name));
}

// ---- Endpoints
// --------------------------------------------------------------------------------

std::string label_of(const BrokerOwner& owner) {
  return fmt::format("{}={}", kBrokerLabel, owner.name);
}

/// The node's own filters, and that which leaves nobody else's container.
std::optional<std::string> own_filters(const std::string& text, const BrokerOwner& owner) {
  Json filters = text.empty() ? Json::object() : Json::parse(text, nullptr, false);
  if (!filters.is_object()) {
    return std::nullopt;
  }
  Json result = Json::object();
  for (const auto& [name, values] : filters.items()) {
    if (name != "id" && name != "name" && name != "status" && name != "label" && name != "exited" &&
        name != "ancestor") {
      return std::nullopt;
    }
    Json list = Json::array();
    // Newer clients say {"status": {"running": true}}, older ones {"status":
    // ["running"]}.
    for (const auto& item : values.items()) {
      const Json& value = item.value();
      if (!values.is_structured() ||
          !(values.is_array() ? value.is_string() : value == Json(true))) {
        return std::nullopt;
      }
      list.push_back(values.is_array() ? value : Json(item.key()));
    }
    result[name] = list;
  }
  result["label"].push_back(label_of(owner));
  return result.dump(-1, ' ', false, Json::error_handler_t::replace);
}

BrokerDecision list_containers(const Target& target, const BrokerOwner& owner) {
  if (const std::string name = unfit(target.query, kList); !name.empty()) {
    return refuse_parameter(name);
  }
  std::string asked;
  Query query;
  for (const auto& [name, value] : target.query) {
    if (name == "filters") {
      asked = value;
    } else {
      query.emplace_back(name, value);
    }
  }
  const auto filters = own_filters(asked, owner);
  if (!filters) {
    return refuse_parameter("filters");
  }
  query.emplace_back("filters", *filters);
  BrokerCall call;
  call.method = "GET";
  call.before = "/containers/json" + query_text(query);
  return call;
}

std::string own_name(const BrokerOwner& owner, const std::string& name) {
  return owner.name + "." + name;
}

BrokerDecision create_container(const Target& target,
                                const std::string& body,
                                const BrokerOwner& owner) {
  if (const std::string name = unfit(target.query, kCreate); !name.empty()) {
    return refuse_parameter(name);
  }
  auto made = container_to_create(body, owner);
  if (!made) {
    return broker_refusal(403, made.error().message);
  }
  BrokerCall call;
  call.method = "POST";
  call.before = "/containers/create";
  call.body = *std::move(made);
  call.creates = true;
  for (const auto& [name, value] : target.query) {
    if (name == "name" && !value.empty()) {
      if (!is_name(value) || value.size() > kLongestName) {
        return refuse_parameter(name);
      }
      call.before += query_text({{"name", own_name(owner, value)}});
    }
  }
  return call;
}

struct Verb {
  const char* method;
  const char* name;  // "" is the container itself
  Parameters parameters;
  BrokerCall::Reply reply;
};

constexpr Verb kVerbs[] = {
    {"GET", "json", kInspect, BrokerCall::Reply::Whole},
    {"GET", "logs", kLogs, BrokerCall::Reply::Stream},
    {"GET", "top", {}, BrokerCall::Reply::Whole},
    {"POST", "start", kStart, BrokerCall::Reply::Whole},
    {"POST", "stop", kStop, BrokerCall::Reply::Stream},
    {"POST", "kill", kStop, BrokerCall::Reply::Whole},
    {"POST", "wait", kWait, BrokerCall::Reply::Stream},
    {"POST", "resize", kResize, BrokerCall::Reply::Whole},
    {"POST", "attach", kAttach, BrokerCall::Reply::Hijacked},
    {"POST", "exec", {}, BrokerCall::Reply::Whole},
    {"DELETE", "", kRemove, BrokerCall::Reply::Whole},
};

BrokerDecision about_container(const BrokerRequest& request, const Target& target) {
  const std::string name = target.parts.size() == 3 ? target.parts[2] : "";
  const auto* const verb = std::find_if(std::begin(kVerbs), std::end(kVerbs), [&](const Verb& one) {
    return request.method == one.method && name == one.name;
  });
  if (verb == std::end(kVerbs)) {
    return broker_refusal(403, "the broker does not know how to do that with a container");
  }
  if (const std::string parameter = unfit(target.query, verb->parameters); !parameter.empty()) {
    return refuse_parameter(parameter);
  }
  BrokerCall call;
  call.method = request.method;
  call.before = "/containers/";
  call.after = (name.empty() ? "" : "/" + name) + query_text(target.query);
  call.container = target.parts[1];
  call.reply = verb->reply;
  if (name == "exec") {
    auto body = exec_to_create(request.body);
    if (!body) {
      return broker_refusal(403, body.error().message);
    }
    call.body = *std::move(body);
  }
  return call;
}

BrokerDecision about_exec(const BrokerRequest& request, const Target& target) {
  const std::string name = target.parts.size() == 3 ? target.parts[2] : "";
  BrokerCall call;
  call.method = request.method;
  call.before = "/exec/";
  call.after = "/" + name;
  call.exec = target.parts[1];
  if (!is_hex(call.exec)) {
    return broker_refusal(404, "no such exec");
  }
  if (request.method == "GET" && name == "json" && target.query.empty()) {
    return call;
  }
  if (request.method == "POST" && name == "resize" && unfit(target.query, kResize).empty()) {
    call.after += query_text(target.query);
    return call;
  }
  if (request.method == "POST" && name == "start" && target.query.empty()) {
    auto start = exec_to_start(request.body);
    if (!start) {
      return broker_refusal(403, start.error().message);
    }
    call.body = std::move(start->body);
    call.reply = start->detached ? BrokerCall::Reply::Whole : BrokerCall::Reply::Hijacked;
    return call;
  }
  return broker_refusal(403, "the broker does not know how to do that with an exec");
}

/// What programs ask of the daemon before they ask for anything: enough to go
/// on.
BrokerAnswer about_ourselves() {
  return {200,
          Json{{"ServerVersion", "20.10"},
               {"OperatingSystem", "pipe's Docker broker"},
               {"OSType", "linux"},
               {"Architecture", "x86_64"},
               {"NCPU", 1},
               {"MemTotal", 0},
               {"Containers", 0},
               {"Images", 0},
               {"Labels", Json::array()}}
              .dump()};
}

BrokerDecision decide_target(const BrokerRequest& request,
                             const Target& target,
                             const BrokerOwner& owner) {
  const std::vector<std::string>& parts = target.parts;
  const bool is_read = request.method == "GET" || request.method == "HEAD";
  if (parts.size() == 1 && is_read && target.query.empty()) {
    if (parts[0] == "_ping" || parts[0] == "version") {
      BrokerCall call;
      call.method = request.method;
      call.before = "/" + parts[0];
      call.reply = BrokerCall::Reply::Stream;  // what it can do is in the reply's head
      return call;
    }
    if (parts[0] == "info") {
      return about_ourselves();
    }
  }
  if (parts[0] == "containers" && parts.size() == 2 && parts[1] == "json" &&
      request.method == "GET") {
    return list_containers(target, owner);
  }
  if (parts[0] == "containers" && parts.size() == 2 && parts[1] == "create" &&
      request.method == "POST") {
    return create_container(target, request.body, owner);
  }
  if (parts[0] == "containers" && (parts.size() == 2 || parts.size() == 3)) {
    return about_container(request, target);
  }
  if (parts[0] == "exec" && parts.size() == 3) {
    return about_exec(request, target);
  }
  if (parts[0] == "images") {
    return broker_refusal(403,
                          "the broker pulls and shows no images; containers "
                          "are made of those that the daemon has");
  }
  return broker_refusal(403, "the broker does not know this call");
}

}  // namespace

BrokerAnswer broker_refusal(unsigned status, std::string_view why) {
  return {status,
          Json{{"message", fmt::format("pipe: {}", why)}}.dump(
              -1, ' ', false, Json::error_handler_t::replace)};
}

BrokerDecision decide(const BrokerRequest& request, const BrokerOwner& owner) {
  const auto target = read_target(request.target);
  if (!target) {
    return broker_refusal(400, "the broker does not take this path or query");
  }
  BrokerDecision decision = decide_target(request, *target, owner);
  if (auto* const call = std::get_if<BrokerCall>(&decision)) {
    call->before.insert(0, target->version);
  }
  return decision;
}

std::string broker_list_path(const BrokerOwner& owner) {
  const Json filters = {{"label", {label_of(owner)}}};
  return "/containers/json" + query_text({{"all", "1"}, {"filters", filters.dump()}});
}

std::vector<std::string> listed_containers(const std::string& list) {
  std::vector<std::string> ids;
  const Json json = Json::parse(list, nullptr, false);
  for (const Json& container : json.is_array() ? json : Json::array()) {
    if (container.is_object() && container.value("Id", Json()).is_string()) {
      ids.push_back(container["Id"].get<std::string>());
    }
  }
  return ids;
}

std::string find_own_container(const std::string& list,
                               const BrokerOwner& owner,
                               const std::string& wanted) {
  const Json json = Json::parse(list, nullptr, false);
  std::string found;
  for (const Json& container : json.is_array() ? json : Json::array()) {
    const Json labels = container.value("Labels", Json::object());
    const std::string id = container.value("Id", "");
    if (!labels.is_object() || labels.value(kBrokerLabel, "") != owner.name || !is_hex(id)) {
      continue;
    }
    const Json names = container.value("Names", Json::array());
    const bool is_called = std::any_of(names.begin(), names.end(), [&](const Json& name) {
      return name == Json("/" + wanted) || name == Json("/" + own_name(owner, wanted));
    });
    if (is_called || id == wanted) {
      return id;
    }
    if (is_hex(wanted) && id.starts_with(wanted)) {
      if (!found.empty()) {
        return "";  // which of two?
      }
      found = id;
    }
  }
  return found;
}

}  // namespace runner
