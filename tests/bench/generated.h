#pragma once

// Pipelines (and ninja files of the same shape) that the benchmarks run, as text. Pure.

#include <cstddef>
#include <string>

namespace bench {

/// How many nodes, and what each needs.
struct Shape {
  std::size_t layers = 1;
  std::size_t width = 1;    // nodes of a layer
  std::size_t parents = 0;  // of the layer before, by neighbouring number
};

constexpr Shape wide(std::size_t nodes) {
  return {1, nodes, 0};
}
constexpr Shape chain(std::size_t nodes) {
  return {nodes, 1, 1};
}
constexpr Shape layered(std::size_t layers, std::size_t width) {
  return {layers, width, 2};
}

struct PipelineText {
  Shape shape;
  std::string head;              // lines before `tasks:`: engine, image
  std::string command = "true";  // of every task
  bool criterion = false;        // one `run` criterion, `true`, each
};

std::string pipeline(const PipelineText& wanted);
std::string ninja_file(const Shape& shape);

}  // namespace bench
