#include "dsl/egress.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

EgressPolicy policy_of(std::vector<std::string> allow,
                       std::vector<std::string> allow_private = {}) {
  Firewall firewall;
  firewall.allow = std::move(allow);
  firewall.allow_private = std::move(allow_private);
  return *EgressPolicy::make(firewall);
}

TEST(CanonicalHost, IsOneFormOfAName) {
  EXPECT_EQ(canonical_host("API.GitHub.com."), "api.github.com");
  EXPECT_EQ(canonical_host("xn--bcher-kva.example"), "xn--bcher-kva.example");
  EXPECT_EQ(canonical_host("_dmarc.example.org"), "_dmarc.example.org");
  EXPECT_EQ(canonical_host("nas"), "nas");
  EXPECT_TRUE(canonical_host(std::string(63, 'a') + ".org"));
}

TEST(CanonicalHost, IsNothingThatCouldMeanSomethingElse) {
  using namespace std::string_literals;
  for (const std::string& name : {""s,
                                  "."s,
                                  "a..b"s,
                                  ".a"s,
                                  "a b"s,
                                  "evil.test\0.good.test"s,
                                  "a/b"s,
                                  "a\\b"s,
                                  "a%b"s,
                                  "-a.org"s,
                                  "a-.org"s,
                                  "b\xc3\xbc"
                                  "cher.org"s,
                                  "1.2.3.4"s,
                                  "2130706433"s,
                                  "0x7f000001"s,
                                  "a.0x7f"s,
                                  "::1"s,
                                  "good.test.."s,
                                  "good.test\n"s,
                                  std::string(64, 'a') + ".org",
                                  std::string(250, 'a') + ".org"}) {
    EXPECT_FALSE(canonical_host(name)) << name;
  }
}

TEST(EgressRule, IsReadAndWrittenInOneForm) {
  struct Case {
    const char* text;
    const char* canonical;
  };
  for (const Case& each : {Case{"API.github.com:443", "api.github.com:443"},
                           Case{"api.github.com", "api.github.com"},
                           Case{"github.com:[443,22, 443]", "github.com:[22, 443]"},
                           Case{"*.Example.org:443", "*.example.org:443"},
                           Case{"*:[22, 80]", "*:[22, 80]"},
                           Case{"10.1.2.3/8:5432", "10.0.0.0/8:5432"},
                           Case{"10.1.2.3", "10.1.2.3"},
                           Case{"fd00::/8", "[fd00::/8]"},
                           Case{"fd00::/8:53/udp", "[fd00::/8]:53/udp"},
                           Case{"[2001:db8::1]:443", "[2001:db8::1]:443"},
                           Case{"::1", "[::1]"},
                           Case{"dns.example.org:53/udp", "dns.example.org:53/udp"}}) {
    const auto rule = parse_egress_rule(each.text);
    ASSERT_TRUE(rule) << each.text << ": " << rule.error().message;
    EXPECT_EQ(to_text(*rule), each.canonical);
    EXPECT_EQ(*parse_egress_rule(to_text(*rule)), *rule) << each.text;
  }
}

TEST(EgressRule, IsNothingElse) {
  for (const char* const text : {"",
                                 ":443",
                                 "a.org:",
                                 "a.org:0",
                                 "a.org:65536",
                                 "a.org:443:80",
                                 "a.org:[]",
                                 "a.org:[443",
                                 "*.:443",
                                 "*.*.org:443",
                                 "a.*.org:443",
                                 "*org:443",
                                 "[::1:443",
                                 "a.org:443/tcp",
                                 "10.0.0.0/33",
                                 "a b:1",
                                 "a.org :443",
                                 "a.org:-1",
                                 "a.org:+1"}) {
    EXPECT_FALSE(parse_egress_rule(text)) << text;
  }
}

TEST(EgressPolicy, MatchesWholeLabels) {
  const EgressPolicy policy = policy_of({"good.test:443", "*.wild.test:443"});
  EXPECT_NE(policy.find("good.test", 443), nullptr);
  EXPECT_NE(policy.find("a.wild.test", 443), nullptr);
  EXPECT_NE(policy.find("a.b.wild.test", 443), nullptr);
  for (const char* const name : {"good.test.evil.test",
                                 "evilgood.test",
                                 "xgood.test",
                                 "a.good.test",
                                 "wild.test",
                                 "evilwild.test",
                                 "a.wild.test.evil.test",
                                 ".wild.test"}) {
    EXPECT_EQ(policy.find(name, 443), nullptr) << name;
    EXPECT_FALSE(policy.knows(name)) << name;
  }
}

