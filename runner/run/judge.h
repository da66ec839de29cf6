#pragma once

// The parts of the verifier that read files of the produced tree. Loop thread.

#include <string>
#include <utility>

#include "dsl/plan.h"
#include "runner/run/trees.h"
#include "runner/run/verifier.h"

namespace runner {

inline Judgement judged(Verdict verdict, std::string what, std::string result) {
  Judgement judgement{verdict, {}};
  judgement.evidence.what = std::move(what);
  judgement.evidence.result = std::move(result);
  return judgement;
}
inline Judgement met(std::string what, std::string result) {
  return judged(Verdict::Met, std::move(what), std::move(result));
}
inline Judgement not_met(std::string what, std::string result) {
  return judged(Verdict::NotMet, std::move(what), std::move(result));
}
inline Judgement unverified(std::string what, std::string result) {
  return judged(Verdict::Unverified, std::move(what), std::move(result));
}

Judgement judge_file(const dsl::FileCheck& check, Trees& trees, const TreeRef& produced);

/// A schema is read from `trusted`.
Judgement judge_json(const dsl::JsonCheck& check,
                     Trees& trees,
                     const TreeRef& trusted,
                     const TreeRef& produced);

}  // namespace runner
