// What a node may ask of its Docker broker, by requests as clients make them and as attackers do.

#include "runner/engine/broker_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/engine/seccomp.h"

namespace runner {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

const BrokerOwner kOwner{"pipe-otter-1",
                         {{"pipe.store", "s1"}, {"pipe.run", "otter"}},
                         "abc123",
                         "/state/resolv.conf",
                         dsl::Bytes{256 << 20},
                         dsl::Cpus{500}};

/// What comes of a request: "403 why", or "METHOD path".
std::string decided(const std::string& method,
                    const std::string& target,
                    const std::string& body = "") {
  const BrokerDecision decision = decide({method, target, body}, kOwner);
  if (const auto* answer = std::get_if<BrokerAnswer>(&decision)) {
    return std::to_string(answer->status) + " " + answer->body;
  }
  const auto& call = std::get<BrokerCall>(decision);
  const std::string who = !call.exec.empty()        ? "<exec " + call.exec + ">"
                          : !call.container.empty() ? "<" + call.container + ">"
                                                    : "";
  return call.method + " " + call.before + who + call.after;
}

Json created(const std::string& body) {
  const BrokerDecision decision = decide({"POST", "/v1.41/containers/create", body}, kOwner);
  const auto* call = std::get_if<BrokerCall>(&decision);
  return call == nullptr ? Json() : Json::parse(call->body);
}

std::string with_host(const std::string& member) {
  return R"({"Image": "busybox", "HostConfig": {)" + member + "}}";
}

TEST(BrokerRules, LetClientsCreateWhatIsTheirsAlone) {
  // As the docker command line sends it.
  const Json made = created(
      R"({"Hostname":"","Domainname":"","User":"","AttachStdin":false,"AttachStdout":true,
      "AttachStderr":true,"Tty":false,"OpenStdin":false,"StdinOnce":false,"Env":["A=b"],"Cmd":["true"],
      "Image":"busybox","Volumes":{},"WorkingDir":"","Entrypoint":null,"OnBuild":null,"Labels":{"x":"y"},
      "HostConfig":{"Binds":null,"ContainerIDFile":"","LogConfig":{"Type":"","Config":{}},
      "NetworkMode":"default","PortBindings":{},"RestartPolicy":{"Name":"no","MaximumRetryCount":0},
      "AutoRemove":true,"VolumeDriver":"","VolumesFrom":null,"CapAdd":null,"CapDrop":null,"Dns":[],
      "DnsOptions":[],"DnsSearch":[],"ExtraHosts":null,"GroupAdd":null,"IpcMode":"","Cgroup":"",
      "Links":null,"OomScoreAdj":0,"PidMode":"","Privileged":false,"PublishAllPorts":false,
      "ReadonlyRootfs":false,"SecurityOpt":null,"UTSMode":"","UsernsMode":"","ShmSize":0,
      "ConsoleSize":[0,0],"Isolation":"","CpuShares":0,"Memory":0,"NanoCpus":0,"CgroupParent":"",
      "BlkioWeight":0,"BlkioWeightDevice":[],"BlkioDeviceReadBps":null,"CpuPeriod":0,"CpuQuota":0,
      "CpusetCpus":"","CpusetMems":"","Devices":[],"DeviceCgroupRules":null,"DeviceRequests":null,
      "KernelMemory":0,"MemoryReservation":0,"MemorySwap":0,"MemorySwappiness":-1,
      "OomKillDisable":false,"PidsLimit":0,"Ulimits":null,"CpuCount":0,"CpuPercent":0,
      "IOMaximumIOps":0,"IOMaximumBandwidth":0,"MaskedPaths":null,"ReadonlyPaths":null},
      "NetworkingConfig":{"EndpointsConfig":{}}})");
  ASSERT_TRUE(made.is_object());
  EXPECT_EQ(made["Cmd"], Json{"true"});
  EXPECT_EQ(made["Labels"], Json::parse(R"({"x":"y","pipe.store":"s1","pipe.run":"otter",
                                            "pipe.broker":"pipe-otter-1"})"));
  const Json& host = made["HostConfig"];
  EXPECT_EQ(host["AutoRemove"], true);
  EXPECT_EQ(host["NetworkMode"], "container:abc123");
  EXPECT_EQ(host["CapDrop"], Json{"ALL"});
  EXPECT_EQ(host["CapAdd"],
            Json({"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"}));
  EXPECT_EQ(host["SecurityOpt"], Json({"no-new-privileges", "seccomp=" + seccomp_profile()}));
  EXPECT_EQ(host["Memory"], 256 << 20);
  EXPECT_EQ(host["PidsLimit"], 4096);
  EXPECT_EQ(host["Mounts"].size(), 1u);
  EXPECT_FALSE(host.contains("Privileged"));
}

