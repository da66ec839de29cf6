#include "runner/net/client_hello.h"

#include <gtest/gtest.h>

#include "tests/net/hello_maker.h"

namespace runner {
namespace {

using net_test::hello_message;
using net_test::in_records;
using State = ClientHello::State;

TEST(ClientHello, TellsItsServerName) {
  const std::string bytes = net_test::hello_for("good.test");
  const ClientHello hello = read_client_hello(bytes + "what follows");
  EXPECT_EQ(hello.state, State::Whole);
  EXPECT_EQ(hello.server_name, "good.test");
  EXPECT_EQ(hello.size, bytes.size());
  EXPECT_FALSE(hello.encrypted);
}

TEST(ClientHello, MayBeCutIntoAnyRecords) {
  const std::string message = hello_message({"good.test", {}});
  for (std::size_t most = 1; most <= message.size(); most = most * 2 + 1) {
    const std::string bytes = in_records(message, most);
    const ClientHello hello = read_client_hello(bytes);
    EXPECT_EQ(hello.state, State::Whole) << most;
    EXPECT_EQ(hello.server_name, "good.test") << most;
    EXPECT_EQ(hello.size, bytes.size()) << most;
  }
}

TEST(ClientHello, IsIncompleteUntilItsLastByte) {
  for (const std::size_t most : {std::size_t{7}, std::size_t{1} << 14}) {
    const std::string bytes = in_records(hello_message({"good.test", {}}), most);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_EQ(read_client_hello(bytes.substr(0, size)).state, State::Incomplete) << size;
    }
  }
}

TEST(ClientHello, TellsThatItHasNoNameOrHidesIt) {
  const ClientHello none = read_client_hello(in_records(hello_message({std::nullopt, {}})));
  EXPECT_EQ(none.state, State::Whole);
  EXPECT_EQ(none.server_name, "");
  const ClientHello hidden =
      read_client_hello(in_records(hello_message({"good.test", {{0xfe0d, "x"}, {42, ""}}})));
  EXPECT_TRUE(hidden.encrypted);
  EXPECT_TRUE(hidden.early_data);
}

TEST(ClientHello, IsBrokenWhereItCouldBeReadInTwoWays) {
  const auto state = [](const net_test::HelloText& text) {
    return read_client_hello(in_records(hello_message(text))).state;
  };
  using net_test::name_extension;
  EXPECT_EQ(state({"good.test", {{0, name_extension({"evil.test"})}}}), State::Broken);
  EXPECT_EQ(state({std::nullopt, {{0, name_extension({"good.test", "evil.test"})}}}),
            State::Broken);
  EXPECT_EQ(state({std::nullopt, {{0, name_extension({"good.test"}) + "x"}}}), State::Broken);
  EXPECT_EQ(state({std::nullopt, {{0, name_extension({""})}}}), State::Broken);
  EXPECT_EQ(state({std::nullopt, {{0, ""}}}), State::Broken);
}

TEST(ClientHello, IsBrokenWhereALengthLies) {
  const std::string good = hello_message({"good.test", {}});
  std::string longer = good;
  longer[3] = static_cast<char>(longer[3] + 1);  // one byte more than there is
  EXPECT_EQ(read_client_hello(in_records(longer)).state, State::Incomplete);
  std::string shorter = good;
  shorter[3] = static_cast<char>(shorter[3] - 1);
  EXPECT_EQ(read_client_hello(in_records(shorter)).state, State::Broken);
  EXPECT_EQ(read_client_hello(in_records(good + "x")).state, State::Broken);
  EXPECT_EQ(read_client_hello(in_records("\x02" + good.substr(1))).state, State::Broken);
  EXPECT_EQ(read_client_hello(net_test::record(22, "")).state, State::Broken);
  EXPECT_EQ(read_client_hello(net_test::record(23, good)).state, State::Broken);
  EXPECT_EQ(read_client_hello("\x16\x03\x01\x40\x01").state, State::Broken);  // over 2^14
  EXPECT_EQ(read_client_hello("\x16\x02\x01").state, State::Broken);
}

}  // namespace
}  // namespace runner
