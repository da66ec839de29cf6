#include "runner/app/rehearsal.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "dsl/secret_host.h"
#include "runner/rehearsal/provider.h"

namespace runner {
namespace {

constexpr std::array<std::string_view, 3> kModelHosts = {
    "api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"};

bool is_model_host(const dsl::SecretHost& host) {
  return !host.below &&
         std::find(kModelHosts.begin(), kModelHosts.end(), host.host) != kModelHosts.end();
}

bool all_are_model_hosts(const std::vector<std::string>& hosts) {
  return !hosts.empty() && std::all_of(hosts.begin(), hosts.end(), [](const std::string& text) {
    const auto host = dsl::parse_secret_host(text);
    return host && is_model_host(*host);
  });
}

/// The hosts of models that a plan has besides the well-known ones: proxies, gateways of a company.
std::vector<dsl::SecretHost> other_hosts(const dsl::Plan& plan) {
  std::vector<dsl::SecretHost> all;
  for (const dsl::PlanNode& node : plan.nodes) {
    for (const dsl::Secret& secret : node.secrets) {
      for (const std::string& text : secret.hosts) {
        if (const auto host = dsl::parse_secret_host(text); host && is_key_of_models(secret)) {
          all.push_back(*host);
        }
      }
    }
  }
  return all;
}

class NoCache final : public ResultCache {
 public:
  dsl::Result<std::optional<CachedResult>> lookup(const std::string&) override {
    return std::optional<CachedResult>();
  }
  dsl::Status store(const std::string&, const std::string&, const CachedResult&) override {
    return dsl::Ok{};
  }
  bool knows(const std::string&) override { return false; }
};

}  // namespace

bool is_rehearsal(const std::string& run_folder) {
  return ::access((run_folder + "/" + kRehearsalFile).c_str(), F_OK) == 0;
}

bool is_key_of_models(const dsl::Secret& secret) {
  return all_are_model_hosts(secret.hosts) ||
         all_are_model_hosts(dsl::known_secret_hosts(secret.name));
}

struct Rehearsal::Impl {
  Impl(EventLoop& loop, Script script, const dsl::Plan& plan)
      : provider(loop, std::move(script)), hosts(other_hosts(plan)) {}

  [[nodiscard]] bool stands_in_for(const std::string& name) const {
    return std::find(kModelHosts.begin(), kModelHosts.end(), name) != kModelHosts.end() ||
           std::any_of(hosts.begin(), hosts.end(), [&](const dsl::SecretHost& host) {
             return host.matches_name(name);
           });
  }

  ScriptedProvider provider;
  std::vector<dsl::SecretHost> hosts;
  NoCache cache;
};

Rehearsal::Rehearsal(EventLoop& loop, Script script, const dsl::Plan& plan)
    : impl_(std::make_unique<Impl>(loop, std::move(script), plan)) {}
Rehearsal::~Rehearsal() = default;

Observer& Rehearsal::observer() {
  return impl_->provider;
}

StandIn Rehearsal::stand_in() {
  return [this](const std::string& job, const std::string& name) -> std::optional<Fd> {
    if (!impl_->stands_in_for(name)) {
      return std::nullopt;
    }
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
      return Fd();
    }
    impl_->provider.serve(job, Fd(ends[0]));
    return Fd(ends[1]);
  };
}

ResultCache& Rehearsal::cache() {
  return impl_->cache;
}

RehearsalSum Rehearsal::sum() const {
  RehearsalSum sum;
  for (const ScriptedBill& bill : impl_->provider.bills()) {
    ++sum.requests;
    const ScriptUsage& usage = bill.usage;
    sum.tokens +=
        usage.input + usage.output + usage.thinking + usage.cache_read + usage.cache_write;
  }
  sum.failed = impl_->provider.answers() - sum.requests;
  return sum;
}

bool Rehearsal::was_kept() const {
  return impl_->provider.was_kept();
}

std::vector<dsl::Error> Rehearsal::differences() const {
  std::vector<dsl::Error> all;
  for (std::string& text : impl_->provider.differences()) {
    all.push_back({std::move(text), ""});
  }
  return all;
}

}  // namespace runner
