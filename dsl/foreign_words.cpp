#include "dsl/foreign_words.h"

#include <algorithm>
#include <array>

namespace dsl {
namespace {

struct ForeignWord {
  std::string_view word;
  std::string_view needed;  // the key of ours; only records that know it give this remedy
  std::string_view remedy;
};

// The first row whose key the record knows is taken.
constexpr std::array<ForeignWord, 49> kForeignWords{{
    {"before_script", "tasks", "put these commands first in the 'run:' of the tasks"},
    {"after_script", "tasks", "put these commands last in the 'run:' of the tasks"},
    {"depends_on", "needs", "write 'needs:'"},
    {"depends-on", "needs", "write 'needs:'"},
    {"dependencies", "needs", "write 'needs:'"},
    {"dependsOn", "needs", "write 'needs:'"},
    {"requires", "needs", "write 'needs:'"},
    {"after", "needs", "write 'needs:'"},
    {"script", "run", "write 'run:', one text with a command a line (run: |)"},
    {"scripts", "run", "write 'run:', one text with a command a line (run: |)"},
    {"command", "run", "write 'run:'"},
    {"commands", "run", "write 'run:', one text with a command a line (run: |)"},
    {"cmd", "run", "write 'run:'"},
    {"exec", "run", "write 'run:'"},
    {"sh", "run", "write 'run:'"},
    {"steps", "run", "write 'run:' with a command a line, or make each step a task of its own"},
    {"before_script", "run", "put these commands first in 'run:'"},
    {"after_script", "run", "put these commands last in 'run:'"},
    {"jobs", "tasks", "write 'tasks:'"},
    {"job", "tasks", "write 'tasks:'"},
    {"stages", "phases", "write 'phases:' with the tasks of each below it"},
    {"stage", "needs", "put the task below its phase in 'phases:'"},
    {"on",
     "phases",
     "remove it: a pipeline runs when 'pipe run' says so; let cron or your CI call it"},
    {"runs-on", "image", "write 'image:' (what it runs in) or 'engine:' (what runs it)"},
    {"runs_on", "image", "write 'image:' (what it runs in) or 'engine:' (what runs it)"},
    {"container", "image", "write 'image:'"},
    {"docker_image", "image", "write 'image:'"},
    {"environment", "env", "write 'env:'"},
    {"variables", "env", "write 'env:'"},
    {"envs", "env", "write 'env:'"},
    {"timeout-minutes", "timeout", "write 'timeout:' with a unit, as in 'timeout: 30m'"},
    {"timeout_minutes", "timeout", "write 'timeout:' with a unit, as in 'timeout: 30m'"},
    {"timeout_in_minutes", "timeout", "write 'timeout:' with a unit, as in 'timeout: 30m'"},
    {"continue-on-error", "allow_failure", "write 'allow_failure:'"},
    {"continue_on_error", "allow_failure", "write 'allow_failure:'"},
    {"fail-fast", "allow_failure", "remove it: independent tasks always go on to their end"},
    {"strategy", "matrix", "write 'matrix:' directly in the task"},
    {"parallel", "matrix", "write 'matrix:'"},
    {"max-parallel",
     "pool",
     "define a pool at the top ('pools: {name: 2}') and write 'pool: name'"},
    {"concurrency", "pool", "define a pool at the top ('pools: {name: 1}') and write 'pool: name'"},
    {"resource_group",
     "pool",
     "define a pool at the top ('pools: {name: 1}') and write 'pool: name'"},
    {"when", "if", "write 'if:' with an expression; 'if: always()', 'if: failure()'"},
    {"only", "if", "write 'if:' with an expression"},
    {"except", "if", "write 'if:' with an expression"},
    {"rules", "if", "write 'if:' with an expression"},
    {"extends", "uses", "write 'uses:' with a step file, or put what tasks share into 'defaults:'"},
    {"retries", "retry", "write 'retry: {attempts: 3}'"},
    {"working-directory", "working_directory", "write 'working_directory:'"},
    {"params", "inputs", "write 'inputs:'"},
}};

struct MisplacedKey {
  std::string_view key;
  std::string_view beside;  // a key that only the record has in which it is misplaced
  std::string_view remedy;
};

constexpr std::string_view kBelongsToDefaults =
    "this is a task's key; below 'defaults:' it holds for every task";
constexpr std::string_view kBelongsToTask = "this is a task's key; write it below tasks: {NAME: …}";
constexpr std::string_view kBesideBox = "this is a key of the criterion, write it beside the check";

constexpr std::array<MisplacedKey, 26> kMisplacedKeys{{
    {"timeout", "defaults", kBelongsToDefaults},
    {"retry", "defaults", kBelongsToDefaults},
    {"shell", "defaults", kBelongsToDefaults},
    {"user", "defaults", kBelongsToDefaults},
    {"runtime", "defaults", kBelongsToDefaults},
    {"allow_failure", "defaults", kBelongsToDefaults},
    {"docker", "defaults", kBelongsToDefaults},
    {"permissions", "defaults", kBelongsToDefaults},
    {"working_directory", "defaults", kBelongsToDefaults},
    {"cache", "defaults", kBelongsToDefaults},
    {"success_criteria", "defaults", "a task and a phase have criteria, write them there"},
    {"run", "tasks", kBelongsToTask},
    {"uses", "tasks", kBelongsToTask},
    {"matrix", "tasks", kBelongsToTask},
    {"approval", "tasks", kBelongsToTask},
    {"needs", "defaults", "this is a key of a task or a phase"},
    {"source", "protect", "only the pipeline's own 'workspace:' has a source"},
    {"per_day", "turns", "only the pipeline's own 'budget:' has an amount per day"},
    {"red_first", "status", kBesideBox},
    {"service", "status", kBesideBox},
    {"service", "matches", kBesideBox},
    {"red_first", "matches", kBesideBox},
    {"path", "pointer", "write 'pointer:' for the place in the document, 'file:' for the file"},
    {"file", "matches", "write 'path:'"},
    {"needs", "inputs", "a step has no order of its own; the task that uses it has 'needs:'"},
    {"if", "inputs", "the task that uses the step has 'if:'"},
}};

}  // namespace

std::optional<std::string_view> foreign_word_remedy(std::string_view word,
                                                    const std::vector<std::string_view>& known) {
  for (const ForeignWord& foreign : kForeignWords) {
    if (foreign.word == word &&
        std::find(known.begin(), known.end(), foreign.needed) != known.end()) {
      return foreign.remedy;
    }
  }
  return std::nullopt;
}

std::string_view misplaced_key_remedy(std::string_view word,
                                      const std::vector<std::string_view>& known) {
  for (const MisplacedKey& misplaced : kMisplacedKeys) {
    if (misplaced.key == word &&
        std::find(known.begin(), known.end(), misplaced.beside) != known.end()) {
      return misplaced.remedy;
    }
  }
  return "";
}

}  // namespace dsl
