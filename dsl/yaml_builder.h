#pragma once

// Nodes of a document out of what a parser tells of its text, in order; reports what a document
// must not hold. Offsets are bytes of the text; an anchor is a number from 1 on, 0 is none.
// Internal to the reader of YAML. One thread; linear, but for sorting the keys of a map.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/findings.h"
#include "dsl/source.h"
#include "dsl/yaml.h"

namespace dsl {

/// Thrown when there is no point in going on; the reason was reported.
struct YamlGiveUp {};

class YamlBuilder {
 public:
  /// All are borrowed for the life of the builder.
  YamlBuilder(std::string_view text, YamlDocument& document, Findings& findings);

  // What the parser meets. `at` is where it says so: at the value, or at the anchor or tag before.
  void begin_document(std::size_t at);
  void null(std::size_t at, std::size_t anchor);
  void alias(std::size_t at, std::size_t anchor);
  void scalar(std::size_t at, const std::string& tag, std::size_t anchor, const std::string& value);
  void begin_list(std::size_t at, const std::string& tag, std::size_t anchor);
  void end_list();
  void begin_map(std::size_t at, const std::string& tag, std::size_t anchor);
  void end_map();
  /// The next anchor has this name.
  void anchor(std::size_t at, const std::string& name);
  /// All was told.
  void finish();

  [[nodiscard]] bool has_document() const { return documents_ > 0; }
  /// Cut to the text.
  [[nodiscard]] Span span(std::size_t begin, std::size_t end) const;

 private:
  struct Anchor {
    std::string name;
    Span span;
    bool used = false;
    bool complete = false;
    std::uint32_t node = 0;
    std::size_t size = 0;    // nodes, aliases in it expanded
    std::size_t height = 0;  // levels of maps and lists in it
  };

  struct Open {
    std::uint32_t node = 0;
    std::size_t anchor = 0;
    bool is_map = false;
    std::uint32_t parts = 0;      // keys and values, or items, so far
    std::uint32_t key = 0;        // of a map: the last key
    std::size_t height = 1;       // with the deepest part so far
    std::size_t expanded_at = 0;  // what `expanded_` was before it
  };

  [[noreturn]] void fail(std::string_view code,
                         const Span& where,
                         std::string message,
                         std::string remedy);
  [[nodiscard]] bool at_key() const;
  [[nodiscard]] bool at_value() const;
  void refuse_key(std::size_t begin, std::size_t end, std::string_view what);
  void check_depth(std::size_t depth, std::size_t begin, std::size_t end);
  void raise_height(std::size_t height);
  bool check_tag(const std::string& tag, std::size_t begin);
  std::uint32_t begin_node(YamlDocument::NodeKind kind,
                           std::size_t begin,
                           std::size_t end,
                           std::size_t anchor);
  void end_node(std::size_t anchor);
  static void complete(Anchor& anchor, std::size_t size, std::size_t height);
  void put_scalar(std::size_t begin,
                  std::size_t end,
                  std::string_view text,
                  bool is_quoted,
                  std::size_t anchor);
  void begin_collection(YamlDocument::NodeKind kind,
                        std::size_t at,
                        const std::string& tag,
                        std::size_t anchor);
  void end_collection();
  void check_keys(std::uint32_t map);

  const std::string_view text_;
  YamlDocument& document_;
  Findings& findings_;

  std::vector<Open> open_;
  std::vector<Anchor> anchors_;  // by number - 1
  std::vector<std::uint32_t> keys_;
  std::size_t documents_ = 0;
  std::size_t expanded_ = 0;  // nodes so far, as if aliases were copies
  std::size_t alias_nodes_ = 0;
};

}  // namespace dsl
