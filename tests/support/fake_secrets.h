#pragma once

// Secrets whose values the test says, told at once.

#include <map>
#include <string>
#include <vector>

#include "runner/run/secrets.h"

namespace runner::test {

class FakeSecrets final : public Secrets {
 public:
  void know(const std::string& name, const std::string& value) {
    values[name] = value;
    masking_.add(value);
  }

  void value_of(const dsl::Secret& secret, Done done) override {
    asked.push_back(secret.name);
    const auto found = values.find(secret.name);
    if (found == values.end()) {
      done(dsl::Error{"no value of " + secret.name, ""});
    } else {
      done(found->second);
    }
  }
  std::string new_token() override { return "token-" + std::to_string(++tokens); }
  [[nodiscard]] const Masking& masking() const override { return masking_; }

  std::map<std::string, std::string> values;
  std::vector<std::string> asked;
  int tokens = 0;

 private:
  Masking masking_;
};

}  // namespace runner::test
