#pragma once

// Where the values of secrets come from: a variable (of the command line's env files, our own
// environment, the pipeline's env files, the settings' one, in this order), a file, or a command.
// Values are kept in memory until the run ends, and nowhere else. Loop thread.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/secrets.h"
#include "runner/sys/event_loop.h"

namespace runner {

struct SecretStoreOptions {
  std::vector<std::string> env_files;  // of the command line, absolute
  std::string settings_env_file;       // "" none
  std::string directory;               // in which commands run
  std::function<std::uint32_t()> random;
  /// Which secrets nobody has to have: their value is made up. Empty: none.
  std::function<bool(const dsl::Secret&)> is_made_up;
};

class SecretStore final : public Secrets {
 public:
  SecretStore(EventLoop& loop, SecretStoreOptions options);
  ~SecretStore() override;

  /// Gets the values of all secrets of the plan, whose paths are absolute; commands run now. What
  /// is missing or cannot be used is in `problems`, with where it was looked for; `done` comes
  /// once.
  struct Loaded {
    std::vector<dsl::Error> problems;
    std::vector<dsl::Error> warnings;
  };
  void load(const dsl::Plan& plan, std::function<void(Loaded)> done);

  void value_of(const dsl::Secret& secret, Done done) override;
  std::string new_token() override;
  [[nodiscard]] const Masking& masking() const override { return masking_; }

 private:
  using Key = std::tuple<std::string, std::string, std::vector<std::string>>;
  struct Entry {
    std::optional<std::string> value;
    std::int64_t made_ms = 0;
    std::vector<Done> waiting;  // for the command that is running
  };
  struct EnvFile {
    std::string path;
    std::vector<std::pair<std::string, std::string>> variables;
  };
  struct Loading;

  static Key key_of(const dsl::Secret& secret) {
    return {secret.name, secret.file, secret.command};
  }
  void load_next(const std::shared_ptr<Loading>& loading);
  dsl::Status read_env_files(const std::vector<std::string>& paths, std::vector<EnvFile>& files);
  [[nodiscard]] dsl::Result<std::string> look_up(const dsl::Secret& secret) const;
  void run_command(const dsl::Secret& secret);
  void finish(const dsl::Secret& secret, dsl::Result<std::string> value);

  EventLoop& loop_;
  const SecretStoreOptions options_;
  std::vector<EnvFile> above_;  // the environment
  std::vector<EnvFile> below_;
  std::map<Key, Entry> entries_;
  Masking masking_;
};

}  // namespace runner
