// Criteria and the services that they need.

#include <algorithm>
#include <charconv>
#include <system_error>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/fields.h"
#include "dsl/ip_address.h"
#include "dsl/lower_task.h"
#include "dsl/pattern.h"
#include "dsl/render.h"
#include "dsl/suggest.h"

namespace dsl {
namespace {

constexpr std::int64_t kDefaultTimeoutMs = 600'000;

/// "localhost" of "http://localhost:8080/x"; empty when an expression stands there.
std::string_view host_of(std::string_view url) {
  std::string_view rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  const std::size_t user = rest.rfind('@');
  rest = user == std::string_view::npos ? rest : rest.substr(user + 1);
  if (rest.substr(0, 1) == "[") {
    return rest.substr(0, rest.find(']') + 1);
  }
  return rest.substr(0, rest.find(':'));
}

/// Whether what follows the host of a URL without expressions is nothing, or a port.
bool has_usable_port(std::string_view url) {
  std::string_view rest = url.substr(url.find("://") + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view host = host_of(url);
  rest.remove_prefix(static_cast<std::size_t>(host.data() + host.size() - rest.data()));
  if (rest.empty()) {
    return true;
  }
  constexpr int kMostPort = 65'535;
  int port = 0;
  const auto [end, failed] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), port);
  return rest[0] == ':' && failed == std::errc() && end == rest.data() + rest.size() && port > 0 &&
         port <= kMostPort;
}

bool is_loopback(std::string_view host) {
  const bool is_v6 = host.starts_with('[') && host.ends_with(']');
  const auto address = IpAddress::parse(is_v6 ? host.substr(1, host.size() - 2) : host);
  return host == "localhost" || (address && address->is_loopback());
}

std::vector<Template> criterion_shell() {
  return {Template("/bin/sh"), Template("-e"), Template("-c")};
}

}  // namespace

// ---- services --------------------------------------------------------------------------------

Service TaskLowering::lower_service(const ServiceSpec& spec, std::size_t layer, bool beside_node) {
  Service service;
  service.name = std::string(spec.name.value);
  service.beside_node = beside_node;
  service.env = lower_variables(spec.env, layer);
  if (spec.command) {
    const bool is_bash = spec.shell && spec.shell.value == "bash";
    std::vector<Template> shell = criterion_shell();
    if (is_bash) {
      shell = {Template("bash"), Template("-eo"), Template("pipefail"), Template("-c")};
    }
    service.command = lower_command(spec.command, shell, layer, service.env);
  }
  service.image = spec.image != nullptr ? lower_image(*spec.image, layer) : node_.image;
  if (spec.port) {
    service.port = spec.port.value;
  }
  if (spec.ready_timeout) {
    service.ready_timeout = spec.ready_timeout.value;
  }
  return service;
}

void TaskLowering::report_unknown_service(const Text& name) {
  std::vector<std::string_view> names;
  for (const ServiceSpec& service : program_.pipeline.services) {
    names.push_back(service.name.value);
  }
  for (const Service& service : node_.services) {
    names.emplace_back(service.name);
  }
  std::string remedy = did_you_mean(name.value, names);
  if (remedy.empty()) {
    remedy = names.empty()
                 ? fmt::format("define it at the top: services: {{{}: {{run: …, port: …}}}}",
                               visible(name.value))
                 : fmt::format("the services are {}", fmt::join(names, ", "));
  }
  program_.findings.error(kUnknownService,
                          name.span,
                          fmt::format("there is no service {}", quoted(name.value)),
                          std::move(remedy));
}

void TaskLowering::lower_services() {
  if (unit_.task == nullptr || unit_.task->services == nullptr) {
    return;
  }
  const auto& pipeline = program_.pipeline.services;
  for (const ServiceSpec& own : unit_.task->services->own) {
    node_.services.push_back(lower_service(own, 0, true));
  }
  for (const Text& name : unit_.task->services->names) {
    const auto spec = std::find_if(pipeline.begin(), pipeline.end(), [&](const ServiceSpec& known) {
      return known.name.value == name.value;
    });
    if (spec == pipeline.end()) {
      report_unknown_service(name);
    } else {
      node_.services.push_back(lower_service(*spec, layers_.size() - 1, true));
    }
  }
}

