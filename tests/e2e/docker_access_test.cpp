// `docker: broker`, `socket` and `dind` with the real command line of Docker inside a node.

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
    std::string text =
        std::string("version: 1\nname: docker\nengine: docker\nimage: ") + kDebian +
        "\ntasks:\n  a:\n    docker: " + access + "\n    resources: {memory: 512MiB}\n" + more_ +
        "    run: |\n      PATH=$PWD:$PATH\n"
        "      refused() { if \"$@\"; then echo not refused: \"$@\"; exit 1; fi; }\n";
    for (std::size_t at = 0; at < script.size();) {
      const std::size_t end = std::min(script.find('\n', at), script.size());
      text += "      " + script.substr(at, end - at) + "\n";
      at = end + 1;
    }
    folder_.write("p.yaml", text + "    success_criteria: [{'[ ] ok': " + check_ + "}]\n");
  }
  Ended run_task(const std::string& access, const std::string& script) {
    write(access, script);
    return user_.run_pipe({"run", "p.yaml", "--name", "one"}, folder_.path().string());
  }
  std::string log() { return user_.run_pipe({"logs", "one", "a"}, folder_.path().string()).out; }

  std::string more_;              // lines of the task
  std::string check_ = "'true'";  // of its box
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
               "refused docker run --rm pipe-test/busybox:1 sh -c 'ip addr | grep -v "
               "\"lo:\\|127.0.0.1\\|::1\" | grep inet'\n"
               "docker run --rm pipe-test/busybox:1 cat /etc/resolv.conf");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_THAT(log(), HasSubstr("served"));
  EXPECT_THAT(log(), HasSubstr("nameserver 127.0.0.1\n"));
}

TEST_F(DockerAccess, TheyMayMakeTheCallsOfAJobOnly) {
  // Sockets to the hypervisor, io_uring, namespaces, and the calls of another architecture.
  const Ended ended = run_task("broker",
                               "cat > calls.pl <<'END'\n"
                               "sub say_of { print \"$_[0]: \", $_[1] ? 'done' : $!, \"\\n\" }\n"
                               "$! = 0; say_of('vsock', socket(my $s, 40, 1, 0));\n"
                               "say_of('wide vsock', syscall(41, (1 << 32) | 40, 1, 0) >= 0);\n"
                               "say_of('inet', socket($s, 2, 1, 0));\n"
                               "say_of('io_uring', syscall(425, 1, 0) >= 0);\n"
                               "say_of('unshare', syscall(272, 0x10000000) == 0);\n"
                               "END\n"
                               "docker run --rm -i pipe-test/debian:1 perl - < calls.pl");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_THAT(log(),
              HasSubstr("vsock: Address family not supported by protocol\n"
                        "wide vsock: Address family not supported by protocol\n"
                        "inet: done\n"
                        "io_uring: Function not implemented\n"
                        "unshare: Operation not permitted\n"));
}

