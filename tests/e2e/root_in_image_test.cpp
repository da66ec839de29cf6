// `user: root` inside an image: packages are installed there by the real tools, with and without
// `sudo`, and nothing of it is seen outside.

#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kDebian = "pipe-test/debian:1";  // scripts/test-images --debian

bool has_image(Engine engine) {
  return run({{name_of(engine), "image", "inspect", kDebian}, "", {}}).exit_code == 0;
}

/// The image, unpacked once for all tests of this process; "" where no engine has it.
std::string root_filesystem() {
  static const TempFolder folder;
  static const std::string path = [] {
    for (const Engine engine : {Engine::Docker, Engine::Podman}) {
      const std::string root = (folder.path() / name_of(engine)).string();
      fs::create_directory(root);
      const std::string script = "set -e; id=$(" + name_of(engine) + " create " + kDebian +
                                 " true); " + name_of(engine) + " export $id | tar -xC '" + root +
                                 "'; " + name_of(engine) + " rm $id";
      if (is_usable(engine) && has_image(engine) &&
          run({{"/bin/sh", "-c", script}, "", {}}).exit_code == 0) {
        return root;
      }
    }
    return std::string();
  }();
  return path;
}

/// A package with a file of another owner, a setgid program, and a script that asks who it is.
void make_package(const TempFolder& folder) {
  folder.write(
      "tree/DEBIAN/control",
      "Package: pipe-probe\nVersion: 1\nArchitecture: all\nMaintainer: pipe <pipe@invalid>\n"
      "Description: shows what a package may do\n");
  const std::string script = folder.write("tree/DEBIAN/postinst",
                                          "#!/bin/sh -e\nid -u > /var/lib/pipe-probe/installed-by\n"
                                          "chown games:games /var/lib/pipe-probe/owned\n"
                                          "chmod 2755 /usr/bin/pipe-probe\n");
  const std::string program = folder.write("tree/usr/bin/pipe-probe", "#!/bin/sh\necho probed\n");
  folder.write("tree/var/lib/pipe-probe/owned", "games\n");
  ASSERT_EQ(chmod(script.c_str(), 0755), 0);
  ASSERT_EQ(chmod(program.c_str(), 0755), 0);
  const Ended built = run({{"dpkg-deb", "--root-owner-group", "--build", "tree", "probe.deb"},
                           folder.path().string(),
                           {}});
  ASSERT_EQ(built.exit_code, 0) << built.err;
}

class RootInImage : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    NEEDS_ENGINE(GetParam());
    if (GetParam() == Engine::Sandbox && geteuid() != 0) {
      GTEST_SKIP() << "an ordinary user is one user only in a sandbox";
    }
    image_ = GetParam() == Engine::Sandbox ? "{rootfs: " + root_filesystem() + "}" : kDebian;
    if (GetParam() == Engine::Sandbox ? root_filesystem().empty() : !has_image(GetParam())) {
      GTEST_SKIP() << "no engine has " << kDebian << ": scripts/test-images --debian";
    }
    make_package(folder_);
  }

  Ended run_task(const std::string& user, const std::string& script) {
    std::string text = "version: 1\nname: root\nengine: " + name_of(GetParam()) +
                       "\nimage: " + image_ + "\ntasks:\n  a:\n    user: " + user +
                       "\n    run: |\n";
    for (std::size_t at = 0; at < script.size();) {
      const std::size_t end = std::min(script.find('\n', at), script.size());
      text += "      " + script.substr(at, end - at) + "\n";
      at = end + 1;
    }
    folder_.write("p.yaml", text + "    success_criteria: [{'[ ] ok': 'true'}]\n");
    return user_.run_pipe({"run", "p.yaml"}, folder_.path().string());
  }

  std::string image_;
  TempFolder folder_;
  User user_;
};

TEST_P(RootInImage, InstallsAPackageByAptAndDpkg) {
  const Ended ended = run_task("root",
                               "apt-get install -y ./probe.deb\n"
                               "pipe-probe | grep probed\n"
                               "test \"$(stat -c %U:%G /var/lib/pipe-probe/owned)\" = games:games\n"
                               "test \"$(stat -c %a /usr/bin/pipe-probe)\" = 2755\n"
                               "dpkg -r pipe-probe && ! command -v pipe-probe");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

TEST_P(RootInImage, InstallsItWithSudo) {
  const Ended ended = run_task("root",
                               "sudo -n DEBIAN_FRONTEND=noninteractive -- dpkg -i probe.deb\n"
                               "sudo -E sh -c 'test $DEBIAN_FRONTEND:$SUDO_USER = :root'\n"
                               "test \"$(sudo -u games id -un)\" = games\n"
                               "test \"$(sudo -u '#1' id -u):$(sudo id -u)\" = 1:0\n"
                               "! sudo -u nobody-of-that-name true\n"
                               "! sudo --no-such-option true\n"
                               "sudo no-such-program || test $? = 127\n"
                               "pipe-probe");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

TEST_P(RootInImage, HasNoCapabilityBeyondThose) {
  // CHOWN 0, DAC_OVERRIDE 1, FOWNER 3, FSETID 4, KILL 5, SETGID 6, SETUID 7
  const Ended ended = run_task("root",
                               "grep -q '^CapEff:.*00000000000000fb$' /proc/self/status\n"
                               "grep -q '^NoNewPrivs:.*1$' /proc/self/status\n"
                               "! mknod /tmp/null c 1 3\n"
                               "! mount -t tmpfs none /mnt");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

TEST_P(RootInImage, LeavesTheMachineAndTheProjectAsTheyWere) {
  const Ended ended =
      run_task("root", "dpkg -i probe.deb\necho new > new.txt\nchown games new.txt");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_FALSE(fs::exists("/var/lib/pipe-probe"));
  EXPECT_FALSE(GetParam() == Engine::Sandbox &&
               fs::exists(root_filesystem() + "/var/lib/pipe-probe"));
  struct stat folder {};
  struct stat file {};
  ASSERT_EQ(stat(folder_.path().c_str(), &folder), 0);
  ASSERT_EQ(stat((folder_.path() / "new.txt").c_str(), &file), 0);
  EXPECT_EQ(file.st_uid, folder.st_uid);
}

TEST_P(RootInImage, IsNothingForAnybodyElse) {
  const Ended ended =
      run_task("'1000'",
               "grep -q '^CapEff:.*0000000000000000$' /proc/self/status\n! command -v sudo\n"
               "! dpkg -i probe.deb");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         RootInImage,
                         testing::Values(Engine::Sandbox, Engine::Docker, Engine::Podman),
                         [](const auto& engine) { return name_of(engine.param); });

}  // namespace
}  // namespace e2e
