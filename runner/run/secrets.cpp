#include "runner/run/secrets.h"

namespace runner {

JobSecrets::JobSecrets(Secrets* secrets, const std::vector<dsl::Secret>& declared)
    : secrets_(secrets), declared_(declared) {}

void JobSecrets::prepare(std::function<void(dsl::Status)> done) {
  done_ = std::move(done);
  if (secrets_ == nullptr && !declared_.empty()) {
    std::exchange(done_, nullptr)(dsl::Error{"BUG: a node with secrets, and nobody to ask", ""});
    return;
  }
  next(0);
}

void JobSecrets::next(std::size_t index) {
  while (index < declared_.size() && declared_[index].expose == dsl::Secret::Expose::No) {
    const dsl::Secret& secret = declared_[index++];
    lent_.push_back({secret, secrets_->new_token()});
    variables_.emplace_back(secret.name, lent_.back().token);
  }
  if (index == declared_.size()) {
    std::exchange(done_, nullptr)(dsl::Ok{});
    return;
  }
  const dsl::Secret& secret = declared_[index];
  secrets_->value_of(secret, [this, index, &secret](dsl::Result<std::string> value) {
    if (!value) {
      std::exchange(done_, nullptr)(value.error());
      return;
    }
    auto& where = secret.expose == dsl::Secret::Expose::File ? files_ : variables_;
    where.emplace_back(secret.name, *std::move(value));
    next(index + 1);
  });
}

}  // namespace runner
