#pragma once

// Compiles texts in tests: a pipeline that need not be a file, and the files that it uses.

#include <map>
#include <string>

#include "dsl/compile.h"
#include "dsl/render.h"

namespace dsl_test {

using Files = std::map<std::string, std::string>;

/// Compiles files["p.yaml"]; every other file is beneath its folder.
inline dsl::Compilation compile_files(const Files& files,
                                      const std::map<std::string, std::string>& inputs = {}) {
  dsl::CompileRequest request;
  request.path = "p.yaml";
  request.inputs = inputs;
  request.read_file = [&](const std::string& path) -> dsl::Result<std::string> {
    const auto file = files.find(path);
    if (file == files.end()) {
      return dsl::Error{"cannot read '" + path + "'", ""};
    }
    return file->second;
  };
  return dsl::compile(request);
}

/// `version` and `name` are put before `text`.
inline dsl::Compilation compile_text(const std::string& text,
                                     const std::map<std::string, std::string>& inputs = {}) {
  return compile_files({{"p.yaml", "version: 1\nname: x\n" + text}}, inputs);
}

inline std::string messages(const dsl::Compilation& compilation) {
  return dsl::render_text(compilation.diagnostics, compilation.sources, dsl::Colour::Never);
}

/// The node of that name. REQUIRES: there is a plan, and it has one.
inline const dsl::PlanNode& node(const dsl::Compilation& compilation, const std::string& id) {
  for (const dsl::PlanNode& each : compilation.plan.value().nodes) {
    if (each.id.value == id) {
      return each;
    }
  }
  throw std::out_of_range("no node " + id);
}

inline std::string shown(const dsl::Template& text) {
  std::string all;
  for (const auto& piece : text.pieces) {
    const bool is_expression = piece.kind == dsl::Template::Piece::Kind::Expression;
    all += is_expression ? "<" + piece.text + ">" : piece.text;
  }
  return all;
}

inline std::vector<std::string> need_names(const dsl::Compilation& compilation,
                                           const std::string& id) {
  std::vector<std::string> names;
  for (const dsl::NodeIndex need : node(compilation, id).needs) {
    names.push_back(compilation.plan->nodes[need].id.value);
  }
  return names;
}

}  // namespace dsl_test
