// The laws of the house on the tree that this test was built from.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/architecture/rules.h"

namespace architecture {
namespace {

using testing::IsEmpty;

const SourceTree& tree() {
  static const SourceTree read = read_tree(PIPE_SOURCE_DIR);
  return read;
}

// Levels of the rooms: a room includes lower levels only.
const House kHouse{{
                       {"dsl", 0},
                       {"runner/run", 1},
                       {"runner/sys", 1},
                       {"runner/init", 2},
                       {"runner/engine", 2},
                       {"runner/net", 2},
                       {"runner/store", 2},
                       {"runner/agent", 2},
                       {"runner/web", 3},
                       {"runner/triggers", 3},
                       {"runner/report", 3},
                       {"runner/app", 4},
                       {"runner/cli", 5},
                       {"runner", 6},
                       {"tests", 7},
                   },
                   {
                       {"runner/sys", "runner/run"},  // the event loop is the real run/clock.h
                   }};

const std::vector<Library> kLibraries = {
    {"yaml-cpp", {"yaml-cpp/"}, {{"dsl/yaml.cpp", "the one reader of YAML"}}},
};

TEST(House, IncludesPointDown) {
  EXPECT_THAT(check_layers(tree(), kHouse), IsEmpty());
}

TEST(House, HasNoIncludeCirclesBetweenFiles) {
  EXPECT_THAT(check_file_circles(tree()), IsEmpty());
}

TEST(House, HasNoIncludeCirclesBetweenRooms) {
  EXPECT_THAT(check_room_circles(tree()), IsEmpty());
}

TEST(House, KeepsEachForeignLibraryInItsFiles) {
  EXPECT_THAT(check_libraries(tree(), kLibraries), IsEmpty());
}

TEST(House, NamesFilesAfterWhatIsInThem) {
  EXPECT_THAT(check_names(tree()), IsEmpty());
}

TEST(House, LeavesNothingForLater) {
  EXPECT_THAT(check_leftovers(tree()), IsEmpty());
}

TEST(House, GuardsEveryHeader) {
  EXPECT_THAT(check_guards(tree()), IsEmpty());
}

TEST(House, BuildsEverySourceFile) {
  EXPECT_THAT(check_build_lists(tree()), IsEmpty());
}

// A reader that finds nothing would make every rule above pass.
TEST(House, IsReadWhole) {
  std::size_t headers = 0;
  std::size_t includes = 0;
  for (const SourceFile& file : tree()) {
    headers += has_extension(file.path, ".h") ? 1U : 0U;
    includes += file.includes.size();
  }
  EXPECT_GT(headers, 40u);
  EXPECT_GT(includes, 400u);
}

}  // namespace
}  // namespace architecture
