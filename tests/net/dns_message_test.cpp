#include "runner/net/dns_message.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

using namespace std::string_literals;

std::string with_name(const std::string& wire) {
  return "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"s + wire + "\x00\x01\x00\x01"s;
}

TEST(DnsQuery, TellsTheCanonicalName) {
  const auto query =
      parse_dns_query(with_name("\x03"
                                "API\x04"
                                "Good\x04"
                                "test\x00"s));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->problem, DnsCode::NoError);
  EXPECT_EQ(query->id, 0x1234);
  EXPECT_EQ(query->name, "api.good.test");
  EXPECT_EQ(query->type, kDnsTypeA);
  EXPECT_EQ(parse_dns_query(dns_query(7, "api.good.test", kDnsTypeAaaa))->type, kDnsTypeAaaa);
  EXPECT_EQ(parse_dns_query(dns_query(7, "api.good.test", kDnsTypeAaaa))->name, "api.good.test");
}

TEST(DnsQuery, HasNoNameWhereItCouldBeTakenForAnother) {
  for (const std::string& wire : {"\x0e"
                                  "evil.test\0good\x04"
                                  "test\x00"s,  // NUL
                                  "\x09"
                                  "good.test\x00"s,  // a dot in a label
                                  "\x04"
                                  "go d\x04"
                                  "test\x00"s,
                                  "\x04"
                                  "\xc3\xbc"
                                  "od\x04"
                                  "test\x00"s,
                                  "\x00"s}) {
    const auto query = parse_dns_query(with_name(wire));
    ASSERT_TRUE(query);
    EXPECT_EQ(query->problem, DnsCode::NoError);
    EXPECT_EQ(query->name, "") << wire;
  }
}

TEST(DnsQuery, IsAnsweredWithWhatIsWrongWithIt) {
  const std::string good = dns_query(7, "good.test", kDnsTypeA);
  EXPECT_FALSE(parse_dns_query(""));
  EXPECT_FALSE(parse_dns_query(good.substr(0, 11)));
  std::string response = good;
  response[2] = '\x81';
  EXPECT_FALSE(parse_dns_query(response));
  std::string update = good;
  update[2] = '\x28';
  EXPECT_EQ(parse_dns_query(update)->problem, DnsCode::NotImplemented);
  for (std::size_t size = 12; size < good.size(); ++size) {
    EXPECT_EQ(parse_dns_query(good.substr(0, size))->problem, DnsCode::FormatError) << size;
  }
  std::string two = good;
  two[5] = '\x02';
  EXPECT_EQ(parse_dns_query(two)->problem, DnsCode::FormatError);
  EXPECT_EQ(parse_dns_query(with_name("\xc0\x0c"s))->problem, DnsCode::FormatError);
}

TEST(DnsAnswer, HasTheQuestionAndAtMostOneAddress) {
  const auto query = parse_dns_query(dns_query(0x1234, "good.test", kDnsTypeA));
  const std::string head = "\x12\x34\x85\x80\x00\x01"s;
  const std::string question = "\x04good\x04test\x00\x00\x01\x00\x01"s;
  EXPECT_EQ(dns_answer(*query, DnsCode::NoError, dsl::IpAddress::from_v4(0xc6120100)),
            head + "\x00\x01\x00\x00\x00\x00"s + question +
                "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xc6\x12\x01\x00"s);
  EXPECT_EQ(dns_answer(*query, DnsCode::Refused),
            "\x12\x34\x85\x85\x00\x01\x00\x00\x00\x00\x00\x00"s + question);
  const auto broken = parse_dns_query(dns_query(1, "good.test", kDnsTypeA).substr(0, 14));
  EXPECT_EQ(dns_answer(*broken, broken->problem),
            "\x00\x01\x85\x81\x00\x00\x00\x00\x00\x00\x00\x00"s);
}

}  // namespace
}  // namespace runner
