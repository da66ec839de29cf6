#pragma once

// Verified results by content: an unchanged node is not paid for twice. Real: store/result_cache.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/value.h"
#include "runner/run/event.h"

namespace runner {

/// What a passed node left, without the history it was made in.
struct CachedResult {
  std::string content;    // object id of the produced tree
  std::string artifacts;  // object id, "" none
  dsl::Value::Record outputs;
  std::vector<Evidence> evidence;  // by criterion, all met
  dsl::RunId run;                  // whose work it was
  dsl::NodeId node;
  std::int64_t at_ms = 0;    // wall clock
  std::int64_t took_ms = 0;  // of the attempt that passed
};

/// Loop thread; each call takes well under a millisecond.
class ResultCache {
 public:
  ResultCache() = default;
  ResultCache(const ResultCache&) = delete;
  ResultCache& operator=(const ResultCache&) = delete;
  virtual ~ResultCache() = default;

  /// No value: nothing of that key, or its objects are gone. An Error never fails a node; the loop
  /// then runs it.
  virtual dsl::Result<std::optional<CachedResult>> lookup(const std::string& key) = 0;

  /// `name` is the node as people know it ("build/compile of pipeline x"), for explain(). May be
  /// held back until `flush`; this object's own lookups see it at once.
  virtual dsl::Status store(const std::string& key,
                            const std::string& name,
                            const CachedResult& result) = 0;

  /// Writes what was held back.
  virtual dsl::Status flush() { return dsl::Ok{}; }

  /// Whether any result was ever stored under that name, whatever its key: tells "changed" from
  /// "never ran".
  virtual bool knows(const std::string& name) = 0;

  /// What attempts that passed under that name usually took (the median of the last few), in
  /// milliseconds; 0 where nothing is known.
  virtual std::int64_t usual_ms(const std::string& name) {
    (void)name;
    return 0;
  }
};

/// The name under which results of a node are stored.
std::string result_name(const dsl::Plan& plan, const dsl::NodeId& node);

/// The name under which what was verified of it on merges is.
std::string name_on_merges(const dsl::Plan& plan, const dsl::NodeId& node);

/// For each node of the plan what it usually took (ResultCache::usual_ms).
std::vector<std::int64_t> usual_durations(const dsl::Plan& plan, ResultCache& cache);

}  // namespace runner
