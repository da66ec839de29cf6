#include "runner/app/plan_approval.h"

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "runner/sys/files.h"
#include "runner/sys/process.h"

namespace runner {

namespace {

namespace fs = std::filesystem;
using dsl::Error;
using dsl::PlanApproval;
using dsl::Result;

constexpr const char* kNamespace = "pipe-plan";
constexpr dsl::Duration kLongest{120'000};  // somebody may have to find a passphrase
constexpr std::size_t kMostOutput = 64 << 10;

/// A folder that nobody else can look into, removed at the end.
class PrivateFolder {
 public:
  PrivateFolder() {
    std::string name = (fs::temp_directory_path(failed_) / "pipe-plan-XXXXXX").string();
    path_ = ::mkdtemp(name.data()) == nullptr ? "" : name;
  }
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;
  ~PrivateFolder() {
    if (!path_.empty()) {
      static_cast<void>(files::remove_tree(path_));
    }
  }

  /// Writes a file into it; its path.
  Result<std::string> with(const std::string& name, const std::string& bytes) const {
    if (path_.empty()) {
      return Error{"cannot make a temporary folder", "set TMPDIR to a folder that can be written"};
    }
    const std::string path = path_ + "/" + name;
    const dsl::Status written = files::write_atomically(path, bytes, files::Durable::No, 0600);
    return written ? Result<std::string>(path) : Result<std::string>(written.error());
  }

 private:
  std::error_code failed_;
  std::string path_;
};

/// `input`: a file for STDIN, "" nothing.
Result<Finished> run_program(std::vector<std::string> argv, const std::string& input) {
  EventLoop loop;
  SpawnRequest request;
  request.argv = std::move(argv);
  for (const char* name : {"HOME", "PATH", "SSH_AUTH_SOCK", "TERM", "XDG_CONFIG_HOME"}) {
    if (const char* value = std::getenv(name)) {
      request.env.emplace_back(name, value);
    }
  }
  request.new_session = false;  // a passphrase is asked for on our terminal
  Fd stdin_file;
  if (!input.empty()) {
    stdin_file = Fd(::open(input.c_str(), O_RDONLY | O_CLOEXEC));
    request.descriptors.emplace_back(stdin_file.get(), 0);
  }
  std::optional<Result<Finished>> finished;
  run_to_end(loop, std::move(request), kLongest, kMostOutput, [&](Result<Finished> end) {
    finished = std::move(end);
  });
  while (!finished) {
    loop.run_for(dsl::Duration{1'000});
  }
  return *std::move(finished);
}

std::string first_line(const std::string& text) {
  return files::printable(text.substr(0, text.find('\n')));
}

/// "" where the signature fits the statement, and the name where `signers` is given; else why not.
std::string why_invalid(const PlanApproval& approval, const std::string& signers) {
  const PrivateFolder folder;
  const auto statement = folder.with("statement", dsl::statement_of(approval));
  const auto signature = folder.with("signature", approval.signature);
  if (!statement || !signature) {
    return statement ? signature.error().message : statement.error().message;
  }
  std::vector<std::string> argv = {
      "ssh-keygen", "-Y", signers.empty() ? "check-novalidate" : "verify"};
  if (!signers.empty()) {
    argv.insert(argv.end(), {"-f", signers, "-I", approval.by});
  }
  argv.insert(argv.end(), {"-n", kNamespace, "-s", *signature});
  const Result<Finished> checked = run_program(std::move(argv), *statement);
  if (!checked) {
    return checked.error().message;
  }
  if (checked->ok()) {
    return "";
  }
  const std::string said = first_line(checked->err.empty() ? checked->out : checked->err);
  return said.empty() ? "ssh-keygen does not say why" : said;
}

}  // namespace

std::string usual_signing_key() {
  const auto is_file = [](const std::string& path) {
    std::error_code failed;
    return fs::is_regular_file(path, failed);
  };
  const char* const home_variable = std::getenv("HOME");
  const std::string home = home_variable == nullptr ? "" : home_variable;
  const Result<Finished> named =
      run_program({"git", "config", "--type=path", "--get", "user.signingkey"}, "");
  if (named && named->ok() && is_file(first_line(named->out))) {
    return first_line(named->out);
  }
  for (const char* name : {"id_ed25519", "id_ecdsa", "id_rsa"}) {
    const std::string path = home + "/.ssh/" + name;
    if (!home.empty() && is_file(path)) {
      return path;
    }
  }
  return "";
}

Result<PlanApproval> signed_approval(PlanApproval approval, const std::string& key) {
  const PrivateFolder folder;
  const auto statement = folder.with("statement", dsl::statement_of(approval));
  if (!statement) {
    return statement.error();
  }
  const Result<Finished> made =
      run_program({"ssh-keygen", "-Y", "sign", "-q", "-f", key, "-n", kNamespace, *statement}, "");
  if (!made) {
    return made.error().within("sign");
  }
  if (!made->ok()) {
    return Error{
        fmt::format("'{}' does not sign: {}", files::printable(key), first_line(made->err)),
        "name another key with --key, or approve without one: --unsigned"};
  }
  Result<std::string> signature = files::read_file(*statement + ".sig", 64 << 10);
  if (!signature) {
    return signature.error().within("sign");
  }
  approval.signature = *std::move(signature);
  return approval;
}

CheckedApprovals check_approvals(const dsl::SealedPlan& plan, const std::string& allowed_signers) {
  CheckedApprovals checked;
  for (const PlanApproval& approval : plan.approvals) {
    const std::string who = files::printable(approval.by);
    const auto refuse = [&](const std::string& why, const std::string& remedy) {
      checked.problems.push_back(
          {fmt::format("the approval of '{}' does not count: {}", who, why), remedy});
    };
    if (approval.digest != plan.digest) {
      refuse("it is for another plan", "have this one approved: `pipe approve PLAN`");
      continue;
    }
    if (approval.signature.empty() && !allowed_signers.empty()) {
      refuse("it is not signed, and the setting 'allowed_signers' names who may sign",
             "approve again with `--key FILE`");
      continue;
    }
    if (!approval.signature.empty()) {
      if (const std::string why = why_invalid(approval, allowed_signers); !why.empty()) {
        refuse(why, "have the plan approved again");
        continue;
      }
    }
    checked.by.push_back(approval.by + (approval.signature.empty() ? " (a plain record)"
                                        : allowed_signers.empty()
                                            ? " (signed)"
                                            : " (signed, an allowed signer)"));
  }
  return checked;
}

}  // namespace runner