TEST(BrokerRules, RefuseWhatReachesTheMachine) {
  for (const char* const member : {
           R"("Privileged": true)",
           R"("Binds": ["/:/host"])",
           R"("NetworkMode": "host")",
           R"("NetworkMode": "container:other")",
           R"("NetworkMode": "bridge2")",
           R"("PidMode": "host")",
           R"("PidMode": "container:x")",
           R"("IpcMode": "host")",
           R"("IpcMode": "shareable")",
           R"("UTSMode": "host")",
           R"("UsernsMode": "host")",
           R"("CgroupnsMode": "host")",
           R"("CapAdd": ["SYS_ADMIN"])",
           R"("SecurityOpt": ["seccomp=unconfined"])",
           R"("SecurityOpt": ["no-new-privileges", "apparmor=unconfined"])",
           R"("SecurityOpt": ["no-new-privileges:false"])",
           R"("Devices": [{"PathOnHost": "/dev/sda", "PathInContainer": "/dev/sda"}])",
           R"("DeviceCgroupRules": ["a *:* rwm"])",
           R"("DeviceRequests": [{"Count": -1}])",
           R"("Mounts": [{"Type": "bind", "Source": "/", "Target": "/host"}])",
           R"("VolumesFrom": ["other"])",
           R"("VolumeDriver": "local")",
           R"("Tmpfs": {"/x": "size=1t"})",
           R"("Runtime": "other")",
           R"("CgroupParent": "/")",
           R"("Sysctls": {"net.ipv4.ip_forward": "1"})",
           R"("MaskedPaths": [])",
           R"("ReadonlyPaths": [])",
           R"("ExtraHosts": ["a:host-gateway"])",
           R"("Dns": ["192.0.2.1"])",
           R"("Links": ["other"])",
           R"("OomScoreAdj": -1000)",
           R"("OomKillDisable": true)",
           R"("Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 1}])",
           R"("PortBindings": {"80/tcp": [{"HostPort": "8080"}]})",
           R"("PublishAllPorts": true)",
           R"("RestartPolicy": {"Name": "always"})",
           R"("LogConfig": {"Type": "syslog"})",
           R"("LogConfig": {"Type": "json-file", "Config": {"env": "X"}})",
           R"("StorageOpt": {"size": "1t"})",
           R"("GroupAdd": ["docker"])",
           R"("Annotations": {"a": "b"})",
           R"("MemorySwap": -1)",
           // The daemon takes names in any case.
           R"("privileged": true)",
           R"("BINDS": ["/:/host"])",
           R"("Unknown": 1)",
           // Which of the two would it take?
           R"("Privileged": false, "Privileged": true)",
       }) {
    EXPECT_THAT(decided("POST", "/containers/create", with_host(member)), StartsWith("403 "))
        << member;
  }
}

