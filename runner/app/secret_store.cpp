#include "runner/app/secret_store.h"

#include <cstdlib>
#include <set>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "dsl/render.h"
#include "runner/app/env_file.h"
#include "runner/app/own_environment.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {

using dsl::Error;
using dsl::Result;
using dsl::Secret;
using dsl::Status;

namespace {

constexpr std::int64_t kMostBytes = 64 << 10;   // of a value
constexpr std::int64_t kMostEnvFile = 1 << 20;  // bytes
constexpr std::size_t kShort = 8;               // bytes: masked, but found in innocent texts too
constexpr dsl::Duration kCommandTime{60'000};   // it may have to ask a server
constexpr const char* kMadeUp = "made-up-for-a-rehearsal";
constexpr int kTokenWords = 6;          // of 32 random bits
constexpr std::size_t kMostTold = 200;  // bytes of what a command said on STDERR

/// What editors and `echo` put at the end is not part of a value.
std::string without_line_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  return text;
}

/// What a value must be, whoever gave it; nothing of the value is told.
Status check_value(const Secret& secret, const std::string& value) {
  const std::string name = dsl::quoted(secret.name);
  if (value.empty()) {
    return Error{"the secret " + name + " is empty", "give it a value, or remove it"};
  }
  if (value.size() < kLeastMasked) {
    return Error{fmt::format("the secret {} has {} bytes; so short a value cannot be kept out of "
                             "logs",
                             name,
                             value.size()),
                 fmt::format("use one of at least {}", kLeastMasked)};
  }
  if (value.find('\0') != std::string::npos) {
    return Error{"the secret " + name + " has a NUL byte in it",
                 "encode it, for example in base64"};
  }
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (!secret.hosts.empty() && (byte < ' ' || byte == 0x7f)) {
      return Error{"the secret " + name +
                       " has a line break or another control character in it, "
                       "which no header can carry",
                   "remove it from the value"};
    }
  }
  return dsl::Ok{};
}

/// From now on our memory holds what no file may.
void leave_no_core_dump() {
  rlimit limit{};
  if (getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur != 0) {
    limit.rlim_cur = 0;
    setrlimit(RLIMIT_CORE, &limit);
  }
}

std::string why_it_failed(const Finished& finished) {
  if (finished.timed_out) {
    return "did not end within " + dsl::to_text(kCommandTime);
  }
  std::string why = WIFEXITED(finished.wait_status)
                        ? fmt::format("exit {}", WEXITSTATUS(finished.wait_status))
                        : fmt::format("killed by signal {}", WTERMSIG(finished.wait_status));
  const std::string said = without_line_end(finished.err);
  const std::string last = said.substr(said.rfind('\n') + 1);
  if (!last.empty()) {
    why += ": " + dsl::visible(last.substr(0, kMostTold));
  }
  return why;
}

}  // namespace

SecretStore::SecretStore(EventLoop& loop, SecretStoreOptions options)
    : loop_(loop), options_(std::move(options)) {}

SecretStore::~SecretStore() = default;

// ---- before the run --------------------------------------------------------------------------

struct SecretStore::Loading {
  std::vector<Secret> left;  // the next one at the back
  Loaded loaded;
  std::function<void(Loaded)> done;
};

void SecretStore::load(const dsl::Plan& plan, std::function<void(Loaded)> done) {
  auto loading = std::make_shared<Loading>();
  loading->done = std::move(done);
  std::set<std::pair<Key, bool>> seen;
  for (auto node = plan.nodes.rbegin(); node != plan.nodes.rend(); ++node) {
    for (auto secret = node->secrets.rbegin(); secret != node->secrets.rend(); ++secret) {
      if (seen.emplace(key_of(*secret), secret->hosts.empty()).second) {
        loading->left.push_back(*secret);
      }
    }
  }
  std::vector<std::string> settings;
  if (!options_.settings_env_file.empty()) {
    settings.push_back(options_.settings_env_file);
  }
  if (!loading->left.empty()) {
    for (const auto& [paths, files] :
         {std::pair{&options_.env_files, &above_},
          std::pair{&plan.env_files, &below_},
          std::pair<const std::vector<std::string>*, std::vector<EnvFile>*>{&settings, &below_}}) {
      if (const Status read = read_env_files(*paths, *files); !read) {
        loading->loaded.problems.push_back(read.error());
      }
    }
  }
  load_next(loading);
}

