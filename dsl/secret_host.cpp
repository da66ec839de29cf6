#include "dsl/secret_host.h"

#include <algorithm>
#include <array>

#include "dsl/egress.h"
#include "dsl/render.h"

namespace dsl {
namespace {

constexpr std::string_view kHttp = "http://";
constexpr std::string_view kHttps = "https://";

/// Fields by which a request is framed or led; a value in them would change what is looked at.
constexpr std::array<std::string_view, 9> kFraming = {"host",
                                                      "content-length",
                                                      "transfer-encoding",
                                                      "connection",
                                                      "upgrade",
                                                      "te",
                                                      "trailer",
                                                      "expect",
                                                      "http2-settings"};

bool same(std::string_view left, std::string_view right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [&](char a, char b) {
    return lower(a) == lower(b);
  });
}

bool is_field_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

struct Known {
  std::string_view name;
  std::array<std::string_view, 3> hosts;
};
/// Where each credential is used: the base URLs of the agents and SDKs, and of GitHub's REST API.
constexpr std::array<Known, 9> kKnown{{
    {"ANTHROPIC_API_KEY", {"api.anthropic.com:443"}},
    {"ANTHROPIC_AUTH_TOKEN", {"api.anthropic.com:443"}},
    {"CLAUDE_CODE_OAUTH_TOKEN", {"api.anthropic.com:443"}},
    {"OPENAI_API_KEY", {"api.openai.com:443"}},
    {"CODEX_API_KEY", {"api.openai.com:443"}},
    {"GEMINI_API_KEY", {"generativelanguage.googleapis.com:443"}},
    {"GOOGLE_API_KEY", {"generativelanguage.googleapis.com:443"}},
    {"GITHUB_TOKEN", {"api.github.com:443", "github.com:443", "uploads.github.com:443"}},
    {"GH_TOKEN", {"api.github.com:443", "github.com:443", "uploads.github.com:443"}},
}};

}  // namespace

bool SecretHost::matches_name(std::string_view name) const {
  if (!below) {
    return name == host;
  }
  return name.size() > host.size() + 1 && name.substr(name.size() - host.size()) == host &&
         name[name.size() - host.size() - 1] == '.';
}

Result<SecretHost> parse_secret_host(std::string_view text) {
  SecretHost result;
  std::string_view rest = text;
  for (const std::string_view scheme : {kHttp, kHttps}) {
    if (same(rest.substr(0, scheme.size()), scheme)) {
      result.clear = scheme == kHttp;
      rest.remove_prefix(scheme.size());
    }
  }
  if (!rest.empty() && rest.back() == '/') {
    rest.remove_suffix(1);
  }
  const Result<EgressRule> rule = parse_egress_rule(rest);
  if (!rule) {
    return rule.error();
  }
  const bool one_host =
      rule->kind == EgressRule::Kind::Name || rule->kind == EgressRule::Kind::Below;
  if (!one_host || rule->udp || rule->ports.size() > 1) {
    return Error{quoted(text) + " is not a host that a secret can be sent to",
                 "name one host and port: api.example.org, '*.example.org:8443', or "
                 "http://build.internal:8080 to send it in clear"};
  }
  result.below = rule->kind == EgressRule::Kind::Below;
  result.host = rule->host;
  result.port = !rule->ports.empty() ? rule->ports.front() : result.clear ? kHttpPort : kHttpsPort;
  return result;
}

std::string to_text(const SecretHost& host) {
  return std::string(host.clear ? kHttp : "") + (host.below ? "*." : "") + host.host + ":" +
         std::to_string(host.port);
}

Result<SecretHeader> parse_secret_header(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::size_t hole = text.find(kSecretValueHole);
  const std::string example = "write \"Authorization: Bearer ${value}\"";
  if (colon == std::string_view::npos || hole == std::string_view::npos || hole < colon ||
      text.find(kSecretValueHole, hole + 1) != std::string_view::npos) {
    return Error{"a header is a name, ':' and a text with one ${value} in it", example};
  }
  SecretHeader header;
  header.name = std::string(text.substr(0, colon));
  std::string_view before = text.substr(colon + 1, hole - colon - 1);
  before.remove_prefix(std::min(before.find_first_not_of(' '), before.size()));
  header.before = std::string(before);
  header.after = std::string(text.substr(hole + kSecretValueHole.size()));
  if (!is_field_name(header.name) || !is_printable(header.before) || !is_printable(header.after)) {
    return Error{quoted(text) + " is not a header of HTTP", example};
  }
  const bool frames = std::any_of(kFraming.begin(), kFraming.end(), [&](std::string_view name) {
    return same(name, header.name);
  });
  if (frames) {
    return Error{"the header " + quoted(header.name) + " says where a request goes or ends",
                 example};
  }
  return header;
}

std::vector<std::string> known_secret_hosts(std::string_view name) {
  std::vector<std::string> hosts;
  for (const Known& known : kKnown) {
    for (const std::string_view host : known.hosts) {
      if (known.name == name && !host.empty()) {
        hosts.emplace_back(host);
      }
    }
  }
  return hosts;
}

}  // namespace dsl
