#include "runner/net/head_rewrite.h"

#include <gtest/gtest.h>

#include "runner/net/http_head.h"

namespace runner {
namespace {

const HeadSecret kSwapped{"pipe-token-1", "", "real-value"};
const HeadSecret kSet{"pipe-token-2", "X-Key: k=${value};", "other-value"};

std::string head(const std::string& fields) {
  return "POST /v1?key=pipe-token-1 HTTP/1.1\r\nHost: a.test\r\n" + fields + "\r\n";
}

std::string rewritten(const std::string& fields, const std::vector<HeadSecret>& secrets) {
  const std::string result = rewrite_head(head(fields), secrets);
  EXPECT_TRUE(read_http_head(result)) << result;
  return result;
}

TEST(HeadRewrite, PutsTheValueWhereTheTokenStands) {
  EXPECT_EQ(rewritten("Authorization: Bearer pipe-token-1\r\nAccept: */*\r\n", {kSwapped}),
            head("Authorization: Bearer real-value\r\nAccept: */*\r\n"));
  EXPECT_EQ(
      rewritten("x-api-key:pipe-token-1\r\nX-Two: pipe-token-1, pipe-token-1\r\n", {kSwapped}),
      head("x-api-key:real-value\r\nX-Two: real-value, real-value\r\n"));
}

TEST(HeadRewrite, LeavesTheRequestLineAndAllElseAlone) {
  const std::string fields = "Authorization: Bearer other\r\nCookie: pipe-token-\r\n";
  EXPECT_EQ(rewritten(fields, {kSwapped}), head(fields));
  EXPECT_FALSE(goes_into(head(fields), kSwapped));
}

TEST(HeadRewrite, LooksIntoBasicCredentials) {
  // "x-access-token:pipe-token-1" as git sends it, and "pipe-token-1:" as curl -u does
  EXPECT_EQ(rewritten("authorization: basic eC1hY2Nlc3MtdG9rZW46cGlwZS10b2tlbi0x\r\n", {kSwapped}),
            head("authorization: basic eC1hY2Nlc3MtdG9rZW46cmVhbC12YWx1ZQ==\r\n"));
  EXPECT_EQ(rewritten("Authorization: Basic cGlwZS10b2tlbi0xOg==\r\n", {kSwapped}),
            head("Authorization: Basic cmVhbC12YWx1ZTo=\r\n"));
  EXPECT_TRUE(goes_into(head("Authorization: Basic cGlwZS10b2tlbi0xOg==\r\n"), kSwapped));
  const std::string other = "Authorization: Basic !!!\r\nProxy-Authorization: Basic\r\n";
  EXPECT_EQ(rewritten(other, {kSwapped}), head(other));
}

TEST(HeadRewrite, SetsAHeaderInPlaceOfAllOfItsName) {
  EXPECT_EQ(rewritten("X-KEY: mine\r\nAccept: */*\r\nx-key: pipe-token-2\r\n", {kSet}),
            head("Accept: */*\r\nX-Key: k=other-value;\r\n"));
  EXPECT_EQ(rewritten("", {kSet, kSwapped}), head("X-Key: k=other-value;\r\n"));
  EXPECT_TRUE(goes_into(head(""), kSet));
}

// A value that holds a token is not looked at again.
TEST(HeadRewrite, EndsWhereAValueHoldsItsOwnToken) {
  const HeadSecret strange{"token", "", "tokentoken"};
  EXPECT_EQ(rewritten("A: token\r\n", {strange}), head("A: tokentoken\r\n"));
}

}  // namespace
}  // namespace runner
