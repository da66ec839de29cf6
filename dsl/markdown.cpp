#include "dsl/markdown.h"

#include <algorithm>
#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>
#include <memory>

namespace dsl {

namespace {

using Kind = MarkdownBlock::Kind;

std::string literal_of(cmark_node* node) {
  const char* literal = cmark_node_get_literal(node);
  return literal == nullptr ? "" : literal;
}

/// What stands in a heading or paragraph, on one line.
void read_inlines(cmark_node* parent, MarkdownBlock& block) {
  for (cmark_node* node = cmark_node_first_child(parent); node != nullptr;
       node = cmark_node_next(node)) {
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_TEXT) {
      block.text += literal_of(node);
    } else if (type == CMARK_NODE_CODE) {
      block.spans.push_back(literal_of(node));
      block.text += "`" + literal_of(node) + "`";
    } else if (type == CMARK_NODE_SOFTBREAK || type == CMARK_NODE_LINEBREAK) {
      block.text += ' ';
    } else {
      read_inlines(node, block);
    }
  }
}

std::size_t line_at(int line) {
  return static_cast<std::size_t>(std::max(line, 1));
}

MarkdownBlock block_of(Kind kind, cmark_node* place, cmark_node* text) {
  MarkdownBlock block;
  block.kind = kind;
  block.line = line_at(cmark_node_get_start_line(place));
  block.last_line =
      line_at(text == nullptr ? cmark_node_get_start_line(place) : cmark_node_get_end_line(text));
  block.last_line = std::max(block.last_line, block.line);
  if (text != nullptr) {
    read_inlines(text, block);
  }
  return block;
}

class BlockReader {
 public:
  void read(cmark_node* node) {
    const cmark_node_type type = cmark_node_get_type(node);
    if (type == CMARK_NODE_HEADING) {
      add(block_of(Kind::Heading, node, node)).level = cmark_node_get_heading_level(node);
    } else if (type == CMARK_NODE_PARAGRAPH) {
      add(block_of(Kind::Paragraph, node, node));
    } else if (type == CMARK_NODE_CODE_BLOCK) {
      MarkdownBlock& block = add(block_of(Kind::Code, node, nullptr));
      const char* info = cmark_node_get_fence_info(node);
      block.info = info == nullptr ? "" : info;
      block.text = literal_of(node);
      block.last_line = line_at(cmark_node_get_end_line(node));
    } else if (type == CMARK_NODE_ITEM) {
      read_item(node);
    } else {
      read_children(cmark_node_first_child(node));
    }
  }

  std::vector<MarkdownBlock> take() { return std::move(blocks_); }

 private:
  MarkdownBlock& add(MarkdownBlock block) { return blocks_.emplace_back(std::move(block)); }

  void read_children(cmark_node* child) {
    for (; child != nullptr; child = cmark_node_next(child)) {
      read(child);
    }
  }

  void read_item(cmark_node* item) {
    const bool is_box = std::string_view(cmark_node_get_type_string(item)) == "tasklist";
    cmark_node* first = cmark_node_first_child(item);
    const bool has_text = first != nullptr && cmark_node_get_type(first) == CMARK_NODE_PARAGRAPH;
    MarkdownBlock& block =
        add(block_of(is_box ? Kind::Box : Kind::Item, item, has_text ? first : nullptr));
    block.checked = is_box && cmark_gfm_extensions_get_tasklist_item_checked(item);
    read_children(has_text ? cmark_node_next(first) : first);
  }

  std::vector<MarkdownBlock> blocks_;
};

}  // namespace

std::vector<MarkdownBlock> read_markdown(std::string_view text) {
  cmark_gfm_core_extensions_ensure_registered();
  const std::unique_ptr<cmark_parser, void (*)(cmark_parser*)> parser(
      cmark_parser_new(CMARK_OPT_DEFAULT), cmark_parser_free);
  for (const char* name : {"tasklist", "table", "strikethrough"}) {
    if (cmark_syntax_extension* extension = cmark_find_syntax_extension(name)) {
      cmark_parser_attach_syntax_extension(parser.get(), extension);
    }
  }
  cmark_parser_feed(parser.get(), text.data(), text.size());
  const std::unique_ptr<cmark_node, void (*)(cmark_node*)> document(
      cmark_parser_finish(parser.get()), cmark_node_free);
  BlockReader reader;
  reader.read(document.get());
  return reader.take();
}

}  // namespace dsl
