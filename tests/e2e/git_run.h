#pragma once

// A repository, a user, and pipelines that are no part of it: what the tests of runs and git share.
// Engine host: nothing but git is needed.

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {

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

inline const char* const kTwoTasks = R"yaml(tasks:
  first: {run: "sed -i s/two/2/ kept.txt"}
  second:
    needs: [first]
    run: printf 'a\rb\n' > "new file.txt"
  third: {needs: [second], run: "true"}
)yaml";

}  // namespace e2e
