// `docker: broker` and `docker: socket` with the real command line of Docker inside a node.

#include <csignal>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kDebian = "pipe-test/debian:1";  // scripts/test-images --debian
constexpr const char* kClient = "/usr/bin/docker";

std::string docker(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "docker");
  Ended ended = run({arguments, "", {}});
  while (!ended.out.empty() && ended.out.back() == '\n') {
    ended.out.pop_back();
  }
  return ended.out;
}

/// What a program finds that speaks to the socket itself: prints all that comes back.
constexpr const char* kSpeak = R"(import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect("/var/run/docker.sock")
s.sendall(sys.stdin.buffer.read())
all = b""
try:
    while True:
        part = s.recv(65536)
        if not part: break
        all += part
except socket.timeout:
    all += b"TIMEOUT"
sys.stdout.buffer.write(all)
)";

class DockerAccess : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ENGINE(Engine::Docker);
    if (docker({"image", "inspect", "-f", "x", kDebian}) != "x" || !fs::exists(kClient)) {
      GTEST_SKIP() << "needs " << kDebian << " (scripts/test-images --debian) and " << kClient;
    }
    fs::copy_file(kClient, folder_.path() / "docker");
    folder_.write("speak.py", kSpeak);
  }
  void TearDown() override {
    EXPECT_EQ(docker({"ps", "-aq", "--filter", "label=pipe.broker"}), "");
  }

  void write(const std::string& access, const std::string& script) {
    std::string text = std::string("version: 1\nname: docker\nengine: docker\nimage: ") + kDebian +
                       "\ntasks:\n  a:\n    docker: " + access +
                       "\n    resources: {memory: 512MiB}\n    run: |\n      PATH=$PWD:$PATH\n";
    for (std::size_t at = 0; at < script.size();) {
      const std::size_t end = std::min(script.find('\n', at), script.size());
      text += "      " + script.substr(at, end - at) + "\n";
      at = end + 1;
    }
    folder_.write("p.yaml", text + "    success_criteria: [{'[ ] ok': 'true'}]\n");
  }
  Ended run_task(const std::string& access, const std::string& script) {
    write(access, script);
    return user_.run_pipe({"run", "p.yaml", "--name", "one"}, folder_.path().string());
  }
  std::string log() { return user_.run_pipe({"logs", "one", "a"}, folder_.path().string()).out; }

  TempFolder folder_;
  User user_;
};

TEST_F(DockerAccess, ABrokerGivesANodeContainersOfItsOwn) {
  const Ended ended =
      run_task("broker",
               "docker version > /dev/null\n"
               "docker run --rm pipe-test/busybox:1 echo said in a container\n"
               "echo through its input | docker run --rm -i pipe-test/busybox:1 cat\n"
               "docker run -d --name db pipe-test/busybox:1 sh -c 'echo ready; exec sleep 600'\n"
               "docker exec db sh -c 'echo inside $0' the-db\n"
               "docker exec -i db cat < speak.py | cmp - speak.py\n"
               "docker logs db | grep ready\n"
               "test \"$(docker ps -q | wc -l)\" = 1\n"
               "docker inspect -f '{{.HostConfig.NetworkMode}} {{.HostConfig.Privileged}}' db\n"
               "docker kill db && test \"$(docker wait db)\" = 137\n"
               "docker rm db && test -z \"$(docker ps -aq)\"\n"
               "docker run --rm pipe-test/busybox:1 sh -c 'exit 7' || test $? = 7");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  const std::string said = log();
  EXPECT_THAT(said, HasSubstr("said in a container\n"));
  EXPECT_THAT(said, HasSubstr("through its input\n"));
  EXPECT_THAT(said, HasSubstr("inside the-db\n"));
  EXPECT_THAT(said, HasSubstr("false\n"));
}

TEST_F(DockerAccess, TheyShareTheNodesLoopbackAndNothingElse) {
  const Ended ended =
      run_task("broker",
               "mkdir www && echo served > www/page\n"
               "docker run -d --name web pipe-test/busybox:1 sh -c 'echo served > /tmp/page; exec "
               "busybox httpd -f -p 7001 -h /tmp'\n"
               "for i in 1 2 3 4 5 6 7 8 9 10; do (exec 3<>/dev/tcp/127.0.0.1/7001) 2>/dev/null && "
               "break; sleep 0.3; done\n"
               "python3 -c 'import socket; s=socket.create_connection((\"127.0.0.1\", 7001)); "
               "s.sendall(b\"GET /page HTTP/1.0\\r\\n\\r\\n\"); print(s.makefile().read())'\n"
               "! docker run --rm pipe-test/busybox:1 sh -c 'ip addr | grep -v "
               "\"lo:\\|127.0.0.1\\|::1\" | grep inet'\n"
               "docker run --rm pipe-test/busybox:1 cat /etc/resolv.conf");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_THAT(log(), HasSubstr("served"));
  EXPECT_THAT(log(), HasSubstr("nameserver 127.0.0.1\n"));
}

