// Containers that a node starts in a Docker daemon of its own (`docker: dind`): they reach no more
// than the node does. Threat T7, and T1 to T6 once more from inside.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/adversarial/attacked.h"

namespace adversarial {
namespace {

namespace fs = std::filesystem;
using e2e::Ended;
using e2e::Engine;
using e2e::run;
using testing::HasSubstr;

constexpr const char* kDebian = "pipe-test/debian:1";  // scripts/test-images --debian
constexpr const char* kDaemon = "pipe-test/dind:1";    // scripts/test-images --dind
constexpr const char* kClient = "/usr/bin/docker";

class OwnDaemon : public Attacked {
 protected:
  void SetUp() override {
    Attacked::SetUp();
    if (IsSkipped()) {
      return;
    }
    for (const char* const image : {kDebian, kDaemon}) {
      if (run({{"docker", "image", "inspect", image}, "", {}}).exit_code != 0) {
        GTEST_SKIP() << "needs " << image << ": scripts/test-images --debian --dind";
      }
    }
    fs::copy_file(kClient, folder_.path() / "docker");
  }
};

TEST_P(OwnDaemon, GivesNoRoadOutAndNoDiskOfTheMachine) {
  std::string text = "version: 1\nname: attacked\nengine: docker\nimage: ";
  text += std::string(kDebian) +
          "\nfirewall: {allow: ['good.test:" + std::to_string(Yard::kGoodPort) +
          "'], allow_private: [127.7.7.9]}\nenv:\n";
  std::string passed_on;
  for (const auto& [name, value] : targets()) {
    text += "  " + name + ": '" + value + "'\n";
    passed_on += " -e " + name;
  }
  folder_.write(
      "p.yaml",
      text + "tasks:\n  a:\n    docker: dind\n    services: {docker: {image: '" + kDaemon +
          "'}}\n    run: |\n"
          "      tar -c attack | ./docker import - own:1\n"
          "      for network in bridge host none; do\n"
          "        ./docker run --rm --cap-add NET_ADMIN --cap-add SYS_ADMIN "
          "--security-opt seccomp=unconfined --network $network" +
          passed_on +
          " own:1 /attack network\n      done\n"
          "      ./docker run --rm --cap-add MKNOD --cap-add SYS_ADMIN own:1 /attack disks\n"
          "    success_criteria: [{'[ ] ok': 'true'}]\n");
  // Not every machine lets its root read a disk.
  const bool has_disks = on_the_machine("./attack disks").out != "disks 0\n";
  const Ended ended = run(pipe({"run", "p.yaml", "--name", "one"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log("a");
  const std::string said = log("a");
  std::size_t tried = 0;
  for (std::size_t at = said.find("all tried"); at != std::string::npos;
       at = said.find("all tried", at + 1)) {
    ++tried;
  }
  EXPECT_EQ(tried, 3U) << said;
  EXPECT_EQ(yard_->leaks(), "");
  EXPECT_THAT(said, HasSubstr("disks 0\n"));
  note_blocked("T07 attacks from containers of a daemon of its own",
               GetParam(),
               std::string("nothing arrived") + (has_disks ? ", no disk could be read" : ""));
}

INSTANTIATE_TEST_SUITE_P(Engines, OwnDaemon, testing::Values(Engine::Docker), [](const auto& each) {
  return e2e::name_of(each.param);
});

}  // namespace
}  // namespace adversarial
