#pragma once

// The values of a run's secrets, as executor and gateway see them. They live in the runner's memory
// and nowhere else. Implemented by app/secret_store; a scripted one in tests. Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/masking.h"

namespace runner {

/// How every token begins; lower-case hexadecimal digits follow.
inline constexpr const char* kTokenBegin = "pipe-token-";

class Secrets {
 public:
  using Done = std::function<void(dsl::Result<std::string>)>;

  Secrets() = default;
  Secrets(const Secrets&) = delete;
  Secrets& operator=(const Secrets&) = delete;
  virtual ~Secrets() = default;

  /// The value as it is now: a command whose value has expired runs again. `done` is called once,
  /// perhaps inside this call. An Error has the name, and never a value.
  virtual void value_of(const dsl::Secret& secret, Done done) = 0;

  /// A new word that stands for a secret inside one job, and means nothing anywhere else.
  virtual std::string new_token() = 0;

  /// Everything that is known. Outlives the run.
  [[nodiscard]] virtual const Masking& masking() const = 0;
};

/// A secret that the gateway sends, and what a job has in its place.
struct LentSecret {
  dsl::Secret secret;
  std::string token;
};

/// What one job gets of the secrets of its node.
class JobSecrets {
 public:
  /// Without `secrets` (null) a node has none.
  JobSecrets(Secrets* secrets, const std::vector<dsl::Secret>& declared);

  /// Looks the values up that the job is to see. `done` is called once, perhaps inside this call;
  /// this must live until then.
  void prepare(std::function<void(dsl::Status)> done);

  /// Names of secrets, and tokens or values. REQUIRES (this and the next): prepared.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& variables() const {
    return variables_;
  }
  /// Names and contents of what it sees in files.
  [[nodiscard]] const std::vector<std::pair<std::string, std::string>>& files() const {
    return files_;
  }
  /// For the gateway.
  [[nodiscard]] const std::vector<LentSecret>& lent() const { return lent_; }

 private:
  void next(std::size_t index);

  Secrets* const secrets_;
  const std::vector<dsl::Secret>& declared_;
  std::function<void(dsl::Status)> done_;
  std::vector<std::pair<std::string, std::string>> variables_;
  std::vector<std::pair<std::string, std::string>> files_;
  std::vector<LentSecret> lent_;
};

}  // namespace runner
