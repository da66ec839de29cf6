#include "runner/app/secret_store.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/app/random.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class SecretStoreTest : public testing::Test {
 protected:
  SecretStoreTest() {
    folder_ = *files::make_temporary_folder(testing::TempDir(), "secrets-");
    unsetenv("PIPE_TEST_SECRET");
  }
  ~SecretStoreTest() override {
    unsetenv("PIPE_TEST_SECRET");
    EXPECT_TRUE(files::remove_tree(folder_));
  }

  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  static dsl::Secret secret(const std::string& name) {
    dsl::Secret secret;
    secret.name = name;
    secret.expose = dsl::Secret::Expose::Variable;
    return secret;
  }
  dsl::Secret from_command(const std::string& script) const {
    dsl::Secret result = secret("PIPE_TEST_SECRET");
    result.command = {"sh", "-c", script};
    return result;
  }

  SecretStore& store() {
    if (!store_) {
      options_.directory = folder_;
      options_.random = random_numbers();
      store_.emplace(loop_, options_);
    }
    return *store_;
  }

  SecretStore::Loaded load(std::vector<dsl::Secret> secrets,
                           std::vector<std::string> env_files = {}) {
    dsl::Plan plan;
    plan.nodes.resize(1);
    plan.nodes[0].secrets = std::move(secrets);
    plan.env_files = std::move(env_files);
    std::optional<SecretStore::Loaded> loaded;
    store().load(plan, [&](SecretStore::Loaded got) { loaded = std::move(got); });
    while (!loaded) {
      loop_.run_for(dsl::Duration{100});
    }
    return *loaded;
  }
  std::string value(const dsl::Secret& secret) {
    std::optional<dsl::Result<std::string>> value;
    store().value_of(secret, [&](dsl::Result<std::string> got) { value = std::move(got); });
    while (!value) {
      loop_.run_for(dsl::Duration{100});
    }
    return *value ? **value : "Error: " + value->error().message;
  }
  std::string problem(std::vector<dsl::Secret> secrets, std::vector<std::string> env_files = {}) {
    const auto loaded = load(std::move(secrets), std::move(env_files));
    return loaded.problems.empty() ? "(none)"
                                   : loaded.problems[0].message + " | " + loaded.problems[0].remedy;
  }

  EventLoop loop_;
  std::string folder_;
  SecretStoreOptions options_;
  std::optional<SecretStore> store_;
};

TEST_F(SecretStoreTest, LooksInTheFilesOfTheCommandLineFirstThenTheEnvironmentThenTheOthers) {
  const std::string mine = write("mine.env", "A=command-line\n");
  const std::string pipelines = write(".env", "A=pipeline\nPIPE_TEST_SECRET=pipeline\nC=pipeline");
  options_.env_files = {mine};
  options_.settings_env_file = write("settings.env", "C=settings\nD=from-settings\n");
  setenv("PIPE_TEST_SECRET", "environment", 1);
  const auto loaded =
      load({secret("A"), secret("PIPE_TEST_SECRET"), secret("C"), secret("D")}, {pipelines});
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_EQ(value(secret("A")), "command-line");
  EXPECT_EQ(value(secret("PIPE_TEST_SECRET")), "environment");
  EXPECT_EQ(value(secret("C")), "pipeline");
  EXPECT_EQ(value(secret("D")), "from-settings");
  EXPECT_EQ(store().masking().masked("command-line settings pipeline"), "*** settings ***");
}

TEST_F(SecretStoreTest, TellsWhereAMissingSecretWasLookedForAndWhatToDo) {
  options_.env_files = {write("mine.env", "OTHER=secret-other")};
  const std::string text = problem({secret("PIPE_TEST_SECRET")}, {write(".env", "")});
  EXPECT_EQ(text,
            "the secret 'PIPE_TEST_SECRET' is missing; looked in '" + folder_ +
                "/mine.env', the environment, '" + folder_ +
                "/.env' | export PIPE_TEST_SECRET=…, write PIPE_TEST_SECRET=… into a file and name "
                "it with --env-file, or say where it is: {PIPE_TEST_SECRET: {command: […]}}");
}

