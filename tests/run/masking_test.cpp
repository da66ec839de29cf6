#include "runner/run/masking.h"

#include <array>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runner {
namespace {

using testing::HasSubstr;
using testing::Not;

Masking masking_of(const std::vector<std::string>& values) {
  Masking masking;
  for (const std::string& value : values) {
    masking.add(value);
  }
  return masking;
}

std::string in_pieces(const Masking& masking, const std::vector<std::string_view>& pieces) {
  MaskStream stream(masking);
  std::string out;
  for (const std::string_view piece : pieces) {
    stream.add(piece, out);
  }
  stream.finish(out);
  return out;
}

// Encoders of the test's own, as programs have them.

std::string base64(const std::string& bytes, bool url = false) {
  const std::string alphabet =
      std::string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") +
      (url ? "-_" : "+/");
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) -> unsigned {
      return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U;
    };
    const unsigned three = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (unsigned i = 0; i < 4; ++i) {
      const bool is_there = at + i <= bytes.size() && (i < 2 || at + i - 1 < bytes.size());
      text += is_there ? alphabet[three >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return text;
}

std::string percent(const std::string& bytes, const char* digits, const std::string& keep) {
  std::string text;
  for (const char c : bytes) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0 || keep.find(c) != std::string::npos) {
      text += c;
    } else {
      text += std::string("%") + digits[static_cast<unsigned char>(c) >> 4U] +
              digits[static_cast<unsigned char>(c) & 15U];
    }
  }
  return text;
}

std::string json(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) {
    text += c == '"' ? "\\\"" : c == '\\' ? "\\\\" : c == '\n' ? "\\n" : std::string(1, c);
  }
  return text;
}

/// The value in every form, each with the part of its text that must not be left.
std::vector<std::string> encodings(const std::string& value) {
  std::vector<std::string> all = {value,
                                  percent(value, "0123456789ABCDEF", "-._~"),
                                  percent(value, "0123456789abcdef", "-._~/"),
                                  json(value)};
  for (const char* const before : {"", "u", "us"}) {
    all.push_back(base64(before + value + "zz"));
    all.push_back(base64(before + value + "zz", true));
  }
  return all;
}

/// The characters of base64 that the value alone decides are gone.
bool is_gone(const std::string& masked, const std::string& encoded) {
  constexpr std::size_t kEdge = 3;  // shared with what stands before and after
  for (std::size_t at = kEdge; at + kEdge + 6 <= encoded.size(); ++at) {
    if (masked.find(encoded.substr(at, 6)) != std::string::npos) {
      return false;
    }
  }
  return true;
}

TEST(Masking, LeavesEverythingElseAlone) {
  const Masking masking = masking_of({"hunter2-and-more"});
  EXPECT_EQ(masking.masked("a hunter2-and-moreover hunter2-and-mor"), "a ***over hunter2-and-mor");
  EXPECT_EQ(masking.masked(""), "");
  EXPECT_EQ(masking.masked("hunter2-and-morehunter2-and-more."), "******.");
  EXPECT_EQ(Masking().masked("anything"), "anything");
}

TEST(Masking, FindsEveryFormOfAValueHoweverItIsCut) {
  const std::string value = "s3cr3t/+ \"quo\\ted\"~&k=y";
  const Masking masking = masking_of({value});
  for (const std::string& encoded : encodings(value)) {
    const std::string text = "before " + encoded + " after";
    const std::string whole = masking.masked(text);
    EXPECT_TRUE(is_gone(whole, encoded)) << encoded << "\n" << whole;
    EXPECT_THAT(whole, testing::StartsWith("before "));
    EXPECT_THAT(whole, testing::EndsWith(" after"));
    EXPECT_THAT(whole, HasSubstr("***"));
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const std::string_view view = text;
      ASSERT_EQ(in_pieces(masking, {view.substr(0, cut), view.substr(cut)}), whole) << cut;
    }
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < text.size(); ++i) {
      bytes.push_back(std::string_view(text).substr(i, 1));
    }
    EXPECT_EQ(in_pieces(masking, bytes), whole);
  }
}

// R16 of containment.md: 200 random secrets, their encodings, every split.
TEST(Masking, LeavesNothingOfRandomSecrets) {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::string value;
    const std::size_t size = 8 + random() % 60;
    for (std::size_t i = 0; i < size; ++i) {
      value += static_cast<char>('!' + random() % 94);
    }
    const Masking masking = masking_of({value, "another-secret"});
    for (const std::string& encoded : encodings(value)) {
      const std::string text = "x=" + encoded + ";another-secret;";
      const std::string whole = masking.masked(text);
      ASSERT_TRUE(is_gone(whole, encoded)) << value << "\n" << encoded << "\n" << whole;
      ASSERT_THAT(whole, Not(HasSubstr("another-secret")));
      for (std::size_t cut = static_cast<std::size_t>(round) % 5; cut <= text.size(); cut += 5) {
        const std::string_view view = text;
        ASSERT_EQ(in_pieces(masking, {view.substr(0, cut), view.substr(cut)}), whole);
      }
    }
  }
}

TEST(Masking, FindsEachLineOfAValue) {
  const std::string key = "-----BEGIN KEY-----\nMIIEvQIBADAN\nab\nBgkqhkiG9w0B\n-----END KEY-----";
  const Masking masking = masking_of({key});
  EXPECT_EQ(masking.masked("[" + key + "]"), "[***]");
  EXPECT_EQ(masking.masked("1 MIIEvQIBADAN\r\n2 BgkqhkiG9w0B ab"), "1 ***\r\n2 *** ab");
  EXPECT_THAT(masking.masked(json(key)), Not(HasSubstr("MIIE")));
}

