#pragma once

// A Markdown document as a row of blocks with their lines: what a plan written for people is read
// from. The one place that knows cmark-gfm is markdown.cpp. Any thread; linear.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dsl {

struct MarkdownBlock {
  enum class Kind {
    Heading,
    Paragraph,
    Item,  // of a list; its first paragraph
    Box,   // an item with "[ ]" or "[x]"
    Code,  // a fenced or indented block
  };
  Kind kind = Kind::Paragraph;
  int level = 0;                   // Heading: 1 to 6
  std::string text;                // one line, code spans in backticks; of Code: all its lines
  std::vector<std::string> spans;  // the code spans in it
  std::string info;                // Code: the word behind the fence
  bool checked = false;            // Box
  std::size_t line = 1;            // 1-based, of its beginning
  std::size_t last_line = 1;       // of its own text, without what is nested in it
};

/// In the order of the document.
std::vector<MarkdownBlock> read_markdown(std::string_view text);

}  // namespace dsl
