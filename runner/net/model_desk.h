#pragma once

// Decides about one network's requests to its model: what may be sent, in which form, and what is
// charged when it is answered. Knows no sockets. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "dsl/token_prices.h"
#include "runner/model/dialect.h"
#include "runner/model/model_request.h"
#include "runner/run/meter.h"

namespace runner {

/// What a model costs; nothing where nobody knows.
using PriceOf = std::function<std::optional<dsl::ModelPrice>(std::string_view model)>;

/// A request that may go. Its reservation stands until it is settled.
struct ModelPassage {
  std::int64_t number = 0;  // of the reservation; 0: it is free
  std::string body;         // to be sent
  ModelApi api = ModelApi::Messages;
  std::string model;
  dsl::ModelPrice price;
  Spend reserved;
  std::int64_t output_tokens = 0;  // at most, of all answers together
  std::int64_t answers = 1;
};

struct ModelRefusal {
  int status = 400;
  std::string body;  // in the dialect's shape
};

/// What is known of an answer when nothing more of it comes.
struct ModelAnswerEnd {
  bool was_sent = true;   // some of the request may have reached the provider
  int status = 0;         // 0: no head of an answer came
  bool is_whole = false;  // it came to its end
  std::optional<Usage> usage;
  bool usage_is_final = false;
  std::optional<RateLimit> limit = {};  // the provider takes nothing more for a while
};

class ModelDesk {
 public:
  /// So many refusals, without an answer between them, and it is taken for a storm.
  static constexpr int kMostRefusals = 8;
  static constexpr int kFirstMark = 80;  // per cent
  static constexpr int kLastMark = 95;

  /// `meter` outlives this.
  ModelDesk(Meter& meter, PriceOf price_of, ModelAccess access);
  ModelDesk(const ModelDesk&) = delete;
  ModelDesk& operator=(const ModelDesk&) = delete;

  using Decision = std::variant<ModelPassage, ModelRefusal>;
  /// `decided` is called once, perhaps inside this call, unless this is destroyed before.
  void ask(std::string_view method,
           std::string_view target,
           std::string body,
           std::function<void(Decision)> decided);

  /// Settles what `ask` let pass. It happens even where this is destroyed right after.
  void settle(const ModelPassage& passage, const ModelAnswerEnd& end);

  /// Something of an answer came.
  void heard() const;

  /// An error of the gateway's own, in the dialect's shape.
  [[nodiscard]] ModelRefusal error(int status, std::string_view message) const;
  [[nodiscard]] const dsl::AgentProvider& provider() const { return access_.provider; }

 private:
  ModelRefusal refuse_for_budget(const std::string& message,
                                 std::int64_t mark = BudgetReached::kFull);
  ModelPassage grant(ModelRequest request, Meter::Reserved reserved, const ModelPassage& asked);
  [[nodiscard]] std::string note_at(const Meter::Reserved& reserved);

  Meter& meter_;
  const PriceOf price_of_;
  const ModelAccess access_;
  int refusals_ = 0;             // since the last answer
  std::set<std::int64_t> told_;  // marks
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace runner