void SecretStore::load_next(const std::shared_ptr<Loading>& loading) {
  if (loading->left.empty()) {
    loading->done(std::move(loading->loaded));
    return;
  }
  const Secret secret = std::move(loading->left.back());
  loading->left.pop_back();
  value_of(secret, [this, loading, secret](const Result<std::string>& value) {
    const Status usable = value ? check_value(secret, *value) : Status(value.error());
    if (!usable) {
      loading->loaded.problems.push_back(usable.error());
    } else if (value->size() < kShort) {
      loading->loaded.warnings.push_back(
          {fmt::format("the secret {} has {} bytes; wherever a log has them, it shows '{}'",
                       dsl::quoted(secret.name),
                       value->size(),
                       kMask),
           "use a longer value"});
    }
    load_next(loading);
  });
}

Status SecretStore::read_env_files(const std::vector<std::string>& paths,
                                   std::vector<EnvFile>& files) {
  for (const std::string& path : paths) {
    const Result<std::string> text = files::read_file(path, kMostEnvFile);
    if (!text) {
      return Error{"env file: " + text.error().message, "name one that is there"};
    }
    auto variables = parse_env_file(*text);
    if (!variables) {
      return Error{"env file '" + path + "': " + variables.error().message,
                   variables.error().remedy};
    }
    files.push_back({path, *std::move(variables)});
  }
  return dsl::Ok{};
}

// ---- values ----------------------------------------------------------------------------------

void SecretStore::value_of(const Secret& secret, Done done) {
  Entry& entry = entries_[key_of(secret)];
  const bool expired = secret.expires > dsl::Duration{0} &&
                       loop_.monotonic_ms() - entry.made_ms >= secret.expires.ms;
  if (entry.value && !expired) {
    done(*entry.value);
    return;
  }
  entry.waiting.push_back(std::move(done));
  if (entry.waiting.size() > 1) {
    return;  // under way
  }
  if (options_.is_made_up && options_.is_made_up(secret)) {
    finish(secret, std::string(kMadeUp));
  } else if (secret.command.empty()) {
    finish(secret, look_up(secret));
  } else {
    run_command(secret);
  }
}

Result<std::string> SecretStore::look_up(const Secret& secret) const {
  const std::string name = dsl::quoted(secret.name);
  if (!secret.file.empty()) {
    Result<std::string> text = files::read_file(secret.file, kMostBytes);
    if (!text) {
      return Error{"the secret " + name + ": " + text.error().message,
                   "make that file, or name another one with `file:`"};
    }
    return without_line_end(*std::move(text));
  }
  std::string looked;
  const auto find = [&](const std::vector<EnvFile>& files) -> const std::string* {
    const std::string* found = nullptr;
    for (const EnvFile& file : files) {
      looked += (looked.empty() ? "" : ", ") + ("'" + file.path + "'");
      for (const auto& [variable, value] : file.variables) {
        found = variable == secret.name ? &value : found;
      }
      if (found != nullptr) {
        return found;
      }
    }
    return nullptr;
  };
  if (const std::string* const found = find(above_)) {
    return *found;
  }
  if (const char* const found = std::getenv(secret.name.c_str()); found != nullptr) {
    return std::string(found);
  }
  looked += looked.empty() ? "the environment" : ", the environment";
  if (const std::string* const found = find(below_)) {
    return *found;
  }
  return Error{fmt::format("the secret {} is missing; looked in {}", name, looked),
               fmt::format("export {0}=…, write {0}=… into a file and name it with --env-file, or "
                           "say where it is: {{{0}: {{command: […]}}}}",
                           secret.name)};
}

void SecretStore::run_command(const Secret& secret) {
  SpawnRequest request;
  request.argv = secret.command;
  request.env = own_environment();
  request.working_directory = options_.directory;
  run_to_end(loop_,
             std::move(request),
             kCommandTime,
             kMostBytes,
             [this, secret](Result<Finished> finished) {
               const std::string what =
                   "the command of the secret " + dsl::quoted(secret.name) + ": ";
               if (!finished) {
                 finish(secret, Error{what + finished.error().message, finished.error().remedy});
               } else if (!finished->ok()) {
                 finish(secret,
                        Error{what + why_it_failed(*finished),
                              fmt::format("see what `{}` says", fmt::join(secret.command, " "))});
               } else {
                 finish(secret, without_line_end(std::move(finished->out)));
               }
             });
}

void SecretStore::finish(const Secret& secret, Result<std::string> value) {
  Entry& entry = entries_[key_of(secret)];
  if (value) {
    if (const Status usable = check_value(secret, *value); !usable) {
      value = usable.error();
    }
  }
  if (value) {
    leave_no_core_dump();
    entry.value = *value;
    entry.made_ms = loop_.monotonic_ms();
    masking_.add(*value);
  }
  for (const Done& done : std::exchange(entry.waiting, {})) {
    done(value);
  }
}

std::string SecretStore::new_token() {
  std::string token = kTokenBegin;
  for (int i = 0; i < kTokenWords; ++i) {
    token += fmt::format("{:08x}", options_.random());
  }
  return token;
}

}  // namespace runner