TEST_F(SecretStoreTest, ReadsAFileWithoutItsLastLineEnd) {
  dsl::Secret key = secret("KEY");
  key.file = write("key", "line one\nline two\r\n");
  EXPECT_THAT(load({key}).problems, IsEmpty());
  EXPECT_EQ(value(key), "line one\nline two");
  dsl::Secret gone = secret("GONE");
  gone.file = folder_ + "/gone";
  EXPECT_THAT(problem({gone}), HasSubstr("the secret 'GONE': read '"));
}

TEST_F(SecretStoreTest, RunsACommandOnceAndAgainWhenItsValueHasExpired) {
  const std::string script = "echo run >> count; wc -l < count | sed s/^/value-number-/";
  const dsl::Secret steady = from_command(script);
  EXPECT_THAT(load({steady, steady}).problems, IsEmpty());
  EXPECT_EQ(value(steady), "value-number-1");
  dsl::Secret brief = from_command(script);
  brief.name = "BRIEF";
  brief.expires = dsl::Duration{1};
  EXPECT_EQ(value(brief), "value-number-2");
  while (value(brief) == "value-number-2") {
    loop_.run_for(dsl::Duration{2});
  }
  EXPECT_EQ(value(steady), "value-number-1");
  EXPECT_EQ(store().masking().masked("value-number-2"), "***");  // the old one too
}

TEST_F(SecretStoreTest, AsksACommandOnceForAllWhoWait) {
  const dsl::Secret slow =
      from_command("echo run >> count; sleep 0.1; cat count | wc -l; echo pad");
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    store().value_of(slow, [&](const dsl::Result<std::string>& value) {
      ++told;
      EXPECT_EQ(*value, "1\npad");
    });
  }
  while (told < 3) {
    loop_.run_for(dsl::Duration{100});
  }
}

TEST_F(SecretStoreTest, SaysWhyACommandGaveNothing) {
  EXPECT_THAT(problem({from_command("echo no login >&2; exit 4")}),
              HasSubstr("the command of the secret 'PIPE_TEST_SECRET': exit 4: no login"));
  dsl::Secret missing = secret("M");
  missing.command = {"/no/such/program"};
  EXPECT_THAT(problem({missing}), HasSubstr("the command of the secret 'M': "));
}

TEST_F(SecretStoreTest, RefusesValuesThatCannotBeKeptOrSent) {
  const auto with = [&](const char* text) {
    store_.reset();
    setenv("PIPE_TEST_SECRET", text, 1);
    return secret("PIPE_TEST_SECRET");
  };
  EXPECT_THAT(problem({with("")}), HasSubstr("is empty"));
  EXPECT_THAT(problem({with("abc")}), HasSubstr("so short a value cannot be kept out of logs"));
  dsl::Secret sent = with("two\nlines-of-it");
  EXPECT_EQ(problem({sent}), "(none)");
  sent.expose = dsl::Secret::Expose::No;
  sent.hosts = {"a.test:443"};
  const std::string text = problem({sent});
  EXPECT_THAT(text, HasSubstr("which no header can carry"));
  EXPECT_THAT(text, Not(HasSubstr("lines-of-it")));
  const dsl::Secret brief = with("main");
  const auto loaded = load({brief});
  EXPECT_THAT(loaded.problems, IsEmpty());
  ASSERT_EQ(loaded.warnings.size(), 1U);
  EXPECT_THAT(loaded.warnings[0].message, HasSubstr("has 4 bytes"));
}

TEST_F(SecretStoreTest, ReadsNoFilesWhereNobodyAsksForASecret) {
  EXPECT_EQ(problem({}, {folder_ + "/gone.env"}), "(none)");
  EXPECT_THAT(problem({secret("A")}, {folder_ + "/gone.env"}), HasSubstr("env file: read '"));
  EXPECT_THAT(problem({secret("A")}, {write("bad.env", "nonsense")}),
              HasSubstr("bad.env': line 1: expected NAME=value"));
}

TEST_F(SecretStoreTest, GivesEveryJobAnotherToken) {
  std::set<std::string> tokens;
  for (int i = 0; i < 100; ++i) {
    tokens.insert(store().new_token());
  }
  EXPECT_EQ(tokens.size(), 100U);
  EXPECT_EQ(tokens.begin()->size(), std::string("pipe-token-").size() + 48);
}

}  // namespace
}  // namespace runner