TEST_F(DockerAccess, ABrokerRefusesWhatReachesTheMachineOrAnybodyElse) {
  const std::string other =
      docker({"run", "-d", "--name", "pipe-e2e-other", "pipe-test/busybox:1", "sleep", "600"});
  const std::string image = " pipe-test/busybox:1 true\n";
  const Ended ended = run_task(
      "broker",
      "refused docker run --privileged" + image + "refused docker run -v /:/host" + image +
          "refused docker run --network host" + image + "refused docker run --pid host" + image +
          "refused docker run --ipc host" + image + "refused docker run --cap-add SYS_ADMIN" +
          image + "refused docker run --device /dev/null" + image +
          "refused docker run --security-opt seccomp=unconfined" + image +
          "refused docker run --security-opt systempaths=unconfined" + image +
          "refused docker run --volumes-from pipe-e2e-other" + image +
          "refused docker run --network container:pipe-e2e-other" + image +
          "refused docker pull pipe-test/busybox:1\nrefused docker images\nrefused docker network "
          "ls\n"
          "refused docker exec pipe-e2e-other true\ndocker rm -f pipe-e2e-other || true\n"
          "refused docker logs pipe-e2e-other\nrefused docker inspect pipe-e2e-other\nrefused "
          "docker cp "
          "pipe-e2e-other:/etc x\n"
          "docker rm -f " +
          other + "\nrefused docker exec " + other.substr(0, 12) +
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
          "refused grep -l RepoTags a1 a2 a3 a4 a5 a6\n"
          "refused grep -l TIMEOUT a1 a2\n"
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

/// With a daemon of its own, from the image of scripts/test-images.
class DockerDaemon : public DockerAccess {
 protected:
  void SetUp() override {
    DockerAccess::SetUp();
    if (IsSkipped()) {
      return;
    }
    if (docker({"image", "inspect", "-f", "x", "pipe-test/dind:1"}) != "x") {
      GTEST_SKIP() << "needs pipe-test/dind:1 (scripts/test-images --dind)";
    }
    fs::copy_file(PIPE_ATTACK, folder_.path() / "attack");  // static: an image is it alone
    more_ = "    services: {docker: {image: 'pipe-test/dind:1'}}\n";
  }
  /// What is left of a run, in Docker and of its certificates.
  std::string left_of(const std::string& name) {
    std::string left = docker({"ps", "-aq", "--filter", "name=pipe-" + name + "-"}) +
                       docker({"volume", "ls", "-q", "--filter", "label=pipe.run=" + name});
    const fs::path certificates = fs::path(user_.state()) / "engine/dind";
    if (fs::exists(certificates) && !fs::is_empty(certificates)) {
      left += " certificates";
    }
    return left;
  }
};

TEST_F(DockerDaemon, IsTheNodesAloneAndSpeaksTlsOnly) {
  check_ = "test -z \"$(./docker ps -aq)$(./docker images -q)\"";  // another one, of the check
  const Ended ended =
      run_task("dind",
               "test $DOCKER_HOST = tcp://localhost:2376\ntest $DOCKER_TLS_VERIFY = 1\n"
               "test $TESTCONTAINERS_HOST_OVERRIDE = localhost\n"
               "test -z \"$(docker ps -aq)$(docker images -q)\"\n"
               "refused env DOCKER_TLS_VERIFY= docker version\n"
               "mkdir own && cp $DOCKER_CERT_PATH/ca.pem own\n"
               "refused env DOCKER_CERT_PATH=$PWD/own docker --tlsverify version\n"
               "refused touch $DOCKER_CERT_PATH/x\n"
               "tar -c attack | docker import - own:1\n"
               "docker run --rm own:1 /attack forks 3\n"
               "docker run -d -p 7001:7002 own:1 /attack serve 7002 60000\n"
               "for i in 1 2 3 4 5 6 7 8 9; do\n"
               "  bash -c 'exec 3<>/dev/tcp/localhost/7001' && break; sleep 0.3\ndone\n"
               "bash -c 'exec 3<>/dev/tcp/localhost/7001' && echo reached it\n"
               // The limits of the node hold for all of its containers together.
               "docker run --rm own:1 /attack memory 100\n"
               "refused docker run --rm own:1 /attack memory 600");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err << log();
  EXPECT_THAT(log(), HasSubstr("forked 3\n"));
  EXPECT_THAT(log(), HasSubstr("reached it\n"));
  EXPECT_THAT(log(), HasSubstr("filled 100\n"));
  EXPECT_EQ(left_of("one"), "");
}

TEST_F(DockerDaemon, GoesWithItsNodeAndAfterAKill) {
  write("dind",
        "tar -c attack | docker import - own:1\ndocker run own:1 /attack serve 7002 600000");
  {
    Running killed(user_.pipe({"run", "p.yaml", "--name", "dead"}, folder_.path().string()));
    ASSERT_TRUE(eventually([] { return !processes_with("serve 7002 600000").empty(); }));
    killed.signal(SIGKILL);
    killed.wait();
  }
  EXPECT_EQ(user_.run_pipe({"clean", "dead", "--force"}, folder_.path().string()).exit_code, 0);
  EXPECT_EQ(left_of("dead"), "");
  EXPECT_THAT(processes_with("serve 7002 600000"), IsEmpty());
}

TEST_F(DockerDaemon, IsMarkedAsADangerAndRefusedWhereItCannotBe) {
  write("dind", "true");
  const std::string folder = folder_.path().string();
  EXPECT_THAT(user_.run_pipe({"plan", "p.yaml"}, folder).out,
              HasSubstr("commands a Docker daemon of its own, which is as good as root"));
  const Ended podman = user_.run_pipe({"run", "p.yaml", "--engine", "podman"}, folder);
  EXPECT_EQ(podman.exit_code, 3);
  EXPECT_THAT(podman.err, HasSubstr("asks for a Docker daemon of its own"));
  more_ = "    services: {docker: {image: x, run: sleep 5, port: 80}}\n";
  write("dind", "true");
  const Ended mistaken = user_.run_pipe({"validate", "p.yaml"}, folder);
  EXPECT_EQ(mistaken.exit_code, 2);
  EXPECT_THAT(mistaken.err, HasSubstr("the daemon of 'docker: dind', whose 'run' is not yours"));
  EXPECT_THAT(mistaken.err, HasSubstr("whose 'port' is not yours"));
}

TEST_F(DockerAccess, IsRefusedWhereNoEngineGivesIt) {
  folder_.write("p.yaml",
                "version: 1\nname: d\nengine: sandbox\nimage: host\ntasks: {a: {run: 'true', "
                "docker: broker}}\n");
  const Ended ended = user_.run_pipe({"run", "p.yaml"}, folder_.path().string());
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("which only the engine `docker` gives"));
}

}  // namespace
}  // namespace e2e
