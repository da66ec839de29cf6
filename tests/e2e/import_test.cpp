// Plans in Markdown from beginning to end: imported, run, ticked.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Import : public testing::Test {
 protected:
  Import() {
    project_.write("check-rows", "#!/bin/sh\ngrep -q ';' \"$1\"\n");
    fs::permissions(project_.path() / "check-rows", fs::perms::owner_all);
  }
  Ended pipe(const std::vector<std::string>& arguments) {
    return user_.run_pipe(arguments, project_.path().string());
  }
  /// The plan of that name, in the project.
  void take(const std::string& name) {
    project_.write("plan.md",
                   read_text(fs::path(PIPE_SOURCE_DIR) / "tests/dsl/plans" / (name + ".md")));
  }
  Ended import() {
    return pipe({"import", "plan.md", "-o", "pipeline.yaml", "--run-code", "--force"});
  }

  TempFolder project_;
  User user_;
};

TEST_F(Import, APlanOfPhasesIsRunAndTicked) {
  take("session-hardening");
  const Ended imported = import();
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(
      imported.err,
      AllOf(HasSubstr("3 phases, 7 criteria: 5 run a command, 0 make a request, 1 look for a "
                      "file, 1 ask a person"),
            HasSubstr("a person answers: Users understand")));
  const Ended waits = pipe({"run", "pipeline.yaml", "--engine", "host", "--name", "hardening"});
  ASSERT_EQ(waits.exit_code, 4) << waits.out << waits.err;
  ASSERT_EQ(pipe({"approve", "hardening", "--by", "ann", "--resume"}).exit_code, 0);
  const Ended reported = pipe({"report", "--markdown", "plan.md"});
  EXPECT_EQ(reported.out, "plan.md: 7 of 7 boxes ticked, by run hardening\n") << reported.err;
  const std::string plan = read_text(project_.path() / "plan.md");
  EXPECT_THAT(plan, Not(HasSubstr("[ ]")));
  EXPECT_THAT(plan,
              AllOf(HasSubstr("- [x] Users understand the message that they get\n"
                              "  - `answer of ann … yes, run hardening` <!-- pipe -->"),
                    HasSubstr("- [x] `grep -q \"after expiry\" notes/after.txt` exits with 1\n"
                              "  - `grep -q \"after expiry\" notes/after.txt … exit 1")));
  pipe({"report", "--markdown", "plan.md"});
  EXPECT_EQ(read_text(project_.path() / "plan.md"), plan) << "the second report is the first";
}

TEST_F(Import, APlanWithPrerequisitesIsRunAndTicked) {
  take("ledger-export");
  ASSERT_EQ(import().exit_code, 0);
  const Ended waits = pipe({"run", "pipeline.yaml", "--engine", "host", "--name", "ledger"});
  ASSERT_EQ(waits.exit_code, 4) << waits.out << waits.err;
  ASSERT_EQ(pipe({"reject", "ledger"}).exit_code, 0);
  EXPECT_EQ(pipe({"resume", "ledger"}).exit_code, 1);
  const json report = json::parse(pipe({"report", "--markdown", "plan.md", "--json"}).out);
  EXPECT_EQ(report["boxes"], 6);
  EXPECT_EQ(report["ticked"], 3) << "those of the phases that passed";
  EXPECT_EQ(report["unknown"], json::array());
  const std::string plan = read_text(project_.path() / "plan.md");
  EXPECT_THAT(
      plan, HasSubstr("- [ ] `wc -l ledger.csv` succeeds\n  - `met, but its task did not pass: "));
  EXPECT_THAT(plan, HasSubstr("- [ ] `test -s ledger.csv` passes on what both steps made\n"));
}

TEST_F(Import, APlanOfHeadingsAlonePassesAgainstAServer) {
  NEEDS_ENGINE(Engine::Sandbox);
  take("front-page");
  project_.write("server.pl", R"perl(use strict; use IO::Socket::INET;
my $all = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 8080, Listen => 8) or die;
while (my $one = $all->accept) {
  while (my $line = <$one>) { last if $line eq "\r\n"; }
  print $one "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  close $one;
}
)perl");
  EXPECT_THAT(import().err, HasSubstr("what serves http://localhost:8080/private?"));
  const Ended imported = pipe({"import",
                               "plan.md",
                               "-o",
                               "pipeline.yaml",
                               "--run-code",
                               "--force",
                               "--serve",
                               "perl server.pl"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_THAT(imported.err, HasSubstr("the same box again is left out"));
  const Ended waits = pipe({"run", "pipeline.yaml", "--engine", "sandbox", "--name", "page"});
  ASSERT_EQ(waits.exit_code, 4) << waits.out << waits.err;
  EXPECT_THAT(waits.out, HasSubstr("403"));
  ASSERT_EQ(pipe({"approve", "page", "--resume"}).exit_code, 0);
  ASSERT_EQ(pipe({"report", "page", "--markdown", "plan.md", "-o", "done.md"}).exit_code, 0);
  EXPECT_THAT(read_text(project_.path() / "done.md"), Not(HasSubstr("[ ]")));
  EXPECT_THAT(read_text(project_.path() / "plan.md"), HasSubstr("[ ]"));
}

TEST_F(Import, SaysWhatIsWrong) {
  project_.write("notes.md", "# Notes\n\nNothing to do.\n");
  EXPECT_THAT(pipe({"import", "notes.md"}).err, HasSubstr("has no phases"));
  EXPECT_EQ(pipe({"import", "absent.md"}).exit_code, 2);
  take("ledger-export");
  EXPECT_THAT(pipe({"import", "plan.md", "--agent", "nobody"}).err, HasSubstr("no agent 'nobody'"));
  EXPECT_THAT(pipe({"import", "plan.md"}).out, HasSubstr("uses: std/agent/claude-code"));
  project_.write("there.yaml", "");
  EXPECT_THAT(pipe({"import", "plan.md", "-o", "there.yaml"}).err, HasSubstr("is there already"));
  EXPECT_EQ(pipe({"report"}).exit_code, 2);
}

}  // namespace
}  // namespace e2e