TEST(Masking, FindsWrappedBase64OfALongValue) {
  std::string value;
  for (unsigned i = 0; i < 120; ++i) {
    value += static_cast<char>('a' + (i * 7) % 26);
  }
  const Masking masking = masking_of({value});
  std::string wrapped = base64("x" + value);
  for (std::size_t at = 76; at < wrapped.size(); at += 77) {
    wrapped.insert(at, "\n");
  }
  const std::string masked = masking.masked(wrapped);
  std::size_t left = 0;
  for (std::size_t at = 0; at + 16 <= wrapped.size(); ++at) {
    left += masked.find(wrapped.substr(at, 16)) != std::string::npos ? 1U : 0U;
  }
  EXPECT_EQ(left, 0U) << masked;
}

std::string wrapped_at(std::size_t width, std::string text, const std::string& end = "\n") {
  for (std::size_t at = width; at < text.size(); at += width + end.size()) {
    text.insert(at, end);
  }
  return text;
}

// `base64`, `fold` and mail wrap lines, at whatever width and wherever the value begins.
TEST(Masking, FindsEveryFormAcrossLineBreaksHoweverItIsCut) {
  const std::string value = "Zq9vKw3xT7pLmN2rB8sDc5yH";
  const Masking masking = masking_of({value});
  for (const std::string& encoded : encodings(value)) {
    for (const std::size_t width : {5U, 10U, 20U}) {
      for (const char* const end : {"\n", "\r\n"}) {
        const std::string text = "before\n" + wrapped_at(width, encoded, end) + "\nafter";
        const std::string whole = masking.masked(text);
        std::string joined;
        for (const char c : whole) {
          joined += c == '\n' || c == '\r' ? "" : std::string(1, c);
        }
        EXPECT_TRUE(is_gone(joined, encoded)) << text << " became " << whole;
        EXPECT_THAT(whole, testing::StartsWith("before\n"));
        EXPECT_THAT(whole, testing::EndsWith("\nafter"));
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
          const std::string_view view = text;
          const std::string in_two = in_pieces(masking, {view.substr(0, cut), view.substr(cut)});
          // A line that ends with what many a secret begins with is not held back for it.
          ASSERT_LE(in_two.size(), whole.size() + 3 + std::string_view(end).size()) << in_two;
          ASSERT_THAT(in_two, HasSubstr("***"));
        }
      }
    }
  }
}

TEST(Masking, HoldsNoLineBackForALetterAtItsEnd) {
  const Masking masking = masking_of({"secret-value"});
  MaskStream stream(masking);
  std::string out;
  stream.add("what it says\n", out);
  EXPECT_EQ(out, "what it says\n");
  stream.add("secret\n", out);
  EXPECT_EQ(out, "what it says\n") << "this may be it";
  stream.add("-service\n", out);
  EXPECT_EQ(out, "what it says\nsecret\n-service\n");
}

// As a host's name is written by whoever looks it up.
TEST(Masking, FindsAValueAllInSmallOrCapitalLetters) {
  const Masking masking = masking_of({"Zq9vKw3xT7pL"});
  EXPECT_EQ(masking.masked("refused zq9vkw3xt7pl.attacker.test ZQ9VKW3XT7PL zQ9vKw3xT7pL"),
            "refused ***.attacker.test *** zQ9vKw3xT7pL");
}

// What is found first may be a part of what is found next.
TEST(Masking, MasksALongerValueRoundAShorterOne) {
  const Masking masking = masking_of({"middle", "the-middle-of-it", "of-it-all"});
  EXPECT_EQ(masking.masked("in the-middle-of-it-all."), "in ***.");
  EXPECT_EQ(masking.masked("in the-middle-of-i, all"), "in the-***-of-i, all");
}

TEST(Masking, HoldsNoMoreBackThanItMust) {
  const Masking masking = masking_of({"secret-value"});
  MaskStream stream(masking);
  std::string out;
  stream.add("Password: ", out);
  EXPECT_EQ(out, "Password: ");
  stream.add("secr", out);
  EXPECT_EQ(out, "Password: ");
  stream.add("etary", out);
  EXPECT_EQ(out, "Password: secretary");
  const std::string much(1 << 20, 's');
  stream.add(much, out);
  EXPECT_GE(out.size(), much.size());
  stream.finish(out);
  EXPECT_EQ(out, "Password: secretary" + much);
}

TEST(Masking, TakesInAValueThatComesMidway) {
  Masking masking = masking_of({"first-value"});
  MaskStream stream(masking);
  std::string out;
  stream.add("first-value second-value first-", out);
  masking.add("second-value");
  stream.add("value second-value", out);
  stream.finish(out);
  EXPECT_EQ(out, "*** second-value *** ***");
}

TEST(Masking, DoesNotLookForWhatIsInEveryText) {
  Masking masking = masking_of({"", "a", "abc"});
  EXPECT_TRUE(masking.empty());
  masking.add("abcd");
  EXPECT_EQ(masking.masked("abc abcd"), "abc ***");
}

TEST(Masking, FindsBytesOfAllKinds) {
  std::string value;
  for (int i = 1; i < 256; ++i) {
    value += static_cast<char>(i);
  }
  const Masking masking = masking_of({value});
  EXPECT_EQ(masking.masked("<" + value + ">"), "<***>");
}

}  // namespace
}  // namespace runner
