#include "runner/net/address_class.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

AddressClass kind_of(const char* text, const std::vector<dsl::IpAddress>& own = {}) {
  return classify(*dsl::IpAddress::parse(text), own);
}

TEST(AddressClass, OfEveryKindOfPlace) {
  struct Case {
    const char* address;
    AddressClass kind;
  };
  for (const Case& each : {Case{"93.184.215.14", AddressClass::Public},
                           Case{"172.32.0.1", AddressClass::Public},
                           Case{"100.128.0.1", AddressClass::Public},
                           Case{"2606:4700::1", AddressClass::Public},
                           Case{"10.0.0.1", AddressClass::Private},
                           Case{"172.16.0.1", AddressClass::Private},
                           Case{"172.31.255.255", AddressClass::Private},
                           Case{"192.168.255.1", AddressClass::Private},
                           Case{"100.64.0.1", AddressClass::Private},
                           Case{"fd12::1", AddressClass::Private},
                           Case{"127.0.0.1", AddressClass::Loopback},
                           Case{"127.255.0.1", AddressClass::Loopback},
                           Case{"0.0.0.0", AddressClass::Loopback},
                           Case{"::1", AddressClass::Loopback},
                           Case{"::", AddressClass::Loopback},
                           Case{"169.254.1.1", AddressClass::LinkLocal},
                           Case{"fe80::1", AddressClass::LinkLocal},
                           Case{"169.254.169.254", AddressClass::Metadata},
                           Case{"192.0.0.192", AddressClass::Metadata},
                           Case{"168.63.129.16", AddressClass::Metadata},
                           Case{"fd00:ec2::254", AddressClass::Metadata},
                           Case{"224.0.0.1", AddressClass::Multicast},
                           Case{"255.255.255.255", AddressClass::Multicast},
                           Case{"ff02::1", AddressClass::Multicast},
                           Case{"240.0.0.1", AddressClass::Reserved},
                           Case{"198.18.1.0", AddressClass::Reserved},
                           Case{"2001:0:1::1", AddressClass::Reserved}}) {
    EXPECT_EQ(kind_of(each.address), each.kind) << each.address;
  }
}

TEST(AddressClass, SeesIPv4InsideIPv6) {
  struct Case {
    const char* address;
    AddressClass kind;
  };
  for (const Case& each : {Case{"::ffff:127.0.0.1", AddressClass::Loopback},
                           Case{"::ffff:169.254.169.254", AddressClass::Metadata},
                           Case{"::ffff:0:10.0.0.1", AddressClass::Private},
                           Case{"::10.0.0.1", AddressClass::Private},
                           Case{"64:ff9b::a9fe:a9fe", AddressClass::Metadata},
                           Case{"64:ff9b::10.0.0.1", AddressClass::Private},
                           Case{"64:ff9b::93.184.215.14", AddressClass::Public},
                           Case{"64:ff9b:1::1", AddressClass::Reserved},
                           Case{"2002:7f00:1::", AddressClass::Loopback},
                           Case{"2002:a9fe:a9fe::1", AddressClass::Metadata}}) {
    EXPECT_EQ(kind_of(each.address), each.kind) << each.address;
  }
}

TEST(AddressClass, KnowsTheMachinesOwnAddresses) {
  const std::vector<dsl::IpAddress> own = {*dsl::IpAddress::parse("93.184.215.14"),
                                           *dsl::IpAddress::parse("10.0.0.7"),
                                           *dsl::IpAddress::parse("127.0.0.1")};
  EXPECT_EQ(kind_of("93.184.215.14", own), AddressClass::Own);
  EXPECT_EQ(kind_of("::ffff:93.184.215.14", own), AddressClass::Own);
  EXPECT_EQ(kind_of("10.0.0.7", own), AddressClass::Own);
  EXPECT_EQ(kind_of("127.0.0.1", own), AddressClass::Loopback);
  EXPECT_EQ(kind_of("93.184.215.15", own), AddressClass::Public);
}

}  // namespace
}  // namespace runner
