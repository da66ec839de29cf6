#pragma once

// What a job may not do (Permissions in protocol.h): the rules, and how process 1 hears of what was
// denied. Whatever runs in the job can tell of a denial that was none: it is the job's own.

#include <stddef.h>

namespace runner::init {

/// What the rules say of an operation. `line` is the rule's number, or kNotAllowed.
struct Decision {
  bool denied = false;
  int line = 0;
  const char* message = "";
};

/// `rules` is the text of the file kPermissionRules, which is changed and stays the result's.
///
/// A rule names a program and words among its arguments, each a pattern (`*`, `?`, `[…]`). Those of
/// `deny` may stand anywhere among the arguments, in their order: what stands between them may be
/// options. Those of `allow` must be the first ones. The rule with the most words decides, of two
/// that have as many the one that denies. Where none fits, a program that some rule allows
/// something is denied all else.
Decision decide(char* rules, const char* name, char* const* arguments);

/// Tells process 1. Nothing happens where it does not listen.
void tell_denial(int line, const char* name, char* const* arguments);

/// Process 1's side.
class DenialListener {
 public:
  /// Listens where the job has permissions.
  void open();
  /// -1: it does not listen.
  [[nodiscard]] int fd() const { return fd_; }
  /// Sends what came in to `report`, each once, and no more than kMostDenials.
  void pass_on(int report);

 private:
  int fd_ = -1;
  int count_ = 0;
  unsigned long seen_[32];  // of each line that was sent
};

}  // namespace runner::init
