// The rules themselves, on small made-up trees: each must find what it is for.

#include "tests/architecture/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace architecture {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const House kSmallHouse{{{"dsl", 0}, {"runner/run", 1}, {"runner/sys", 1}, {"runner/cli", 5}},
                        {{"runner/sys", "runner/run"}}};

TEST(Layers, AllowLowerRoomsAndTheRoomItself) {
  EXPECT_THAT(check_layers({parse_file("dsl/ids.h", ""),
                            parse_file("dsl/plan.h", "#include \"dsl/ids.h\"\n"),
                            parse_file("runner/run/job.h", "#include \"dsl/plan.h\"\n")},
                           kSmallHouse),
              IsEmpty());
}

TEST(Layers, RefuseAnIncludeThatPointsUp) {
  EXPECT_THAT(
      check_layers({parse_file("dsl/plan.h", "#pragma once\n#include \"runner/run/job.h\"\n"),
                    parse_file("runner/run/job.h", "")},
                   kSmallHouse),
      ElementsAre("dsl/plan.h:2: 'dsl' may not include 'runner/run/job.h'"));
}

TEST(Layers, AllowNeighboursOnlyInTheNamedDirection) {
  EXPECT_THAT(
      check_layers({parse_file("runner/run/clock.h", "#include \"runner/sys/loop.h\"\n"),
                    parse_file("runner/sys/loop.h", "#include \"runner/run/clock.h\"\n")},
                   kSmallHouse),
      ElementsAre("runner/run/clock.h:1: 'runner/run' may not include 'runner/sys/loop.h'"));
}

TEST(Layers, RefuseAnIncludeThatDoesNotStartAtTheRoot) {
  EXPECT_THAT(
      check_layers({parse_file("dsl/ids.h", ""), parse_file("dsl/plan.h", "#include \"ids.h\"\n")},
                   kSmallHouse),
      ElementsAre("dsl/plan.h:1: 'ids.h' is no file of the tree (includes start at its root)"));
}

TEST(Layers, RefuseARoomThatIsNotInTheHouse) {
  EXPECT_THAT(check_layers({parse_file("runner/attic/box.cpp", "")}, kSmallHouse),
              ElementsAre("runner/attic/box.cpp: room 'runner/attic' is not in the house"));
}

TEST(Circles, BetweenFilesAreToldWithTheirPath) {
  EXPECT_THAT(check_file_circles({parse_file("dsl/a.h", "#include \"dsl/b.h\"\n"),
                                  parse_file("dsl/b.h", "#include \"dsl/c.h\"\n"),
                                  parse_file("dsl/c.h", "#include \"dsl/a.h\"\n")}),
              ElementsAre("include circle: dsl/a.h -> dsl/b.h -> dsl/c.h -> dsl/a.h"));
}

TEST(Circles, BetweenRoomsAreFoundAlthoughNoFilesFormOne) {
  const SourceTree tree = {parse_file("runner/run/a.h", "#include \"runner/sys/b.h\"\n"),
                           parse_file("runner/run/c.h", ""),
                           parse_file("runner/sys/b.h", ""),
                           parse_file("runner/sys/d.h", "#include \"runner/run/c.h\"\n")};
  EXPECT_THAT(check_file_circles(tree), IsEmpty());
  EXPECT_THAT(check_room_circles(tree),
              ElementsAre("include circle: runner/run -> runner/sys -> runner/run"));
}

TEST(Circles, AreNotADiamond) {
  EXPECT_THAT(check_file_circles({parse_file("a.h", "#include \"b.h\"\n#include \"c.h\"\n"),
                                  parse_file("b.h", "#include \"d.h\"\n"),
                                  parse_file("c.h", "#include \"d.h\"\n"),
                                  parse_file("d.h", "")}),
              IsEmpty());
}

const std::vector<Library> kYaml = {{"yaml-cpp", {"yaml-cpp/"}, {{"dsl/yaml.cpp", "reads YAML"}}}};

