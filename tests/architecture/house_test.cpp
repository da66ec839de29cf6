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
                       {"runner/init", 1},  // a program of its own; engines speak its protocol
                       {"runner/engine", 2},
                       {"runner/net", 2},
                       {"runner/store", 2},
                       {"runner/agent", 2},
                       {"runner/model", 2},
                       {"runner/rehearsal", 2},
                       {"runner/report", 3},
                       {"runner/app", 4},
                       {"runner/cli", 5},
                       {"runner", 6},
                       {"tests", 7},
                   },
                   {
                       {"runner/sys", "runner/run"},    // the event loop is the real run/clock.h
                       {"runner/net", "runner/model"},  // the gateway meters what passes it
                       {"runner/rehearsal", "runner/model"},  // plays what providers say
                   }};

// Where each foreign library may be, and why there.
const std::vector<Library> kLibraries = {
    {"yaml-cpp",
     {"yaml-cpp/"},
     {{"dsl/yaml.cpp", "the one reader of YAML"},
      {"tests/bench/yaml_events.cpp", "what the compiler's speed is measured against"}}},
    {"Boost.Graph", {"boost/graph/"}, {{"dsl/graph.cpp", "order, cycles, critical path"}}},
    {"Boost.Asio",
     {"boost/asio/io_context",
      "boost/asio/posix",
      "boost/asio/post",
      "boost/asio/s",
      "boost/asio/thread_pool"},
     {{"runner/sys/event_loop.cpp", "the one event loop"}}},
    {"Boost.Beast",
     {"boost/beast/", "boost/asio/buffer"},
     {{"runner/sys/http_server.cpp", "reads the requests of its clients"},
      {"runner/engine/container_api.cpp", "parses what the container daemons answer"},
      {"runner/engine/attached_stream.cpp", "and their answer to attach"},
      {"runner/engine/broker_session.cpp", "what nodes ask of their Docker broker"},
      {"runner/net/http_reader.cpp", "requests to models and their answers"}}},
    {"Boost.JSON", {"boost/json/"}, {{"dsl/json_tree.cpp", "plans from JSON"}}},
    {"nlohmann-json",
     {"nlohmann/"},
     {{"dsl/value.cpp", "values to and from JSON"},
      {"dsl/render.cpp", "diagnostics as JSON"},
      {"dsl/sealed_plan.cpp", "sealed plans, with whole numbers as they are"},
      {"runner/run/event_json.cpp", "events to and from JSON"},
      {"runner/run/event_masking.cpp", "every text of an event, whatever is added to events"},
      {"runner/run/json_schema.cpp", "valijson works on it"},
      {"runner/store/project.cpp", "what a run has taken, kept with it"},
      {"runner/model/", "the providers' APIs speak JSON"},
      {"runner/engine/", "the container daemons speak JSON"},
      {"runner/rehearsal/", "so do the providers of models that it plays"},
      {"runner/rehearsal/answer_json.h", "shared by the *answer.cpp, included by no other"},
      {"tests/", "tests read what the product wrote with another reader"}}},
    {"valijson",
     {"valijson/"},
     {{"runner/run/json_schema.cpp", "json criteria with a schema"},
      {"tests/schema/schema.cpp", "documents against our own schemas"}}},
    {"cmark-gfm", {"cmark-gfm"}, {{"dsl/markdown.cpp", "the one reader of Markdown"}}},
    {"RE2", {"re2/"}, {{"dsl/pattern.cpp", "patterns of file criteria, checked and matched"}}},
    {"OpenSSL",
     {"openssl/"},
     {{"dsl/digest.cpp", "sha256"},
      {"runner/net/tls_bridge.cpp", "the gateway's own TLS to hosts that get a secret"},
      {"runner/sys/certificates.cpp", "certificates of one private connection"},
      {"tests/net/tls_server.cpp", "such a host"}}},
    {"libgit2",
     {"git2.h", "git2/"},
     {{"runner/sys/git_objects.h", "the bare repository of trees; as git_error.h below"},
      {"runner/sys/git_merge.cpp", "merges of whole trees"},
      {"runner/sys/git_diff.cpp", "differences by lines"},
      {"runner/sys/git_error.h",
       "shared by the git*.cpp of this folder and included by no other"}}},
    {"SQLite", {"sqlite3"}, {{"runner/sys/sqlite.cpp", "the one door to SQLite"}}},
    {"libseccomp", {"seccomp.h"}, {{"runner/engine/seccomp.cpp", "the filter of every job"}}},
    {"libarchive",
     {"archive"},
     {{"runner/engine/oci_archive.cpp", "unpacks images"},
      {"tests/engine/image_maker.cpp", "makes images to unpack"}}},
    {"zlib",
     {"zlib.h"},
     {{"runner/model/content_decoder.cpp", "answers that come compressed"},
      {"tests/model/usage_reader_test.cpp", "compresses some"}}},
    {"CLI11", {"CLI/"}, {{"runner/cli/parse.cpp", "reads the command line"}}},
    {"spdlog", {"spdlog/"}, {}},
    {"fmt",
     {"fmt/"},
     {{"dsl/", "texts"},
      {"runner/", "texts"},
      {"runner/sys/git_error.h", "as for libgit2"},
      {"runner/rehearsal/answer_json.h", "as for nlohmann-json"},
      {"tests/", "texts"}}},
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
