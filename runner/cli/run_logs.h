#pragma once

// What the jobs of a run wrote, read from the files in its folder, also while they are written.
// Main thread.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dsl/ids.h"

namespace runner::cli {

/// Which job of a node wrote a log, from the name of the file.
struct LogPart {
  std::int64_t attempt = 0;
  std::string job;  // "" the task itself, "criterion 2", "service db", …

  auto operator<=>(const LogPart&) const = default;
};

/// "build.2.criterion-1.log" of the node whose stem is "build" is attempt 2, "criterion 1". False
/// where the name is no log of that node, or of nobody's interest (probes of services).
bool parse_log_name(std::string_view file, std::string_view stem, LogPart& part);

/// What stands before a line of this log: "" for the first attempt of the task itself, "attempt 2",
/// "criterion 1", "attempt 2, service db".
std::string part_label(const LogPart& part);

/// The last complete line that the task wrote in this attempt, "" while there is none.
std::string last_log_line(const std::string& run_folder,
                          const dsl::NodeId& node,
                          std::int64_t attempt);

/// Reads the logs of some nodes, and goes on where it was with each call.
class LogReader {
 public:
  struct Line {
    const std::string& label;  // what stands before it; "" for nothing
    std::string_view text;     // with its line feed, if it has one
    const dsl::NodeId& node;
    const LogPart& part;
  };
  using Take = std::function<void(const Line& line)>;

  enum class Labels { Parts, NodesAndParts };

  /// `last_lines` < 0: from the beginning of each file, else that many lines before its end (at the
  /// time of the first reading).
  LogReader(std::string run_folder,
            const std::vector<dsl::NodeId>& nodes,
            Labels labels,
            std::int64_t last_lines);

  /// One more node, at the end of the list.
  void add(const dsl::NodeId& node);

  /// Complete lines that were written since the last call, file by file in the order of nodes and
  /// attempts. Returns how many bytes there were.
  std::size_t read_new(const Take& take);
  /// Also what stands at the ends of files without a line feed. Nothing is read after this.
  void read_rest(const Take& take);

  /// The widest label so far, in columns, so that prefixes can be aligned.
  [[nodiscard]] std::size_t label_width() const { return label_width_; }

 private:
  struct File {
    std::string path;
    std::string label;
    std::int64_t offset = -1;  // -1: not read yet
    std::string rest;          // the beginning of a line that is not complete
  };

  void look_for_files();
  using Files = std::map<std::pair<std::size_t, LogPart>, File>;
  void give(Files::value_type& file, const Take& take) const;
  std::size_t read_file(Files::value_type& entry, const Take& take);

  std::string folder_;              // constant after construction
  std::vector<dsl::NodeId> nodes_;  // grows by `add`
  std::unordered_map<std::string, std::size_t> node_by_stem_;
  Labels labels_;
  std::int64_t last_lines_;
  Files files_;
  std::size_t label_width_ = 0;
  bool first_look_ = true;
};

}  // namespace runner::cli
