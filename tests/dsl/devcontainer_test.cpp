#include "dsl/devcontainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dsl/compile_file.h"

namespace dsl {
namespace {

using dsl_test::compile_files;
using dsl_test::messages;
using dsl_test::node;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

constexpr const char* kFile = ".devcontainer/devcontainer.json";

std::vector<std::string> problems_of(const std::string& text) {
  std::vector<std::string> problems;
  for (const Error& problem : read_devcontainer(text, kFile).problems) {
    problems.push_back(problem.message);
  }
  return problems;
}

TEST(Devcontainer, SaysWhatAnEditorTakesFromIt) {
  const Devcontainer read = read_devcontainer(R"(// For editors and for pipe.
{
  "name": "Ours", /* no matter */
  "image": "mcr.microsoft.com/devcontainers/base:bookworm",
  "customizations": {"vscode": {"extensions": ["a.b"]}},
  "forwardPorts": [8080],
  "containerEnv": {"URL": "http://localhost//x", "HOME_OF": "${containerWorkspaceFolder}/bin"},
  "remoteEnv": {"URL": "again", "GONE": null},
  "remoteUser": "vscode",
  "mounts": [
    "source=${localWorkspaceFolder}/data,target=/data,type=bind,readonly",
    {"source": "/srv/cache", "target": "/cache", "type": "bind"},
  ],
  "onCreateCommand": ["echo", "it's"],
  "postCreateCommand": {"one": "npm ci", "two": "echo ${HOME} ${containerWorkspaceFolder}"},
  "features": {},
}
)",
                                              kFile);
  EXPECT_THAT(read.problems, IsEmpty());
  EXPECT_EQ(read.image,
            (Image{Image::Kind::Reference, "mcr.microsoft.com/devcontainers/base:bookworm", ""}));
  EXPECT_THAT(read.env, ElementsAre(Pair("HOME_OF", "/workspace/bin"), Pair("URL", "again")));
  EXPECT_EQ(read.user, "vscode");
  EXPECT_EQ(read.setup, "'echo' 'it'\\''s'\nnpm ci\necho ${HOME} /workspace\n");
  EXPECT_THAT(
      read.mounts,
      ElementsAre(HostMount{"./data", "/data", false}, HostMount{"/srv/cache", "/cache", true}));
}

TEST(Devcontainer, BuildsBesideItself) {
  EXPECT_EQ(
      read_devcontainer(R"({"build": {"dockerfile": "Dockerfile", "context": ".."}})", kFile).image,
      (Image{Image::Kind::Build, ".devcontainer/Dockerfile", "."}));
  EXPECT_EQ(read_devcontainer(R"({"dockerFile": "D"})", ".devcontainer.json").image,
            (Image{Image::Kind::Build, "D", "."}));
}

TEST(Devcontainer, BuildsNothingOutsideOfThePipelinesFolder) {
  for (const char* build : {R"({"dockerfile": "../../Dockerfile"})",
                            R"({"dockerfile": "D", "context": "../.."})",
                            R"({"dockerfile": "/etc/Dockerfile"})"}) {
    const Devcontainer read = read_devcontainer(std::string(R"({"build": )") + build + "}", kFile);
    ASSERT_EQ(read.problems.size(), 1U) << build;
    EXPECT_THAT(read.problems[0].message, testing::HasSubstr("leads out of the pipeline's folder"));
  }
}

TEST(Devcontainer, AnImageThatIsNoNameIsRefused) {
  const auto compilation = compile_files(
      {{"p.yaml",
        "version: 1\nname: p\nengine: docker\ntasks:\n  t: {run: x, image: {devcontainer: " +
            std::string(kFile) + "}}\n"},
       {kFile, R"({"image": "x/json HTTP/1.1\r\nHost: d\r\n\r\nPOST /containers/create"})"}});
  EXPECT_FALSE(compilation.plan);
  EXPECT_THAT(messages(compilation), testing::HasSubstr("is no image reference"));
}

TEST(Devcontainer, LeavesNothingOutThatWouldChangeTheContainer) {
  EXPECT_THAT(problems_of(R"({"image": "x", "features": {"ghcr.io/devcontainers/features/go:1": {}},
                              "runArgs": ["--privileged"], "privileged": true, "capAdd": ["ALL"],
                              "initializeCommand": "rm -rf /", "dockerComposeFile": "c.yml"})"),
              ElementsAre(HasSubstr("has 'features', which no pipeline can give"),
                          HasSubstr("'runArgs'"),
                          HasSubstr("'privileged'"),
                          HasSubstr("'capAdd'"),
                          HasSubstr("'initializeCommand'"),
                          HasSubstr("'dockerComposeFile'")));
  EXPECT_THAT(problems_of(R"({"image": "x", "privileged": false, "capAdd": []})"), IsEmpty());
  EXPECT_THAT(problems_of(R"({"image": "x", "somethingNew": 1})"),
              ElementsAre("has 'somethingNew', which is not known here"));
  EXPECT_THAT(problems_of(R"({"image": "x", "containerEnv": {"A": "${localEnv:SECRET}"}})"),
              ElementsAre("has '${localEnv:SECRET}' in its 'A', which a plan cannot know"));
  EXPECT_THAT(problems_of(R"({"image": "x", "mounts": ["source=v,target=/v,type=volume"]})"),
              ElementsAre("mounts a 'volume' at '/v'"));
  EXPECT_THAT(problems_of(R"({"build": {"dockerfile": "D", "args": {"A": "1"}}})"),
              ElementsAre("has 'args' under 'build', which is not known here"));
  EXPECT_THAT(problems_of("{}"), ElementsAre("names neither an 'image' nor a 'build'"));
  EXPECT_THAT(problems_of("[]"), ElementsAre("is no record"));
  EXPECT_THAT(problems_of("{\"image\": "), testing::SizeIs(1));
}

