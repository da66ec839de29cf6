#include "runner/app/recording.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/render.h"
#include "dsl/value.h"
#include "runner/rehearsal/answer_reader.h"
#include "runner/rehearsal/script_writer.h"
#include "runner/run/meter.h"
#include "runner/run/secrets.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

constexpr std::int64_t kMostKept = std::int64_t{1} << 30;  // bytes

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

Recording::Recording(std::string file)
    : file_(std::move(file)),
      recorder_({[this](const std::string& text) {
                   return without_tokens(masking_ != nullptr ? masking_->masked(text) : text);
                 },
                 [this](const std::string& line) { keep(line); }}) {}

std::string Recording::begin() const {
  return dsl::to_json(dsl::Value(dsl::Value::Record{{"file", dsl::Value(file_)}})) + "\n";
}

void Recording::keep_in(const std::string& folder, const Masking& masking) {
  masking_ = &masking;
  const std::string path = folder + "/" + kRecordedFile;
  const dsl::Result<std::string> text = files::read_file(path, kMostKept);
  log_ = Fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!text || !log_) {
    trouble_ = text ? std::string("open it: ") + strerrordesc_np(errno) : text.error().message;
    return;
  }
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    recorder_.learn(line);  // neither the first one is, nor one that a runner died in
  }
  if (!text->ends_with('\n')) {
    keep("");
  }
}

/// Not flushed: what the machine forgets when it crashes is no harm to the run.
void Recording::keep(const std::string& line) {
  if (log_ && !files::write_all(log_.get(), line + "\n")) {
    trouble_ = std::string("write to it: ") + strerrordesc_np(errno);
    log_.reset();
  }
}

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
  // A run that is resumed writes again what an earlier runner wrote, and over nothing else.
  const auto there = files::read_file(file_, kMostKept);
  if (there && !there->starts_with("# " + about.substr(0, about.find(',')))) {
    return dsl::Error{dsl::quoted(file_) +
                          " is there, and was not written by this run; what the "
                          "models said is in its folder, in " +
                          kRecordedFile,
                      ""};
  }
  const std::string text =
      without_tokens(masking.masked(script_to_yaml(recorder_.script(), about)));
  const dsl::Status written =
      files::write_atomically(file_, text, files::Durable::Yes, S_IRUSR | S_IWUSR);
  if (written && !trouble_.empty()) {
    return dsl::Error{"--record: what a resumed run would have to know is not kept: " + trouble_,
                      ""};
  }
  return written ? written : dsl::Status(written.error().within("--record"));
}

dsl::Result<std::unique_ptr<Recording>> recording_of_run(const std::string& folder) {
  const std::string path = folder + "/" + kRecordedFile;
  if (::access(path.c_str(), F_OK) != 0) {
    return std::unique_ptr<Recording>();
  }
  const dsl::Result<std::string> text = files::read_file(path, kMostKept);
  if (!text) {
    return text.error();
  }
  const auto first = dsl::value_from_json(text->substr(0, text->find('\n')));
  const dsl::Value* const file = first ? first->find("file") : nullptr;
  const std::string* const name = file != nullptr ? std::get_if<std::string>(&file->held) : nullptr;
  if (name == nullptr) {
    return dsl::Error{dsl::quoted(path) + " does not say where the recording goes",
                      "remove it to go on without one"};
  }
  return std::make_unique<Recording>(*name);
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
