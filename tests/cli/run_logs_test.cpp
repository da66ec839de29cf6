#include "runner/cli/run_logs.h"

#include <fstream>

#include <gtest/gtest.h>

#include "runner/sys/files.h"

namespace runner::cli {
namespace {

class RunLogsTest : public testing::Test {
 protected:
  RunLogsTest() : run_(*files::make_temporary_folder(testing::TempDir(), "logs-")) {
    EXPECT_TRUE(files::make_directories(run_ + "/logs"));
  }
  ~RunLogsTest() override { EXPECT_TRUE(files::remove_tree(run_)); }

  void append(const std::string& name, const std::string& text) const {
    std::ofstream(run_ + "/logs/" + name, std::ios::app) << text;
  }
  LogReader reader(const std::vector<std::string>& nodes,
                   LogReader::Labels labels,
                   std::int64_t last_lines = -1) const {
    std::vector<dsl::NodeId> ids;
    for (const std::string& node : nodes) {
      ids.emplace_back(node);
    }
    return {run_, ids, labels, last_lines};
  }
  static LogReader::Take into(std::string& text) {
    return [&text](const LogReader::Line& line) {
      text += (line.label.empty() ? "" : line.label + " | ") + std::string(line.text);
    };
  }

  std::string run_;
};

TEST_F(RunLogsTest, NamesOfFilesSayWhoWroteThem) {
  LogPart part;
  ASSERT_TRUE(parse_log_name("build.1.log", "build", part));
  EXPECT_EQ(part_label(part), "");
  ASSERT_TRUE(parse_log_name("build.2.log", "build", part));
  EXPECT_EQ(part_label(part), "attempt 2");
  ASSERT_TRUE(parse_log_name("build.1.criterion-3.log", "build", part));
  EXPECT_EQ(part_label(part), "criterion 3");
  ASSERT_TRUE(parse_log_name("build.0.red-1.log", "build", part));
  EXPECT_EQ(part_label(part), "criterion 1 before");
  ASSERT_TRUE(parse_log_name("build.1.merge-2.criterion-3.log", "build", part));
  EXPECT_EQ(part_label(part), "merge 2, criterion 3");
  ASSERT_TRUE(parse_log_name("build.2.criterion-1.service-db.log", "build", part));
  EXPECT_EQ(part_label(part), "attempt 2, criterion 1, service db");

  EXPECT_FALSE(parse_log_name("builder.1.log", "build", part));
  EXPECT_FALSE(parse_log_name("build.log", "build", part));
  EXPECT_FALSE(parse_log_name("build.x.log", "build", part));
  EXPECT_FALSE(parse_log_name("build.1.service-db.ready.log", "build", part));
  EXPECT_FALSE(parse_log_name("build.1.txt", "build", part));
}

TEST_F(RunLogsTest, SeveralNodesComeInTheirOrderWithTheirNames) {
  append("test.1.log", "t1\nt2\n");
  append("build.1.log", "b1\n");
  append("build.1.criterion-1.log", "c1\n");
  append("other.1.log", "not asked for\n");
  std::string text;
  auto logs = reader({"build", "test"}, LogReader::Labels::NodesAndParts);
  logs.read_rest(into(text));
  EXPECT_EQ(text, "build | b1\nbuild criterion 1 | c1\ntest | t1\ntest | t2\n");
  EXPECT_EQ(logs.label_width(), 17U);
}

TEST_F(RunLogsTest, OneNodeNeedsNoName) {
  append("build.1.log", "first\n");
  append("build.2.log", "second\n");
  std::string text;
  reader({"build"}, LogReader::Labels::Parts).read_rest(into(text));
  EXPECT_EQ(text, "first\nattempt 2 | second\n");
}

TEST_F(RunLogsTest, InstancesAreFoundByTheirId) {
  append("test[os=linux,cc=gcc].1.log", "x\n");
  append("port[0].1.log", "y\n");
  std::string text;
  reader({"test[os=linux,cc=gcc]", "port[0]"}, LogReader::Labels::Parts).read_rest(into(text));
  EXPECT_EQ(text, "x\ny\n");
}

TEST_F(RunLogsTest, WhatIsWrittenLaterIsReadLaterAndNothingTwice) {
  append("build.1.log", "one\ntw");
  std::string text;
  auto logs = reader({"build"}, LogReader::Labels::Parts);
  logs.read_new(into(text));
  EXPECT_EQ(text, "one\n");
  append("build.1.log", "o\nthree\n");
  append("build.1.criterion-1.log", "new file\n");
  logs.read_new(into(text));
  EXPECT_EQ(text, "one\ntwo\nthree\ncriterion 1 | new file\n");
  append("build.1.log", "no line feed");
  logs.read_rest(into(text));
  EXPECT_EQ(text, "one\ntwo\nthree\ncriterion 1 | new file\nno line feed");
}

TEST_F(RunLogsTest, TheLastLinesAreOfEachFile) {
  append("build.1.log", "1\n2\n3\n4\n");
  append("test.1.log", "a\nb\nc without end");
  std::string text;
  reader({"build", "test"}, LogReader::Labels::NodesAndParts, 2).read_rest(into(text));
  EXPECT_EQ(text, "build | 3\nbuild | 4\ntest | b\ntest | c without end");
}

TEST_F(RunLogsTest, TheLastLinesOfALargeFileAreFoundFromItsEnd) {
  std::string large;
  for (int i = 0; i < 20'000; ++i) {
    large += "line " + std::to_string(i) + "\n";
  }
  append("build.1.log", large);
  std::string text;
  reader({"build"}, LogReader::Labels::Parts, 3).read_rest(into(text));
  EXPECT_EQ(text, "line 19997\nline 19998\nline 19999\n");
  text.clear();
  reader({"build"}, LogReader::Labels::Parts, 5000).read_rest(into(text));
  EXPECT_EQ(text.substr(0, 11), "line 15000\n");
  text.clear();
  reader({"build"}, LogReader::Labels::Parts, 0).read_rest(into(text));
  EXPECT_EQ(text, "");
}

TEST_F(RunLogsTest, ALogThatIsALinkIsNotFollowed) {
  ASSERT_EQ(symlink("/etc/passwd", (run_ + "/logs/build.1.log").c_str()), 0);
  std::string text;
  reader({"build"}, LogReader::Labels::Parts).read_rest(into(text));
  EXPECT_EQ(text, "");
}

TEST_F(RunLogsTest, TheLastLineOfARunningTaskIsKnown) {
  EXPECT_EQ(last_log_line(run_, dsl::NodeId("build"), 1), "");
  append("build.1.log", "first\nsecond\nthi");
  EXPECT_EQ(last_log_line(run_, dsl::NodeId("build"), 1), "second");
}

}  // namespace
}  // namespace runner::cli