TEST(EgressPolicy, KeepsPortsApart) {
  const EgressPolicy policy = policy_of({"a.test:22", "b.test:[80, 443]", "c.test"});
  EXPECT_EQ(policy.find("a.test", 443), nullptr);
  EXPECT_EQ(policy.find("b.test", 22), nullptr);
  EXPECT_NE(policy.find("b.test", 80), nullptr);
  EXPECT_NE(policy.find("c.test", 80), nullptr);
  EXPECT_NE(policy.find("c.test", 443), nullptr);
  EXPECT_EQ(policy.find("c.test", 8080), nullptr);
  EXPECT_TRUE(policy.knows("a.test"));
  EXPECT_EQ(policy.ports(), (std::vector<std::uint16_t>{22, 80, 443}));
  EXPECT_EQ(policy.exact_names(), (std::vector<std::string>{"a.test", "b.test", "c.test"}));
}

TEST(EgressPolicy, TakesNoNameOfOneLabelForAPublicOne) {
  const EgressPolicy policy = policy_of({"*:443", "nas:445"});
  EXPECT_NE(policy.find("example.org", 443), nullptr);
  EXPECT_EQ(policy.find("localhost", 443), nullptr);
  EXPECT_NE(policy.find("nas", 445), nullptr);
}

TEST(EgressPolicy, OpensPrivateAddressesOnlyWhereTheyAreNamed) {
  const EgressPolicy policy =
      policy_of({"db.internal:5432"}, {"db.internal:5432", "10.1.0.0/16", "192.168.0.9:80"});
  EXPECT_TRUE(policy.may_be_private("db.internal", 5432));
  EXPECT_FALSE(policy.may_be_private("db.internal", 22));
  EXPECT_FALSE(policy.may_be_private("other.internal", 5432));
  EXPECT_TRUE(policy.names_address(*IpAddress::parse("10.1.2.3"), 22));
  EXPECT_FALSE(policy.names_address(*IpAddress::parse("10.2.2.3"), 22));
  EXPECT_TRUE(policy.names_address(*IpAddress::parse("192.168.0.9"), 80));
  EXPECT_FALSE(policy.names_address(*IpAddress::parse("192.168.0.9"), 81));
  EXPECT_EQ(policy.find("192.168.0.9", 80), nullptr);
}

TEST(EgressPolicy, KeepsTcpAndUdpAndAddressesApart) {
  const EgressPolicy policy =
      policy_of({"a.test:53/udp", "b.test:443", "10.1.0.0/16:[22, 53]", "10.1.2.3:53/udp"});
  EXPECT_NE(policy.find("a.test", 53, Carried::Udp), nullptr);
  EXPECT_EQ(policy.find("a.test", 53), nullptr);
  EXPECT_EQ(policy.find("b.test", 443, Carried::Udp), nullptr);
  EXPECT_TRUE(policy.knows("a.test"));
  const IpAddress one = *IpAddress::parse("10.1.2.3");
  const IpAddress two = *IpAddress::parse("10.1.2.4");
  const IpAddress other = *IpAddress::parse("10.2.0.1");
  EXPECT_NE(policy.find(one, 22, Carried::Tcp), nullptr);
  EXPECT_NE(policy.find(one, 53, Carried::Udp), nullptr);
  EXPECT_EQ(policy.find(two, 53, Carried::Udp), nullptr);
  EXPECT_EQ(policy.find(two, 443, Carried::Tcp), nullptr);
  EXPECT_EQ(policy.find(other, 22, Carried::Tcp), nullptr);
  EXPECT_TRUE(policy.knows(two));
  EXPECT_FALSE(policy.knows(other));
  EXPECT_EQ(policy.ports(), (std::vector<std::uint16_t>{22, 53, 443}));
  EXPECT_EQ(policy.ports(Carried::Udp), (std::vector<std::uint16_t>{53}));
  EXPECT_EQ(policy.exact_names(), (std::vector<std::string>{"a.test", "b.test"}));
}

TEST(EgressPolicy, RefusesAForgedRule) {
  Firewall firewall;
  firewall.allow = {"good.test:443", "evil.test\n:443"};
  EXPECT_FALSE(EgressPolicy::make(firewall));
}

}  // namespace
}  // namespace dsl