TEST(Devcontainer, IsPartOfThePlanBeneathWhatTheFileSaysItself) {
  const std::string text =
      "version: 1\nname: x\nengine: docker\nimage: {devcontainer: "
      ".devcontainer/devcontainer.json}\n"
      "env: {A: own}\ntasks:\n  t: {run: make}\n  r: {run: make, user: root, setup: 'true'}\n";
  const std::string file =
      R"({"build": {"dockerfile": "Dockerfile"}, "containerEnv": {"A": "its", "B": "2"},
          "remoteUser": "dev", "postCreateCommand": "npm ci"})";
  const auto compilation = compile_files({{"p.yaml", text}, {kFile, file}});
  ASSERT_TRUE(compilation.plan) << messages(compilation);
  const PlanNode& task = node(compilation, "t");
  EXPECT_EQ(task.image, (Image{Image::Kind::Build, ".devcontainer/Dockerfile", ".devcontainer"}));
  EXPECT_EQ(task.user, "dev");
  EXPECT_EQ(task.setup, "npm ci\n");
  ASSERT_EQ(task.env.size(), 2U);
  EXPECT_EQ(task.env[0].name, "B");
  EXPECT_EQ(dsl_test::shown(task.env[1].value), "own");
  EXPECT_EQ(node(compilation, "r").user, "root");
  EXPECT_EQ(node(compilation, "r").setup, "true");
  const auto changed = compile_files({{"p.yaml", text}, {kFile, file + " "}});
  EXPECT_NE(compilation.plan->source_digest, changed.plan->source_digest);
}

TEST(Devcontainer, IsAMistakeAtItsPlaceWhereItCannotBeUsed) {
  const auto said = [](const std::string& image, const std::string& file) {
    return messages(
        compile_files({{"p.yaml",
                        "version: 1\nname: x\nengine: docker\nimage: {devcontainer: " + image +
                            "}\ntasks:\n  t: {run: make, success_criteria: [{'[ ] x': x}]}\n"},
                       {kFile, file}}));
  };
  EXPECT_THAT(said(kFile, R"({"image": "x", "features": {"a": {}}})"),
              testing::AllOf(HasSubstr("p.yaml:4:23"),
                             HasSubstr("has 'features', which no pipeline can give"),
                             HasSubstr("put what they install into a Dockerfile")));
  EXPECT_THAT(said("../devcontainer.json", ""), HasSubstr("leads out of the pipeline's folder"));
  EXPECT_THAT(said("missing.json", ""), HasSubstr("cannot read 'missing.json'"));
  EXPECT_THAT(said(kFile, R"({"image": "x", "postCreateCommand": "echo ${{ secrets.X }}"})"),
              HasSubstr("has a '${{', which is an expression in a pipeline"));
}

}  // namespace
}  // namespace dsl
