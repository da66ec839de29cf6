// Who gets to see a secret: cases A39 to A42 of list A.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/adversarial/attacked.h"

namespace adversarial {
namespace {

using e2e::Ended;
using e2e::eventually;
using e2e::processes_with;
using e2e::run;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kValue = "sk-Adv3rsar1al/value+0~x";

class Secrets : public Attacked {
 protected:
  void SetUp() override {
    Attacked::SetUp();
    if (!IsSkipped()) {
      keys_ = around_.write("keys.env", std::string("TOKEN='") + kValue + "'\n");
    }
  }
  /// Files of the run store that hold the text.
  [[nodiscard]] std::string files_with(const std::string& text) const {
    const Ended ended = run({{"grep", "-rlF", "-e", text, user_.state()}, "", {}});
    EXPECT_LE(ended.exit_code, 1) << ended.err;
    return ended.out;
  }
  std::string keys_;
};

// A39: what a task prints of a value that it has, in every shape that is known.
TEST_P(Secrets, AreMaskedInWhateverShapeATaskPrintsThem) {
  const std::string print =
      "      printf '%s\\n' \"$TOKEN\" >&2\n"
      "      for n in 1 5 12 23; do printf %s \"$TOKEN\" | head -c $n; sleep 0.05; "
      "printf %s \"$TOKEN\" | tail -c +$((n + 1)); echo; done\n"
      "      printf %s \"$TOKEN\" | base64; printf 'x%s' \"$TOKEN\" | base64; "
      "printf 'xy%s' \"$TOKEN\" | base64\n"
      "      printf '{\"key\": \"%s\"}\\n' \"$TOKEN\" | sed 's|/|\\\\/|g'\n"
      "      printf %s \"$TOKEN\" | sed 's|/|%2F|g; s|+|%2B|g; s|~|%7E|g'; echo\n";
  const std::vector<std::string> shapes = {kValue,
                                           "Adv3rsar1al",
                                           "c2stQWR2M3JzYXIxYWwvdmFsdWUrMH54",
                                           "LUFkdjNyc2FyMWFsL3ZhbHVlKzB",
                                           "zay1BZHYzcnNhcjFhbC92YWx1ZSswf",
                                           "%2Fvalue%2B0"};
  const auto task = [&](const std::string& head) {
    write_plain(head + "tasks:\n  a:\n    run: |\n" + print +
                "    success_criteria: [{'[ ] ok': 'true'}]\n");
  };
  // The same of a variable that is no secret is all there.
  task(std::string("env: {TOKEN: '") + kValue + "'}\n");
  ASSERT_EQ(run(pipe({"run", "p.yaml", "--name", "plain"})).exit_code, 0);
  const std::string plain = run(pipe({"logs", "plain", "a"})).out;
  for (const std::string& shape : shapes) {
    EXPECT_THAT(plain, HasSubstr(shape)) << "it would have been printed";
  }
  note({"A39 a secret in a log, in every shape",
        kNoEngine,
        "gets through: what is no secret shows"});
  run({{"rm", "-rf", user_.state()}, "", {}});

  task("secrets: {TOKEN: {expose: true}}\n");
  const Ended ended = run(pipe({"run", "p.yaml", "--name", "one", "--env-file", keys_, "--json"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(log("a"), HasSubstr("***"));
  for (const std::string& shape : shapes) {
    EXPECT_THAT(files_with(shape), IsEmpty()) << shape;
    EXPECT_THAT(ended.out + ended.err + log("a") + shown(), Not(HasSubstr(shape)));
  }
  note_blocked("A39 a secret in a log, in every shape", GetParam(), "masked in log, store, events");
}

// A40, A41: a value that is sent is not in the node, and goes nowhere but to its host.
TEST_P(Secrets, AreSentToTheirHostAndAreNowhereElse) {
  const std::string port = std::to_string(Yard::kGoodPort);
  const std::string say = "./attack say good.test " + port + " \"Bearer $TOKEN\"";
  const auto task = [&](const std::string& host) {
    write_plain("firewall: {allow: ['good.test:" + port + "'], allow_private: [127.7.7.9]}\n" +
                "secrets: {TOKEN: {hosts: ['" + host + "']}}\n" +
                "env: {MARK: in-the-open-7731}\n" + "tasks:\n  a:\n    run: |\n      " + say +
                "\n      mkdir -p seen\n"
                "      cat /proc/*/environ /proc/*/cmdline > seen/processes 2> /dev/null || true\n"
                "      ./attack serve 5555 1500\n"
                "    success_criteria: [{'[ ] ok': 'true'}]\n");
  };
  // The pipeline of an attacker names another host for the secret than the one that it asks.
  task("http://other.test:1");
  const std::string before = yard_->good().said();
  const Ended elsewhere = run(pipe({"run", "p.yaml", "--name", "two", "--env-file", keys_}));
  EXPECT_EQ(elsewhere.exit_code, 0) << elsewhere.out << elsewhere.err;
  const std::string told = yard_->good().said().substr(before.size());
  EXPECT_THAT(told, HasSubstr("Bearer pipe-token-"));
  EXPECT_THAT(told, Not(HasSubstr(kValue)));
  note_blocked(
      "A41 a request to a host that is not the secret's", GetParam(), "has a word, no value");

  task("http://good.test:" + port);
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one", "--env-file", keys_}));
  ASSERT_TRUE(eventually([&] { return !processes_with("MARK=in-the-open-7731").empty(); }));
  ASSERT_TRUE(eventually(
      [&] { return yard_->good().said().find(kValue, before.size()) != std::string::npos; }));
  EXPECT_THAT(processes_with(kValue), IsEmpty()) << "not even in the runner's";
  if (GetParam() != e2e::Engine::Sandbox) {
    const std::string program = engine();
    const Ended all = on_the_machine(program + " inspect $(" + program + " ps -q)");
    EXPECT_THAT(all.out, HasSubstr("Config"));
    EXPECT_THAT(all.out, Not(HasSubstr(kValue)));
  }
  const Ended ended = running.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(e2e::read_text(folder_.path() / "seen/processes"), HasSubstr("in-the-open-7731"));
  EXPECT_THAT(e2e::read_text(folder_.path() / "seen/processes"), Not(HasSubstr(kValue)));
  EXPECT_THAT(files_with(kValue), IsEmpty());
  note({"A40 a secret in processes, containers, the store",
        kNoEngine,
        "gets through: another variable is found there"});
  note_blocked("A40 a secret in processes, containers, the store", GetParam(), "in none of them");
}

// A42.
TEST_P(Secrets, ThatNoMaskingCanFindAreRefused) {
  write_plain(
      "secrets: {TOKEN: {expose: true}}\ntasks:\n  a:\n    run: touch started\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n");
  const auto with = [&](const std::string& value) {
    const std::string keys = around_.write("short.env", "TOKEN=" + value + "\n");
    return run(pipe({"run", "p.yaml", "--name", "n" + value, "--env-file", keys}));
  };
  EXPECT_EQ(with("abc").exit_code, 3);
  const Ended common = with("build");
  EXPECT_EQ(common.exit_code, 0) << common.err;
  EXPECT_THAT(common.err, HasSubstr("warning"));
  note_blocked("A42 a secret of three characters", GetParam(), "refused before anything starts");
}

INSTANTIATE_FOR_ENGINES(Secrets);

}  // namespace
}  // namespace adversarial
