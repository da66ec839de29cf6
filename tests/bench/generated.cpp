#include "tests/bench/generated.h"

#include <functional>

namespace bench {

namespace {

std::string name_of(std::size_t layer, std::size_t place) {
  return "t" + std::to_string(layer) + "_" + std::to_string(place);
}

/// Calls `parent` with the name of each need.
void for_each_parent(const Shape& shape,
                     std::size_t layer,
                     std::size_t place,
                     const std::function<void(const std::string&)>& parent) {
  if (layer == 0) {
    return;
  }
  for (std::size_t k = 0; k < shape.parents && k < shape.width; ++k) {
    parent(name_of(layer - 1, (place + k) % shape.width));
  }
}

}  // namespace

std::string pipeline(const PipelineText& wanted) {
  std::string text = "version: 1\nname: bench\n" + wanted.head + "tasks:\n";
  for (std::size_t layer = 0; layer < wanted.shape.layers; ++layer) {
    for (std::size_t place = 0; place < wanted.shape.width; ++place) {
      text += "  " + name_of(layer, place) + ":\n    run: " + wanted.command + "\n";
      std::string needs;
      for_each_parent(wanted.shape, layer, place, [&](const std::string& parent) {
        needs += (needs.empty() ? "" : ", ") + parent;
      });
      if (!needs.empty()) {
        text += "    needs: [" + needs + "]\n";
      }
      if (wanted.criterion) {
        text += "    success_criteria:\n      - \"[ ] it holds\": \"true\"\n";
      }
    }
  }
  return text;
}

std::string ninja_file(const Shape& shape) {
  std::string text = "rule t\n  command = true\n";
  for (std::size_t layer = 0; layer < shape.layers; ++layer) {
    for (std::size_t place = 0; place < shape.width; ++place) {
      text += "build " + name_of(layer, place) + ": t";
      for_each_parent(
          shape, layer, place, [&](const std::string& parent) { text += " " + parent; });
      text += "\n";
    }
  }
  return text;
}

}  // namespace bench