TEST_F(DockerAccess, ABrokerRefusesWhatReachesTheMachineOrAnybodyElse) {
  const std::string other =
      docker({"run", "-d", "--name", "pipe-e2e-other", "pipe-test/busybox:1", "sleep", "600"});
  const std::string image = " pipe-test/busybox:1 true\n";
  const Ended ended =
      run_task("broker",
               "! docker run --privileged" + image + "! docker run -v /:/host" + image +
                   "! docker run --network host" + image + "! docker run --pid host" + image +
                   "! docker run --ipc host" + image + "! docker run --cap-add SYS_ADMIN" + image +
                   "! docker run --device /dev/null" + image +
                   "! docker run --security-opt seccomp=unconfined" + image +
                   "! docker run --security-opt systempaths=unconfined" + image +
                   "! docker run --volumes-from pipe-e2e-other" + image +
                   "! docker run --network container:pipe-e2e-other" + image +
                   "! docker pull pipe-test/busybox:1\n! docker images\n! docker network ls\n"
                   "! docker exec pipe-e2e-other true\ndocker rm -f pipe-e2e-other || true\n"
                   "! docker logs pipe-e2e-other\n! docker inspect pipe-e2e-other\n! docker cp "
                   "pipe-e2e-other:/etc x\n"
                   "docker rm -f " +
                   other + "\n! docker exec " + other.substr(0, 12) +
                   " true\n"
                   "test -z \"$(docker ps -aq)\"");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_EQ(docker({"inspect", "-f", "{{.State.Running}}", "pipe-e2e-other"}), "true");
  docker({"rm", "-f", "pipe-e2e-other"});
}

TEST_F(DockerAccess, NothingFollowsTheOneRequestOfAConnection) {
  const std::string second = "GET /images/json HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n";
  const std::string body = "{\\\"Detach\\\": true, \\\"Tty\\\": false}";
  const Ended ended = run_task(
      "broker",
      "docker run -d --name db pipe-test/busybox:1 sleep 600\n"
      // A second request behind one that is answered, one that is refused, and one in a body.
      "printf 'GET /_ping HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n" +
          second +
          "' | python3 speak.py > a1\n"
          "printf 'POST /containers/nobody/attach?stream=1 HTTP/1.1\\r\\nHost: x\\r\\nConnection: "
          "Upgrade\\r\\nUpgrade: tcp\\r\\n\\r\\n" +
          second +
          "' | python3 speak.py > a2\n"
          // The daemon does not hand the connection over for these.
          "id=$(docker inspect -f '{{.Id}}' db); docker kill db > /dev/null\n"
          "printf 'POST /containers/db/attach?stream=0 HTTP/1.1\\r\\nHost: x\\r\\nConnection: "
          "Upgrade\\r\\nUpgrade: tcp\\r\\n\\r\\n" +
          second +
          "' | python3 speak.py > a3\n"
          "printf 'GET /_ping HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 5\\r\\nTransfer-Encoding: "
          "chunked\\r\\n\\r\\n0\\r\\n\\r\\n" +
          second +
          "' | python3 speak.py > a4\n"
          "{ printf 'POST /containers/create HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: "
          "9000000\\r\\n\\r\\n'; head -c 9000000 /dev/zero; } | python3 speak.py > a5 || echo cut "
          "> a5\n"
          "{ printf 'GET /_ping HTTP/1.1\\r\\n'; head -c 200000 /dev/zero | tr '\\0' a; } | "
          "python3 speak.py > a6 || echo cut > a6\n"
          "! grep -l RepoTags a1 a2 a3 a4 a5 a6\n"
          "! grep -l TIMEOUT a1 a2\n"
          "docker ps -aq | wc -l\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_THAT(body, Not(IsEmpty()));
}

TEST_F(DockerAccess, ItsContainersGoWithTheNodeAndAfterAKill) {
  Ended ended = run_task("broker", "docker run -d pipe-test/busybox:1 sleep 600");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_EQ(docker({"ps", "-aq", "--filter", "label=pipe.broker"}), "");

  write("broker", "docker run -d pipe-test/busybox:1 sleep 600\ntest -e go-on || exec sleep 600");
  {
    Running killed(user_.pipe({"run", "p.yaml", "--name", "two"}, folder_.path().string()));
    ASSERT_TRUE(eventually([] {
      return !docker({"ps", "-q", "--filter", "label=pipe.broker"}).empty();
    }));
    killed.signal(SIGKILL);
    killed.wait();
  }
  EXPECT_EQ(user_.run_pipe({"clean", "two", "--force"}, folder_.path().string()).exit_code, 0);
  EXPECT_EQ(docker({"ps", "-aq", "--filter", "label=pipe.broker"}), "");
}

TEST_F(DockerAccess, TheSocketIsTheDaemonsOwnAndMarkedAsADanger) {
  write("socket",
        "docker version -f '{{.Server.Version}}'\ntest $TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE = "
        "/var/run/docker.sock\ntest $DOCKER_HOST = unix:///var/run/docker.sock\n"
        "test $TESTCONTAINERS_HOST_OVERRIDE = host.docker.internal\n"
        "test $TESTCONTAINERS_REUSE_ENABLE = true\n"
        "docker run --rm --network none pipe-test/busybox:1 echo by the daemon itself");
  const Ended plan = user_.run_pipe({"plan", "p.yaml"}, folder_.path().string());
  EXPECT_THAT(plan.out, HasSubstr("holds the Docker socket, which is as good as root on the host"));
  const Ended ended = user_.run_pipe({"run", "p.yaml", "--name", "one"}, folder_.path().string());
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(log(), HasSubstr(docker({"version", "-f", "{{.Server.Version}}"})));
  EXPECT_THAT(log(), HasSubstr("by the daemon itself\n"));
}

TEST_F(DockerAccess, IsRefusedWhereNoEngineGivesIt) {
  write("dind", "true");
  Ended ended = user_.run_pipe({"run", "p.yaml"}, folder_.path().string());
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("asks for a Docker daemon of its own"));
  folder_.write("p.yaml",
                "version: 1\nname: d\nengine: sandbox\nimage: host\ntasks: {a: {run: 'true', "
                "docker: broker}}\n");
  ended = user_.run_pipe({"run", "p.yaml"}, folder_.path().string());
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("which only the engine `docker` gives"));
}

}  // namespace
}  // namespace e2e
