#include "runner/app/recording.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/render.h"
#include "runner/rehearsal/answer_reader.h"
#include "runner/rehearsal/script_writer.h"
#include "runner/run/meter.h"
#include "runner/run/secrets.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

/// What nodes had in the place of keys means nothing any more; it is left out all the same.
std::string without_tokens(std::string text) {
  for (std::size_t at = 0; (at = text.find(kTokenBegin, at)) != std::string::npos;) {
    const std::size_t end =
        text.find_first_not_of("0123456789abcdef", at + std::string_view(kTokenBegin).size());
    text.replace(at, std::min(end, text.size()) - at, kMask);
  }
  return text;
}

}  // namespace

ModelListener Recording::listener() {
  return {
      [this](const std::string& network) { return recorder_.ask(network); },
      [this](
          const std::string& network, std::size_t turn, ModelApi api, const HeardAnswer& answer) {
        recorder_.hear(network, turn, turn_of(answer, api));
      }};
}

dsl::Status Recording::write(const dsl::RunId& run,
                             const dsl::Plan& plan,
                             const Masking& masking) const {
  const std::string about = fmt::format(
      "What the models of run {} said, of the pipeline '{}'; secrets are masked. Read it before\n"
      "you hand it on: it has all that was said of the project.\n\n"
      "  pipe rehearse PIPELINE --script THIS_FILE",
      run.value,
      plan.name);
  const std::string text =
      without_tokens(masking.masked(script_to_yaml(recorder_.script(), about)));
  const dsl::Status written =
      files::write_atomically(file_, text, files::Durable::Yes, S_IRUSR | S_IWUSR);
  return written ? written : dsl::Status(written.error().within("--record"));
}

dsl::Status may_record(const std::string& file, const dsl::Plan& plan) {
  if (std::none_of(plan.nodes.begin(), plan.nodes.end(), is_metered)) {
    return dsl::Error{"nothing to record: no task has an agent whose model is asked through pipe",
                      "give it an agent with a `provider:`, and its key as a secret; or leave "
                      "--record out"};
  }
  struct stat found {};
  if (::lstat(file.c_str(), &found) == 0) {
    return dsl::Error{dsl::quoted(file) + " is there already", "name another file, or remove it"};
  }
  // Found now, and not when the run has been paid for.
  const std::string folder = std::filesystem::path(file).parent_path();
  if (::access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) != 0) {
    return dsl::Error{
        fmt::format("cannot write to {}: {}", dsl::quoted(folder), strerrordesc_np(errno)),
        "name a file in a folder of yours"};
  }
  return dsl::Ok{};
}

}  // namespace runner
