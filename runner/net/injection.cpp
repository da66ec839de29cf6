#include "runner/net/injection.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "dsl/egress.h"
#include "runner/net/head_rewrite.h"

namespace runner {
namespace {

/// One head, and the secrets whose values it still waits for.
struct Filling {
  Secrets& secrets;
  std::string head;
  std::vector<std::pair<dsl::Secret, HeadSecret>> wanted;
  std::vector<HeadSecret> ready;
  std::shared_ptr<std::set<std::string>> values;  // those that were put in
  std::function<void(dsl::Result<std::string>)> done;
};

void fill_next(const std::shared_ptr<Filling>& filling) {
  if (filling->ready.size() == filling->wanted.size()) {
    filling->done(rewrite_head(filling->head, filling->ready));
    return;
  }
  const dsl::Secret& secret = filling->wanted[filling->ready.size()].first;
  filling->secrets.value_of(secret, [filling](dsl::Result<std::string> value) {
    if (!value) {
      filling->done(value.error());
      return;
    }
    filling->ready.push_back(filling->wanted[filling->ready.size()].second);
    filling->values->insert(*value);
    filling->ready.back().value = *std::move(value);
    fill_next(filling);
  });
}

}  // namespace

Injection::Injection(Secrets* secrets, std::vector<LentSecret> lent) : secrets_(secrets) {
  for (LentSecret& one : lent) {
    One kept{std::move(one), {}};
    for (const std::string& text : kept.lent.secret.hosts) {
      if (auto host = dsl::parse_secret_host(text)) {
        kept.hosts.push_back(*std::move(host));
      }
    }
    all_.push_back(std::move(kept));
  }
}

std::optional<Upstream> Injection::upstream(std::string_view name, std::uint16_t port) const {
  std::optional<Upstream> found;
  for (const One& one : all_) {
    for (const dsl::SecretHost& host : one.hosts) {
      const bool usual = !host.clear && host.port == dsl::kHttpsPort && port == dsl::kHttpPort;
      if (!host.matches_name(name) || (host.port != port && !usual)) {
        continue;
      }
      if (!host.clear) {
        return Upstream{true, host.port};
      }
      found = Upstream{false, host.port};
    }
  }
  return found;
}

void Injection::fill(std::string head,
                     const std::string& name,
                     const Upstream& upstream,
                     std::function<void(dsl::Result<std::string>)> done) const {
  std::vector<std::pair<dsl::Secret, HeadSecret>> wanted;
  for (const One& one : all_) {
    const bool allowed =
        std::any_of(one.hosts.begin(), one.hosts.end(), [&](const dsl::SecretHost& host) {
          return host.matches_name(name) && host.port == upstream.port &&
                 host.clear == !upstream.tls;
        });
    HeadSecret secret{one.lent.token, one.lent.secret.header, ""};
    if (allowed && goes_into(head, secret)) {
      wanted.emplace_back(one.lent.secret, std::move(secret));
    }
  }
  if (wanted.empty()) {
    done(std::move(head));
    return;
  }
  fill_next(std::make_shared<Filling>(
      Filling{*secrets_, std::move(head), std::move(wanted), {}, values_, std::move(done)}));
}

}  // namespace runner
