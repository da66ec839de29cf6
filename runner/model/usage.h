#pragma once

// What the providers' `usage` objects say. Pure; any thread.

#include <optional>
#include <string_view>

#include "runner/model/dialect.h"
#include "runner/run/ledger.h"

namespace runner {

/// The usage that documents of one answer have told so far: later ones win, member by member, since
/// all figures are sums.
class UsageTally {
 public:
  explicit UsageTally(ModelApi api) : api_(api) {}

  /// One JSON document: an event of a stream, or a whole answer. Whatever says nothing about usage
  /// is passed over.
  void read(std::string_view document);

  /// Nothing: nobody has said anything yet, or what was said last is no usage: a figure is missing,
  /// negative or no number.
  [[nodiscard]] const std::optional<Usage>& usage() const { return usage_; }
  /// Nothing will be added to it.
  [[nodiscard]] bool is_final() const { return final_; }

 private:
  const ModelApi api_;
  std::optional<Usage> usage_;
  bool final_ = false;
  bool has_ended_ = false;  // a choice of Chat Completions
};

}  // namespace runner
