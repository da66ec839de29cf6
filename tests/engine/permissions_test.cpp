// What rules of `permissions` mean together (runner/init/permissions.h), and what process 1 tells
// of them.

#include "runner/init/permissions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/init_report.h"
#include "runner/engine/permission_shims.h"
#include "runner/init/protocol.h"

namespace runner {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// "denied by 1", "allowed".
std::string decided(std::string rules, std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::size_t i = 1; i < words.size(); ++i) {
    arguments.push_back(words[i].data());
  }
  arguments.push_back(nullptr);
  const init::Decision decision = init::decide(rules.data(), words[0].c_str(), arguments.data());
  return decision.denied ? "denied by " + std::to_string(decision.line) : "allowed";
}

TEST(Permissions, DenyWordsAnywhereAmongTheArgumentsInTheirOrder) {
  const std::string rules = "deny git push\ndeny openssl req -new*\n\nNo.\n";
  EXPECT_EQ(decided(rules, {"git", "push"}), "denied by 0");
  EXPECT_EQ(decided(rules, {"git", "-C", "sub", "push", "origin"}), "denied by 0");
  EXPECT_EQ(decided(rules, {"git", "pull"}), "allowed");
  EXPECT_EQ(decided(rules, {"git"}), "allowed");
  EXPECT_EQ(decided(rules, {"git", "pushx"}), "allowed");
  EXPECT_EQ(decided(rules, {"openssl", "req", "-x509", "-newkey", "rsa"}), "denied by 1");
  EXPECT_EQ(decided(rules, {"openssl", "-new", "req"}), "allowed");
  EXPECT_EQ(decided(rules, {"gitk", "push"}), "allowed");
}

TEST(Permissions, AllowOnlyWordsThatComeFirst) {
  const std::string rules = "allow go build\n\n";
  const std::string denied = "denied by " + std::to_string(init::kNotAllowed);
  EXPECT_EQ(decided(rules, {"go", "build", "./..."}), "allowed");
  EXPECT_EQ(decided(rules, {"go", "run", "build"}), denied);
  EXPECT_EQ(decided(rules, {"go"}), denied);
  EXPECT_EQ(decided(rules, {"gofmt"}), "allowed");
}

TEST(Permissions, AreDecidedByTheRuleWithTheMostWordsAndOfTwoByTheOneThatDenies) {
  const std::string rules = "allow openssl x509\nallow make\ndeny openssl\ndeny make\n\n";
  EXPECT_EQ(decided(rules, {"openssl", "x509", "-text"}), "allowed");
  EXPECT_EQ(decided(rules, {"openssl", "genrsa"}), "denied by 2");
  EXPECT_EQ(decided(rules, {"make"}), "denied by 3");
  EXPECT_EQ(decided("allow git\ndeny git push\n\n", {"git", "push"}), "denied by 1");
}

TEST(Permissions, WithoutARuleAllowEverything) {
  EXPECT_EQ(decided("", {"git", "push"}), "allowed");
  EXPECT_EQ(decided("\nonly a message", {"git", "push"}), "allowed");
}

TEST(Permissions, OfAJobKeepTheirMessageAsItIs) {
  std::string rules = "deny git\n\nfirst\n\nthird\n";
  char* none[] = {nullptr};
  EXPECT_STREQ(init::decide(rules.data(), "git", none).message, "first\n\nthird\n");
}

TEST(Permissions, AreToldOfInLinesThatNoJobCanMakeAReportOf) {
  Job job;
  job.permissions = {{"openssl x509"}, {"git push"}, ""};
  std::string report =
      "denied 1 git push origin\ndenied 7 invented\ndenied x y\ndenied 9999 openssl rsa\n"
      "exited 0\n";
  EXPECT_THAT(take_denials(job, report),
              ElementsAre(JobEnd::Denial{"git push origin", "git push"},
                          JobEnd::Denial{"openssl rsa", ""}));
  EXPECT_EQ(report, "exited 0\n");
  EXPECT_THAT(take_denials(job, report), IsEmpty());
}

TEST(Permissions, PutTheirFolderBeforeTheJobsOwnPath) {
  EXPECT_EQ(path_with_shims({{"PATH", "/opt/go/bin:/bin"}}),
            "/.pipe-permissions/bin:/opt/go/bin:/bin");
}

}  // namespace
}  // namespace runner