TEST(BrokerRules, RefuseBodiesThatMeanSomethingElseElsewhere) {
  for (const char* const body : {
           "",
           "null",
           "[]",
           "{",
           R"({"Image": "x"} {})",
           R"({"Image": 1})",
           R"({"hostconfig": {"Privileged": true}})",
           R"({"HostConfig": [{"Privileged": true}]})",
           R"({"HostConfig": {}, "HostConfig": {"Privileged": true}})",
           R"({"Labels": {"pipe.broker": "other"}})",
           R"({"Labels": {"a": "b"}, "Labels": {}})",
           R"({"Volumes": {"/x": {}}})",
           R"({"MacAddress": "02:42:ac:11:00:02"})",
           R"({"Hostname": "x"})",
           R"({"NetworkingConfig": {"EndpointsConfig": {"other": {}}}})",
           R"({"NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": ["a"]}}}})",
           R"({"Healthcheck": {"Test": ["CMD", "true"]}})",
           R"({"Env": [["A=b"]]})",
       }) {
    EXPECT_THAT(decided("POST", "/containers/create", body), StartsWith("403 ")) << body;
  }
  std::string deep = R"({"Cmd": )";
  deep += std::string(100'000, '[') + std::string(100'000, ']') + "}";
  EXPECT_THAT(decided("POST", "/containers/create", deep), StartsWith("403 "));
}

TEST(BrokerRules, LetNobodyHaveMoreThanTheTask) {
  EXPECT_EQ(created(with_host(R"("Memory": 1073741824)"))["HostConfig"]["Memory"], 256 << 20);
  EXPECT_EQ(created(with_host(R"("Memory": 67108864)"))["HostConfig"]["Memory"], 64 << 20);
  EXPECT_EQ(created(with_host(R"("NanoCpus": 4000000000)"))["HostConfig"]["NanoCpus"], 500'000'000);
  EXPECT_EQ(created(with_host(R"("PidsLimit": 100000)"))["HostConfig"]["PidsLimit"], 4096);
  EXPECT_EQ(created(with_host(R"("ShmSize": 99999999999)"))["HostConfig"]["ShmSize"], 1 << 30);
}

TEST(BrokerRules, RefuseTargetsThatTheDaemonWouldReadInAnotherWay) {
  for (const char* const target : {
           "",
           "containers/json",
           "/",
           "//containers/json",
           "/containers//json",
           "/containers/json/",
           "/v1.41/../containers/json",
           "/containers/../images/json",
           "/./containers/json",
           "/containers/%2e%2e/images/json",
           "/containers%2fjson",
           "/containers/x%00/json",
           "http://localhost/containers/json",
           "/containers/json#x",
           "/v1.41/v1.41/containers/json",
           "/v1.12/containers/x/start",
           "/v1.9999/containers/json",
           "/V1.41/containers/json",
           "/containers/json?all=1&all=0",
           "/containers/json?%zz=1",
           "/containers/json?all=%00",
           "/containers/json?=1",
           "/containers/json?all=1&unknown=1",
           "/containers/-x/json",
           "/containers/create/x/y",
           "/Containers/json",
       }) {
    EXPECT_THAT(decided("GET", target), StartsWith("40")) << target;
  }
  EXPECT_THAT(decided("GET", "/" + std::string(10'000, 'a')), StartsWith("400 "));
}

TEST(BrokerRules, KnowOnlyACoupleOfCalls) {
  for (const auto& [method, target] : std::vector<std::pair<const char*, const char*>>{
           {"GET", "/images/json"},
           {"POST", "/images/create?fromImage=x"},
           {"POST", "/build"},
           {"GET", "/networks"},
           {"POST", "/networks/create"},
           {"GET", "/volumes"},
           {"POST", "/volumes/create"},
           {"POST", "/containers/prune"},
           {"POST", "/containers/x/update"},
           {"POST", "/containers/x/rename?name=y"},
           {"GET", "/containers/x/archive?path=/"},
           {"PUT", "/containers/x/archive?path=/"},
           {"GET", "/containers/x/export"},
           {"POST", "/commit?container=x"},
           {"GET", "/events"},
           {"GET", "/system/df"},
           {"POST", "/session"},
           {"POST", "/grpc"},
           {"GET", "/plugins"},
           {"POST", "/swarm/init"},
           {"GET", "/containers/x/attach/ws"},
           {"TRACE", "/_ping"},
           {"POST", "/containers/x/start?checkpoint=c"},
           {"DELETE", "/containers/x?link=1"},
           {"POST", "/containers/create?platform=linux/arm"},
           {"POST", "/containers/x/json"},
       }) {
    EXPECT_THAT(decided(method, target, "{}"), StartsWith("403 ")) << method << " " << target;
  }
}

TEST(BrokerRules, LeadToOneContainerOnly) {
  EXPECT_EQ(decided("GET", "/v1.41/containers/db/json"), "GET /v1.41/containers/<db>/json");
  EXPECT_EQ(decided("POST", "/containers/db/attach?stream=1&stdout=1"),
            "POST /containers/<db>/attach?stream=1&stdout=1");
  EXPECT_EQ(decided("DELETE", "/containers/db?force=1&v=1"), "DELETE /containers/<db>?force=1&v=1");
  EXPECT_EQ(decided("POST", "/containers/db/exec", R"({"Cmd": ["ls"]})"),
            "POST /containers/<db>/exec");
  EXPECT_EQ(decided("POST", "/exec/0a1b/start", R"({"Detach": false, "Tty": false})"),
            "POST /exec/<exec 0a1b>/start");
  EXPECT_THAT(decided("POST", "/containers/db/exec", R"({"Cmd": ["ls"], "Privileged": true})"),
              StartsWith("403 "));
  EXPECT_THAT(decided("POST", "/containers/db/exec", R"({"Cmd": ["ls"], "privileged": true})"),
              StartsWith("403 "));
  EXPECT_THAT(decided("POST", "/exec/x..y/start", "{}"), StartsWith("404 "));
}

TEST(BrokerRules, ListNobodyElsesContainers) {
  const std::string listed =
      decided("GET", R"(/containers/json?filters=%7B%22label%22%3A%5B%22a%22%5D%7D&all=1)");
  EXPECT_THAT(listed, StartsWith("GET /containers/json?all=1&filters="));
  EXPECT_THAT(listed, HasSubstr("pipe.broker%3Dpipe-otter-1"));
  EXPECT_THAT(decided("GET", "/containers/json?filters=[]"), StartsWith("403 "));
  EXPECT_THAT(decided("GET", R"(/containers/json?filters={"volume":["x"]})"), StartsWith("403 "));
}

TEST(BrokerRules, FindAContainerByItsIdItsBeginningOrTheNodesName) {
  const std::string list =
      R"([{"Id": "aa11", "Names": ["/pipe-otter-1.db"], "Labels": {"pipe.broker": "pipe-otter-1"}},
          {"Id": "aa22", "Names": ["/x"], "Labels": {"pipe.broker": "pipe-otter-1"}},
          {"Id": "bb33", "Names": ["/theirs"], "Labels": {"pipe.broker": "pipe-other-1"}}])";
  EXPECT_EQ(find_own_container(list, kOwner, "db"), "aa11");
  EXPECT_EQ(find_own_container(list, kOwner, "pipe-otter-1.db"), "aa11");
  EXPECT_EQ(find_own_container(list, kOwner, "aa2"), "aa22");
  EXPECT_EQ(find_own_container(list, kOwner, "aa"), "") << "two begin so";
  EXPECT_EQ(find_own_container(list, kOwner, "bb33"), "");
  EXPECT_EQ(find_own_container(list, kOwner, "theirs"), "");
  EXPECT_EQ(find_own_container("no list", kOwner, "db"), "");
}

}  // namespace
}  // namespace runner
