#include "dsl/ip_address.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

TEST(IpAddress, IsReadInItsPlainFormsOnly) {
  for (const char* const text :
       {"10.0.0.1", "255.255.255.255", "2001:db8::1", "::", "::ffff:1.2.3.4"}) {
    ASSERT_TRUE(IpAddress::parse(text)) << text;
    EXPECT_EQ(IpAddress::parse(text)->text(), text);
  }
  // Other spellings of 127.0.0.1 that C libraries take, and things that are no addresses.
  for (const char* const text : {"127.1",
                                 "0x7f.0.0.1",
                                 "2130706433",
                                 "0127.0.0.1",
                                 "127.0.0.1 ",
                                 "",
                                 "fe80::1%lo",
                                 "[::1]",
                                 "1.2.3.4.5",
                                 ":::"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
  EXPECT_FALSE(IpAddress::parse(std::string_view("1.2.3.4\0", 8)));
}

TEST(IpAddress, IsMadeFromItsNumber) {
  EXPECT_EQ(IpAddress::from_v4(0xc6120001).text(), "198.18.0.1");
  EXPECT_EQ(IpAddress::parse("198.18.0.1")->number(), 0xc6120001U);
}

TEST(IpRange, HoldsTheAddressesOfItsPrefix) {
  struct Case {
    const char* range;
    const char* address;
    bool holds;
  };
  for (const Case& each : {Case{"10.0.0.0/8", "10.255.255.255", true},
                           Case{"10.0.0.0/8", "11.0.0.0", false},
                           Case{"172.16.0.0/12", "172.31.0.1", true},
                           Case{"172.16.0.0/12", "172.32.0.1", false},
                           Case{"192.0.2.7", "192.0.2.7", true},
                           Case{"192.0.2.7", "192.0.2.8", false},
                           Case{"0.0.0.0/0", "8.8.8.8", true},
                           Case{"0.0.0.0/0", "::1", false},
                           Case{"fd00::/8", "fdff::1", true},
                           Case{"fd00::/8", "fc00::1", false},
                           Case{"2001:db8::/33", "2001:db8:7fff::1", true},
                           Case{"2001:db8::/33", "2001:db8:8000::1", false}}) {
    EXPECT_EQ(IpRange::parse(each.range)->contains(*IpAddress::parse(each.address)), each.holds)
        << each.range << " " << each.address;
  }
}

TEST(IpRange, IsWrittenWithoutBitsBehindItsPrefix) {
  EXPECT_EQ(IpRange::parse("10.1.2.3/8")->text(), "10.0.0.0/8");
  EXPECT_EQ(IpRange::parse("10.1.2.3/32")->text(), "10.1.2.3");
  EXPECT_FALSE(IpRange::parse("10.0.0.0/33"));
  EXPECT_FALSE(IpRange::parse("10.0.0.0/"));
  EXPECT_FALSE(IpRange::parse("10.0.0.0/-1"));
  EXPECT_FALSE(IpRange::parse("10.0.0/8"));
}

}  // namespace
}  // namespace dsl