/// Brings a service that a criterion names into the node, if it is not there yet.
void TaskLowering::use_service(const Text& name) {
  for (const Service& service : node_.services) {
    if (service.name == name.value) {
      return;
    }
  }
  for (const ServiceSpec& spec : program_.pipeline.services) {
    if (spec.name.value == name.value) {
      node_.services.push_back(lower_service(spec, layers_.size() - 1, false));
      return;
    }
  }
  report_unknown_service(name);
}

// ---- checks ----------------------------------------------------------------------------------

HttpCheck TaskLowering::lower_check(const HttpCheckSpec& spec,
                                    const CriterionSpec& criterion,
                                    std::size_t layer) {
  HttpCheck check;
  check.url = text(spec.url, layer);
  if (spec.method) {
    check.method = known(spec.method, layer, "'method'");
  }
  if (spec.status) {
    check.status = spec.status.value;
  }
  if (spec.contains) {
    check.contains = known(spec.contains, layer, "'contains'");
  }
  for (const NamedText& header : spec.headers) {
    check.headers.emplace_back(std::string(header.name.value),
                               known(header.value, layer, "a header"));
  }
  const std::string_view url = spec.url.value;
  const bool starts_known =
      !check.url.pieces.empty() && check.url.pieces[0].kind == Template::Piece::Kind::Literal;
  const std::string_view start = starts_known ? std::string_view(check.url.pieces[0].text) : "";
  const std::size_t scheme = start.find("://");
  if (starts_known && !start.starts_with("http://")) {
    const bool is_tls = start.starts_with("https://");
    program_.findings.error(
        kBadUrl,
        spec.url.span,
        is_tls ? fmt::format("{} cannot be asked: an http check speaks no TLS", quoted(url))
               : fmt::format("{} is no URL", quoted(url)),
        is_tls ? "ask its plain port, or write a run check: curl --fail …"
               : "write it like 'http://localhost:8080/path'");
    return check;
  }
  if (check.url.pieces.size() == 1 && starts_known && !has_usable_port(start)) {
    program_.findings.error(kBadUrl,
                            spec.url.span,
                            fmt::format("{} has no usable port", quoted(url)),
                            "a port is a number between 1 and 65535");
    return check;
  }
  if (!criterion.service) {
    const std::string_view host = scheme == std::string_view::npos ? "" : host_of(start);
    if (!host.empty() && !is_loopback(host)) {
      program_.findings.error(
          kNotLoopback,
          spec.url.span,
          fmt::format("a criterion reaches loopback only, {} is another host", quoted(host)),
          "start what answers as a service, name it with 'service:', and write "
          "http://localhost:PORT/");
    } else {
      program_.findings.error(
          kNoServiceNamed,
          spec.url.span,
          "nothing answers here: a criterion runs by itself, without the task's "
          "own processes",
          "define what answers under 'services:' and add 'service: NAME'");
    }
  }
  return check;
}

FileCheck TaskLowering::lower_check(const FileCheckSpec& spec, std::size_t layer) {
  FileCheck check;
  check.path = known(spec.path, layer, "the path");
  check.exists = !spec.exists || spec.exists.value;
  if (spec.contains) {
    check.contains = known(spec.contains, layer, "'contains'");
  }
  if (spec.matches) {
    check.matches = known(spec.matches, layer, "'matches'");
    if (const Status status = check_pattern(*check.matches); !status) {
      program_.findings.error(kBadPattern,
                              spec.matches.span,
                              fmt::format("no regular expression: {}", status.error().message),
                              status.error().remedy);
    }
  }
  if (spec.executable) {
    check.executable = spec.executable.value;
  }
  return check;
}

JsonCheck TaskLowering::lower_check(const JsonCheckSpec& spec, std::size_t layer) {
  JsonCheck check;
  check.file = known(spec.file, layer, "the path");
  check.pointer = known(spec.pointer, layer, "'pointer'");
  check.comparison = spec.comparison.value;
  check.expected = spec.expected;
  if (spec.expression) {
    CheckedText checked =
        check_text(spec.expression.value, program_.origin(spec.expression), names(layer));
    const bool is_sound = checked.diagnostics.empty();
    program_.findings.add(std::move(checked.diagnostics));
    if (checked.value) {
      check.expected = std::move(*checked.value);
    } else if (is_sound) {
      program_.findings.error(kNoExpression,
                              spec.expression.span,
                              "the expected value must be known before anything runs",
                              "use inputs, matrix values and literals only");
    }
  }
  if (!spec.comparison) {
    check.comparison = JsonCheck::Comparison::Exists;
    check.expected = Value(true);
  }
  if (spec.schema) {
    check.schema = known(spec.schema, layer, "'schema'");
  }
  return check;
}

