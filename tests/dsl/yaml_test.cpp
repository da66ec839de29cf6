#include "dsl/yaml.h"

#include <gtest/gtest.h>

#include "dsl/render.h"

namespace dsl {
namespace {

struct Read {
  Sources sources;
  Findings findings;
  std::optional<YamlDocument> document;

  explicit Read(std::string text) {
    const std::uint32_t source = sources.add("p.yaml", std::move(text));
    document = YamlDocument::parse(sources, source, findings);
  }
  std::string codes() {
    std::string all;
    for (const Diagnostic& diagnostic : findings.take()) {
      all += (all.empty() ? "" : " ") + diagnostic.code;
    }
    return all;
  }
  /// The source's bytes under the span of the value at `path` in nested maps.
  std::string_view raw(const std::vector<std::string_view>& path) {
    const Span span = at(path).span();
    return sources.text(0).substr(span.begin, span.end - span.begin);
  }
  YamlValue at(const std::vector<std::string_view>& path) {
    YamlValue value = document.value().root();
    for (const std::string_view name : path) {
      YamlValue found;
      value.each_entry(
          [&](YamlValue key, YamlValue entry) { found = key.text() == name ? entry : found; });
      value = found;
    }
    return value;
  }
};

std::string json_of(const std::string& text) {
  Read read(text);
  EXPECT_EQ(read.codes(), "") << text;
  return to_json(read.document.value().root().to_value());
}

TEST(Yaml, ReadsThePlainKindsOfVersionOnePointTwo) {
  EXPECT_EQ(json_of("[true, False, TRUE, null, ~, Null]"), "[true,false,true,null,null,null]");
  EXPECT_EQ(json_of("[1, -2, 0x10, 0o17, +3, 1.5, .5, 2., 1e3, -1.5E-2]"),
            "[1,-2,16,15,3,1.5,0.5,2,1000,-0.015]");
}

TEST(Yaml, TakesForTextWhatOnlyOlderVersionsTakeForMore) {
  EXPECT_EQ(json_of("[on, yes, no, off, y, 1:30, 0b1, 1_000, 2024-01-01, '1', \"true\", .]"),
            R"(["on","yes","no","off","y","1:30","0b1","1_000","2024-01-01","1","true","."])");
}

TEST(Yaml, ReadsEveryStyleOfText) {
  EXPECT_EQ(json_of("a: plain text\n"
                    "b: 'it''s'\n"
                    "c: \"tab\\tquote\\\"\"\n"
                    "d: |\n  one\n  two\n"
                    "e: >-\n  folded\n  line\n\n  next\n"
                    "f: over\n  two lines\n"
                    "g:\n"),
            R"({"a":"plain text","b":"it's","c":"tab\tquote\"","d":"one\ntwo\n",)"
            R"("e":"folded line\nnext","f":"over two lines","g":null})");
}

// yaml-cpp by itself ends a plain text in braces or brackets at any '?'.
TEST(Yaml, ReadsAQuestionInBracesAndBrackets) {
  EXPECT_EQ(json_of("{manual: Does it read well?}"), R"({"manual":"Does it read well?"})");
  EXPECT_EQ(json_of("[what?, ?x, a ?, 'b?', http://h/?q=1&r, \"c?\"]"),
            R"(["what?","?x","a ?","b?","http://h/?q=1&r","c?"])");
  EXPECT_EQ(json_of("{why? : not?, a: really? # or?\n}"), R"({"why?":"not?","a":"really?"})");
  EXPECT_EQ(json_of("a: &what? x?\nb: [*what?, {c: d?e}]\nc: |\n  d?\ne: >\n  f?\n"),
            R"({"a":"x?","b":["x?",{"c":"d?e"}],"c":"d?\n","e":"f?\n"})");
  EXPECT_EQ(json_of("? a\n: b?\n? c ?\n: d\n"), R"({"a":"b?","c ?":"d"})");
  EXPECT_EQ(Read("{a: ok?}").raw({"a"}), "ok?");
  EXPECT_EQ(json_of("[a, \"\\x01?\"]"), R"(["a","\u0001?"])");
}

TEST(Yaml, SaysHowToWriteAQuestionThatItCannotRead) {
  EXPECT_EQ(Read("[\"\\x01\", what?]").codes(), "P0104");
  EXPECT_EQ(Read("[?]").codes(), "P0104");
}

TEST(Yaml, KnowsWhereEveryTextStands) {
  Read read(
      "\xEF\xBB\xBF"  // a byte order mark does not move anything
      "a: plain text # comment\r\n"
      "b: 'it''s'\r\n"
      "c: {d: \"x\\ty\", e: &anchor here, f: *anchor}\n"
      "g: |\n"
      "  one\n"
      "\n"
      "  two\n"
      "h: over\n"
      "  two lines\n"
      "i:\n"
      "j: ~\n");
  EXPECT_EQ(read.codes(), "");
  EXPECT_EQ(read.raw({"a"}), "plain text");
  EXPECT_EQ(read.raw({"b"}), "'it''s'");
  EXPECT_EQ(read.raw({"c"}), "{");
  EXPECT_EQ(read.raw({"c", "d"}), "\"x\\ty\"");
  EXPECT_EQ(read.raw({"c", "e"}), "here");
  EXPECT_EQ(read.raw({"c", "f"}), "here");  // an alias is the node that it stands for
  EXPECT_EQ(read.raw({"g"}), "|\n  one\n\n  two");
  EXPECT_EQ(read.raw({"h"}), "over\n  two lines");
  EXPECT_EQ(read.raw({"i"}), "i");  // nothing is written, the key is all there is
  EXPECT_EQ(read.raw({"j"}), "~");
}

TEST(Yaml, RefusesEveryTrapAndGoesOn) {
  Read read(
      "a: &unused 1\n"
      "b: !tag x\n"
      "a: 2\n"
      "c: &used {x: 1}\n"
      "d: {<<: *used}\n");
  EXPECT_EQ(read.codes(), "P0110 P0108 P0107 P0109");
  EXPECT_TRUE(read.document);
}

TEST(Yaml, RefusesAnAliasInsideTheNodeThatItMeans) {
  EXPECT_EQ(Read("a: &a [*a]\n").codes(), "P0112");
  EXPECT_EQ(Read("a: &a {b: {c: *a}}\n").codes(), "P0112");
}

// Nine aliases to nine aliases …: 9^8 values from a few hundred bytes.
TEST(Yaml, DefusesAnAliasBomb) {
  std::string text = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'j'; ++c) {
    text += std::string(1, c) + ": &" + c + " [";
    for (int i = 0; i < 9; ++i) {
      text += std::string(i == 0 ? "*" : ",*") + static_cast<char>(c - 1);
    }
    text += "]\n";
  }
  EXPECT_EQ(Read(text).codes(), "P0113");
}

// Each alias is one level deeper than the last, so depth must count through aliases.
TEST(Yaml, CountsDepthThroughAliases) {
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
            "]\n";
  }
  EXPECT_EQ(Read(text).codes(), "P0114");
}

TEST(Yaml, TakesAliasesThatRepeatALittle) {
  EXPECT_EQ(json_of("a: &a [1, 2]\nb: *a\nc: [*a, *a]\n"),
            R"({"a":[1,2],"b":[1,2],"c":[[1,2],[1,2]]})");
}

TEST(Yaml, RefusesDeepNestingAtOnce) {
  EXPECT_EQ(Read("a: " + std::string(500, '[') + std::string(500, ']')).codes(), "P0114");
  EXPECT_NE(Read(std::string(100'000, '[')).codes(), "");  // yaml-cpp sees a key that is a list
  std::string maps;
  for (std::size_t i = 0; i < 3'000; ++i) {
    maps += std::string(i, ' ') + "a:\n";
  }
  EXPECT_EQ(Read(maps).codes(), "P0114");
  std::string dashes;
  for (int i = 0; i < 100'000; ++i) {
    dashes += "- ";
  }
  EXPECT_EQ(Read(dashes).codes(), "P0114");
}

TEST(Yaml, TakesSixtyFourLevels) {
  EXPECT_EQ(Read(std::string(64, '[') + std::string(64, ']')).codes(), "");
  EXPECT_EQ(Read(std::string(65, '[') + std::string(65, ']')).codes(), "P0114");
}

TEST(Yaml, FindsADuplicateKeyAmongMany) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "k" + std::to_string(i) + ": 1\n";
  }
  EXPECT_EQ(Read(text).codes(), "");
  EXPECT_EQ(Read(text + "k77: 2\n").codes(), "P0107");
  EXPECT_EQ(Read("'a': 1\n\"a\": 2\n").codes(), "P0107");
}

TEST(Yaml, RefusesWhatIsNoText) {
  EXPECT_EQ(Read(std::string("a: \0b", 5)).codes(), "P0102");
  EXPECT_EQ(Read("a: \x04 b").codes(), "P0102");            // yaml-cpp would take it for the end
  EXPECT_EQ(Read("a: \xc0\xaf").codes(), "P0102");          // overlong
  EXPECT_EQ(Read("a: \xed\xa0\x80").codes(), "P0102");      // surrogate
  EXPECT_EQ(Read("a: \xf4\x90\x80\x80").codes(), "P0102");  // beyond Unicode
  EXPECT_EQ(Read("a: \xe2\x82").codes(), "P0102");          // cut off
  EXPECT_EQ(Read("\x7f\x45LF").codes(), "P0102");
  EXPECT_EQ(Read("a: größe €🙂").codes(), "");
}

TEST(Yaml, RefusesAFileThatIsTooLarge) {
  EXPECT_EQ(Read(std::string(YamlDocument::kMaxBytes + 1, '#')).codes(), "P0103");
}

TEST(Yaml, RefusesKeysThatAreNoText) {
  EXPECT_EQ(Read("[a]: 1\n").codes(), "P0115");
  EXPECT_EQ(Read("? {a: b}\n: 1\n").codes(), "P0115");
  EXPECT_EQ(Read("~: 1\n").codes(), "P0115");
  EXPECT_EQ(Read("a: &a b\n*a : 1\n").codes(), "P0115");
}

TEST(Yaml, FindsAQuoteThatIsNeverClosed) {
  EXPECT_EQ(Read("a: \"b\nc: d\n").codes(), "P0119");
  EXPECT_EQ(Read("a: 'b\nc: d\n").codes(), "P0119");
}

TEST(Yaml, RefusesASecondDocument) {
  EXPECT_EQ(Read("a: 1\n---\nb: 1\n").codes(), "P0106");
  EXPECT_EQ(Read("- a\nb: 1\n").codes(), "P0106");
  EXPECT_EQ(Read("---\na: 1\n...\n").codes(), "");
}

TEST(Yaml, RefusesEmptyFiles) {
  EXPECT_EQ(Read("").codes(), "P0105");
  EXPECT_EQ(Read("# a comment\n\n").codes(), "P0105");
}

TEST(Yaml, ReadsNumbersOnlyWhereTheyFit) {
  Read read("[9223372036854775807, 9223372036854775808, -9223372036854775807, 1e999, 1.5, '1']\n");
  std::vector<std::string> shown;
  read.document.value().root().each_item([&](YamlValue item) {
    const auto whole = item.integer();
    shown.push_back(whole ? std::to_string(*whole) : item.number() ? "number" : "text");
  });
  EXPECT_EQ(
      shown,
      (std::vector<std::string>{
          "9223372036854775807", "number", "-9223372036854775807", "text", "number", "text"}));
}

}  // namespace
}  // namespace dsl
