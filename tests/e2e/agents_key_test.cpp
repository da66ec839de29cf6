// The real programs of the agents with a key, and a provider on this machine in the real one's
// place: what the node, the store and a recording have of it.

#include <gmock/gmock.h>

#include "tests/e2e/real_agent.h"
#include "tests/e2e/scripted_server.h"

namespace e2e {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kKey = "sk-Va1ue-of-the-real-key-0";
constexpr const char* kFirstHalf = "sk-Va1ue-of-";  // so that the search does not find itself
constexpr const char* kControl = "c0ntrol-that-the-search-must-find";

/// `pipe run` where all hosts of models are this server.
Start where_models_are(const ScriptedServer& provider, const TempFolder& config, Start start) {
  std::string upstreams = "model_upstreams:";
  for (const char* const host :
       {"api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"}) {
    upstreams += std::string(" ") + host + "=http://127.0.0.1:" + std::to_string(provider.port());
  }
  config.write("pipe/config.yaml", upstreams + "\n");
  config.write("keys.env",
               std::string("ANTHROPIC_API_KEY=") + kKey + "\nOPENAI_API_KEY=" + kKey +
                   "\nGEMINI_API_KEY=" + kKey + "\n");
  start.argv.insert(start.argv.end(), {"--env-file", (config.path() / "keys.env").string()});
  start.env["XDG_CONFIG_HOME"] = config.path().string();
  return start;
}

std::string files_with(const std::string& folder, const std::string& text) {
  const Ended ended = run({{"grep", "-rlF", "-e", text, folder}, "", {}});
  EXPECT_LE(ended.exit_code, 1) << ended.err;
  return ended.out;
}

/// Searches everything that a node can see for the key and for what is put there to be found, and
/// writes down where it found them.
std::string search() {
  const std::string key = std::string(kFirstHalf) + "''" + (kKey + std::string(kFirstHalf).size());
  return "key=" + key +
         "\n"
         "planted=$CONTROL\n"
         "echo \"$planted\" > planted.txt\n"
         "sh -c 'while sleep 1; do :; done' \"$planted\" > /dev/null 2>&1 &\n"
         "name() {\n"
         "  sort -u | while read -r found; do\n"
         "    if [ \"$found\" = \"$planted\" ]; then echo \"$1: control\"; else echo \"$1: KEY\"; "
         "fi\n"
         "  done\n"
         "}\n"
         "sought() { printf '%s\\n%s\\n' \"$key\" \"$planted\"; }\n"
         "{\n"
         "  for p in /proc/[0-9]*; do sought | grep -ohaF -f - $p/environ 2> /dev/null; done | "
         "name environment\n"
         "  for p in /proc/[0-9]*; do sought | grep -ohaF -f - $p/cmdline 2> /dev/null; done | "
         "name processes\n"
         "  for d in /*; do\n"
         "    case $d in /proc | /sys) continue ;; esac\n"
         "    sought | grep -rohsaF -D skip -f - \"$d\"\n"
         "  done | name files\n"
         "} > found.txt\n"
         "rm planted.txt\n"
         "echo 'echo \"Hello, ${1:-world}!\"' > greet.sh\n"
         "echo \"$planted was looked for\"\n"
         "sleep 3\n"
         "kill $!\n";
}

TEST_P(RealAgent, FindsItsKeyNowhere) {
  folder_.write("search.sh", search());
  folder_.write(script(),
                "version: 1\ntasks:\n  greet:\n    attempts:\n      - turns:\n"
                "          - text: I look around.\n            tools: [" +
                    call_of("sh search.sh") + "]\n          - text: That is all.\n");
  change(pipeline(), "\ntasks:\n", std::string("\nenv: {CONTROL: ") + kControl + "}\ntasks:\n");
  user_.git({"add", "-A"}, folder());
  user_.git({"commit", "-q", "-m", "with a search"}, folder());
  const ScriptedServer provider(read_text(folder_.path() / script()), "greet");
  const TempFolder config;
  Running running(where_models_are(
      provider,
      config,
      user_.pipe({"run", pipeline(), "-n", "search", "--engine", name_of(GetParam().engine)},
                 folder())));

  // From outside, while the agent is at work.
  ASSERT_TRUE(eventually([&] { return !processes_with(kControl).empty() || running.has_ended(); },
                         std::chrono::seconds(120)));
  EXPECT_FALSE(running.has_ended());
  EXPECT_THAT(processes_with(kKey), IsEmpty());
  if (GetParam().engine == Engine::Docker) {
    const Ended seen = run({{"sh", "-c", "docker inspect $(docker ps -q)"}, "", {}});
    EXPECT_THAT(seen.out, HasSubstr(R"("pipe.run": "search")")) << "its container is there";
    EXPECT_THAT(seen.out, Not(HasSubstr(kKey)));
  }

  const Ended ended = running.wait();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(provider.heads(), HasSubstr(kKey)) << "it was used";
  EXPECT_EQ(user_.git({"show", branch_of("search") + ":found.txt"}, folder()),
            "environment: control\nprocesses: control\nfiles: control");
  const Ended logs = user_.run_pipe({"logs", "search"}, folder());
  EXPECT_THAT(logs.out, HasSubstr(std::string(kControl) + " was looked for"));
  EXPECT_THAT(files_with(user_.state(), kControl), Not(IsEmpty()));
  EXPECT_THAT(files_with(user_.state(), kKey), IsEmpty());
  EXPECT_THAT(logs.out + ended.out + ended.err, Not(HasSubstr(kKey)));
}

TEST_P(RealAgentInSandbox, ARecordedRunIsARehearsal) {
  // The model says the key, as one does that has been shown it.
  change(script(), "I write the script.", std::string("I write the script; I saw ") + kKey + ".");
  const ScriptedServer provider(read_text(folder_.path() / script()), "greet");
  const TempFolder config;
  const Start start = where_models_are(
      provider,
      config,
      user_.pipe({"run", pipeline(), "-n", "real", "--engine", "sandbox", "--record", "heard.yaml"},
                 folder()));
  const Ended recorded = run(start);
  ASSERT_EQ(recorded.exit_code, 0) << recorded.out << recorded.err;
  EXPECT_EQ(provider.answers(), 5);

  const std::string heard = read_text(folder_.path() / "heard.yaml");
  EXPECT_THAT(heard, HasSubstr("I saw ***."));
  EXPECT_THAT(heard, Not(HasSubstr(kKey)));
  EXPECT_THAT(heard, Not(HasSubstr("pipe-token-")));
  const Ended again = rehearse({"--script", "heard.yaml"});
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err << heard;
  EXPECT_THAT(again.out, HasSubstr("2 attempts"));
  EXPECT_THAT(again.err, HasSubstr("the script answered 5 requests"));
  EXPECT_THAT(again.err, Not(HasSubstr("warning")));
  EXPECT_EQ(user_.git({"diff", branch_of("real"), branch_of("once")}, folder()), "");

  const Ended nowhere = user_.run_pipe({"run", pipeline(), "--record", "not/there.yaml"}, folder());
  EXPECT_EQ(nowhere.exit_code, 2) << "before anything is paid for";
  EXPECT_THAT(nowhere.err, HasSubstr("/not': No such file or directory"));
  const Ended taken = run(start);
  EXPECT_EQ(taken.exit_code, 2) << "it writes over nothing";
  EXPECT_THAT(taken.err, HasSubstr("heard.yaml' is there already"));
}

}  // namespace
}  // namespace e2e
