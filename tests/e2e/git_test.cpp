// What a run does with a repository, and what a user sees of it. Engine host: nothing but git is
// needed.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class GitRun : public testing::Test {
 protected:
  GitRun() {
    folder_.write("kept.txt", "one\ntwo\nthree\n");
    user_.git({"init", "-q", "-b", "main"}, folder());
    user_.git({"add", "."}, folder());
    user_.git({"commit", "-qm", "first"}, folder());
  }

  std::string folder() const { return folder_.path().string(); }
  Ended pipe(const std::vector<std::string>& arguments) {
    return user_.run_pipe(arguments, folder());
  }
  /// `pipe run` of a pipeline that is no part of the project, as run "r".
  Ended run(const std::string& pipeline, const std::vector<std::string>& options = {}) {
    std::vector<std::string> arguments = {
        "run", outside_.write("p.yaml", pipeline_head() + pipeline), "--name", "r"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    return pipe(arguments);
  }
  std::string pipeline_head() const {
    return "version: 1\nname: p\nengine: host\nworkspace: {source: " + folder() + "}\n";
  }

  TempFolder folder_;
  TempFolder outside_;
  User user_;
};

const char* const kTwoTasks = R"yaml(tasks:
  first: {run: "sed -i s/two/2/ kept.txt"}
  second:
    needs: [first]
    run: printf 'a\rb\n' > "new file.txt"
  third: {needs: [second], run: "true"}
)yaml";

// ---- diff --------------------------------------------------------------------------------------

TEST_F(GitRun, DiffTellsCommitAfterCommit) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended all = pipe({"diff", "r"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out,
              AllOf(HasSubstr("(first)"),
                    HasSubstr("-two\n+2\n"),
                    HasSubstr("(second)"),
                    HasSubstr("+++ b/new file.txt\n@@ -0,0 +1 @@\n+a^Mb\n")));
  EXPECT_LT(all.out.find("(first)"), all.out.find("(second)"));

  const Ended one = pipe({"diff", "r", "second"});
  EXPECT_THAT(one.out, AllOf(HasSubstr("new file.txt"), Not(HasSubstr("kept.txt"))));
  const Ended none = pipe({"diff", "r", "third"});
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("changed nothing"));
}

TEST_F(GitRun, DiffSumsUpAndSpeaksJson) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended stat = pipe({"diff", "r", "first", "--stat"});
  EXPECT_THAT(stat.out,
              HasSubstr(" kept.txt |   2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n"));
  const json document = json::parse(pipe({"diff", "r", "--json"}).out);
  EXPECT_EQ(document["run"], "r");
  ASSERT_EQ(document["commits"].size(), 2U);
  EXPECT_EQ(document["commits"][1]["task"], "second");
  EXPECT_EQ(
      document["commits"][1]["paths"],
      json::parse(R"([{"path": "new file.txt", "change": "added", "added": 1, "removed": 0}])"));
}

TEST_F(GitRun, DiffShowsWhatAFailedTaskLeft) {
  ASSERT_EQ(run(R"yaml(tasks:
  good: {run: echo good > good.txt}
  bad:
    run: echo bad > bad.txt
    success_criteria: ["[ ] It is good": "false"]
)yaml")
                .exit_code,
            1);
  const Ended of_run = pipe({"diff", "r"});
  EXPECT_THAT(of_run.out, AllOf(HasSubstr("good.txt"), Not(HasSubstr("bad.txt"))));
  const Ended of_task = pipe({"diff", "r", "bad"});
  EXPECT_THAT(of_task.out,
              AllOf(HasSubstr("+bad"), HasSubstr("not verified: what attempt 1 left")));
}

TEST_F(GitRun, DiffNamesTheNearestTask) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended ended = pipe({"diff", "r", "frist"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("first"));
}

TEST_F(GitRun, DiffObeysNoAttributeOfTheProject) {
  const std::string marker = outside_.path().string() + "/ran";
  user_.git({"config", "diff.evil.textconv", "touch " + marker + "; cat"}, folder());
  user_.git({"config", "diff.external", "touch " + marker}, folder());
  ASSERT_EQ(run(R"yaml(tasks:
  evil: {run: "echo '* diff=evil' > .gitattributes && echo 2 > kept.txt"}
)yaml")
                .exit_code,
            0);
  EXPECT_THAT(pipe({"diff", "r"}).out, HasSubstr("+2\n"));
  EXPECT_FALSE(std::filesystem::exists(marker));
}

}  // namespace
}  // namespace e2e