TEST(Libraries, StayInTheirFile) {
  EXPECT_THAT(check_libraries({parse_file("dsl/check.cpp", "\n#include <yaml-cpp/node.h>\n"),
                               parse_file("dsl/yaml.cpp", "#include <yaml-cpp/eventhandler.h>\n")},
                              kYaml),
              ElementsAre("dsl/check.cpp:2: yaml-cpp has no business here"));
}

TEST(Libraries, AreNeverInAHeaderEvenOfTheirOwnFile) {
  const std::vector<Library> anywhere = {{"yaml-cpp", {"yaml-cpp/"}, {{"dsl/", "the compiler"}}}};
  EXPECT_THAT(check_libraries({parse_file("dsl/yaml.h", "#include <yaml-cpp/mark.h>\n")}, anywhere),
              ElementsAre("dsl/yaml.h:1: yaml-cpp in a header"));
}

TEST(Libraries, AreInAHeaderOnlyWhereItIsNamedItself) {
  const std::vector<Library> named = {{"libgit2", {"git2.h"}, {{"dsl/git_error.h", "a reason"}}}};
  EXPECT_THAT(check_libraries({parse_file("dsl/git_error.h", "#include <git2.h>\n")}, named),
              IsEmpty());
}

TEST(Libraries, LoseAnAllowanceThatNobodyUses) {
  EXPECT_THAT(check_libraries({parse_file("dsl/yaml.cpp", "#include <string>\n")}, kYaml),
              ElementsAre("dsl/yaml.cpp: is allowed yaml-cpp and does not use it"));
}

TEST(Names, RefuseEmptyWordsAndOnlyWholeOnes) {
  EXPECT_THAT(
      check_names({parse_file("runner/run/database.h", ""),
                   parse_file("runner/run/string_utils.h", ""),
                   parse_file("runner/run/task_manager.cpp", "")}),
      ElementsAre("runner/run/string_utils.h: 'utils' says nothing about what is in the file",
                  "runner/run/task_manager.cpp: 'manager' says nothing about what is in the file"));
}

TEST(Leftovers, AreFoundInEveryKindOfFile) {
  EXPECT_THAT(check_leftovers({parse_file("scripts/x",
                                          "one\n# TO"
                                          "DO: two\n")}),
              ElementsAre("scripts/x:2: something is left for later"));
}

TEST(Guards, AreMissedInAHeaderAndNotInASource) {
  EXPECT_THAT(check_guards({parse_file("dsl/a.h", "#pragma once\n"),
                            parse_file("dsl/b.h", "struct B;\n"),
                            parse_file("dsl/c.cpp", "")}),
              ElementsAre("dsl/b.h: no '#pragma once'"));
}

TEST(BuildLists, MissASourceThatNobodyBuilds) {
  EXPECT_THAT(check_build_lists(
                  {parse_file("dsl/CMakeLists.txt", "pipe_room(dsl SOURCES a.cpp\n  sub/b.cpp)\n"),
                   parse_file("dsl/a.cpp", ""),
                   parse_file("dsl/c.cpp", ""),
                   parse_file("dsl/sub/b.cpp", ""),
                   parse_file("runner/cli/CMakeLists.txt", "add_executable(pipe ../main.cpp)"),
                   parse_file("runner/main.cpp", "")}),
              ElementsAre("dsl/c.cpp: in no CMake list, so it is never built"));
}

TEST(Includes, AreReadWithTheirLinesAndNotFromComments) {
  const SourceFile file = parse_file("a.cpp", "/*\n#include \"no.h\"\n*/\n#  include <vector>\n");
  ASSERT_EQ(file.includes.size(), 1u);
  EXPECT_EQ(file.includes[0].target, "vector");
  EXPECT_EQ(file.includes[0].line, 4u);
}

}  // namespace
}  // namespace architecture
