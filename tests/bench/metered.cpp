#include "tests/bench/metered.h"

#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "tests/bench/model_provider.h"
#include "tests/e2e/pipe_command.h"

namespace bench {
namespace {

using e2e::Ended;

constexpr const char* kRequests = "100";

Ended must(const e2e::Start& start) {
  Ended ended = e2e::run(start);
  if (ended.exit_code != 0) {
    throw std::runtime_error(start.argv[0] + ": " + ended.out + ended.err);
  }
  return ended;
}

Metered read(const std::string& text) {
  Metered figures;
  if (std::sscanf(text.c_str(), "new %lf kept %lf", &figures.new_ms, &figures.kept_ms) != 2) {
    throw std::runtime_error("no figures in: " + text);
  }
  return figures;
}

/// The client as the agent of a run, with a budget that it keeps within. What it prints is in
/// `figures`.
Ended run_metered(const ModelProvider& provider,
                  const std::string& arguments,
                  const e2e::TempFolder& folder) {
  const e2e::User user;
  const e2e::TempFolder config;
  config.write("pipe/config.yaml", "model_upstreams: api.anthropic.com=" + provider.url() + "\n");
  std::filesystem::copy(BENCH_MODEL_CLIENT, folder.path() / "client");
  folder.write("agent.yaml",
               "name: client\nrun: ./client \"$ANTHROPIC_BASE_URL\" " + arguments +
                   " > figures\nagent:\n  prompt: go\n  provider: {dialect: anthropic, host: "
                   "api.anthropic.com, base_url: ANTHROPIC_BASE_URL}\n");
  folder.write("bench.yaml",
               "version: 1\nname: bench\nengine: sandbox\nimage: host\n"
               "secrets: [ANTHROPIC_API_KEY]\nbudget: {cost: $1000, per_day: {cost: $1000}}\n"
               "tasks:\n  a:\n    uses: ./agent.yaml\n"
               "    success_criteria: [{'[ ] it was answered': test -s figures}]\n");
  e2e::Start start = user.pipe({"run", "bench.yaml"}, folder.path().string());
  start.env["ANTHROPIC_API_KEY"] = "sk-ant-the-key-of-the-benchmark";
  start.env["XDG_CONFIG_HOME"] = config.path().string();
  return must(start);
}

}  // namespace

Metered first_byte_direct() {
  const ModelProvider provider(1);
  return read(must({{BENCH_MODEL_CLIENT, provider.url(), "first-byte", kRequests}, "", {}}).out);
}

Metered first_byte_through_gateway() {
  const ModelProvider provider(1);
  const e2e::TempFolder folder;
  run_metered(provider, std::string("first-byte ") + kRequests, folder);
  return read(e2e::read_text(folder.path() / "figures"));
}

double memory_of_streams(int count) {
  const ModelProvider provider(count);
  const e2e::TempFolder folder;
  const Ended ended = run_metered(provider, "streams " + std::to_string(count), folder);
  if (provider.most_at_once() < count) {
    throw std::runtime_error("the streams were not there at once");
  }
  return static_cast<double>(ended.peak_rss_kib) / 1024;
}

}  // namespace bench