DiffCheck TaskLowering::lower_check(const DiffCheckSpec& spec, std::size_t layer) {
  for (const StatedList<Text>* patterns : {&spec.only, &spec.never, &spec.must}) {
    for (const Text& pattern : patterns->items) {
      check_path_pattern(
          pattern, "name what is meant under 'only:' or 'never:'", program_.findings);
    }
  }
  return {known(spec.only.items, layer, "a pattern"),
          known(spec.never.items, layer, "a pattern"),
          known(spec.must.items, layer, "a pattern")};
}

Criterion TaskLowering::lower_criterion(const CriterionSpec& spec, std::size_t layer) {
  Criterion criterion;
  criterion.text = known(spec.text, layer, "the text of a box");
  criterion.service = std::string(spec.service.value);
  criterion.red_first = spec.red_first.value;
  criterion.timeout = spec.timeout ? spec.timeout.value : Duration{kDefaultTimeoutMs};
  if (spec.service) {
    use_service(spec.service);
  }
  std::vector<EnvVar> env = lower_variables(spec.env, layer);
  if (const auto* run = std::get_if<RunCheckSpec>(&spec.check)) {
    RunCheck check;
    check.command = lower_command(run->command, criterion_shell(), layer, env);
    check.env = std::move(env);
    check.exit_code = run->exit_code.value;
    criterion.check = std::move(check);
    return criterion;
  }
  if (!spec.env.empty()) {
    program_.findings.error(kUselessKey,
                            spec.env.front().name.span,
                            "only 'run' checks have an environment",
                            "remove 'env', or check with 'run'");
  }
  if (const auto* http = std::get_if<HttpCheckSpec>(&spec.check)) {
    criterion.check = lower_check(*http, spec, layer);
  } else if (const auto* file = std::get_if<FileCheckSpec>(&spec.check)) {
    criterion.check = lower_check(*file, layer);
  } else if (const auto* json = std::get_if<JsonCheckSpec>(&spec.check)) {
    criterion.check = lower_check(*json, layer);
  } else if (const auto* diff = std::get_if<DiffCheckSpec>(&spec.check)) {
    criterion.check = lower_check(*diff, layer);
  } else if (const auto* manual = std::get_if<ManualCheckSpec>(&spec.check)) {
    criterion.check = ManualCheck{known(manual->question, layer, "the question")};
  }
  return criterion;
}

/// The nearest layer's word, as a box of its own in front of all that the file has.
void TaskLowering::lower_flagged() {
  if (unit_.task == nullptr || unit_.task->approval) {
    return;
  }
  Flagged rule = Flagged::Tell;
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    if (const auto& workspace = layer->body->workspace; workspace && workspace->flagged) {
      rule = workspace->flagged.value;
    }
  }
  if (rule != Flagged::Tell) {
    Criterion criterion;
    criterion.text = rule == Flagged::Refuse ? "nothing is changed that reaches beyond the task"
                                             : "what reaches beyond the task is approved";
    criterion.check = FlaggedCheck{rule};
    criterion.timeout = Duration{kDefaultTimeoutMs};
    node_.criteria.push_back(std::move(criterion));
  }
}

void TaskLowering::lower_criteria() {
  lower_flagged();
  if (unit_.task == nullptr) {
    const auto& phase = program_.pipeline.phases[unit_.phase];
    node_.criteria.reserve(phase.criteria.items.size());
    for (const CriterionSpec& spec : phase.criteria.items) {
      node_.criteria.push_back(lower_criterion(spec, 0));
    }
    return;
  }
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const auto& criteria = layers_[layer].body->criteria.items;
    node_.criteria.reserve(node_.criteria.size() + criteria.size());
    for (const CriterionSpec& spec : criteria) {
      node_.criteria.push_back(lower_criterion(spec, layer));
    }
  }
}

}  // namespace dsl
