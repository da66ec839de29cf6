#pragma once

// Decides about one network's requests to its model: what may be sent, in which form, and what is
// charged when it is answered. Knows no sockets. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "dsl/token_prices.h"
#include "runner/model/dialect.h"
#include "runner/model/model_request.h"
#include "runner/model/token_count.h"
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
  std::int64_t input_tokens = 0;   // reserved for what it sends
  bool is_counted = false;         // … by the provider's own count
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
  /// The same of requests that had no answer of the model: the provider told an error or nothing,
  /// or they were none that anybody meters. What real agents try by themselves, several of them at
  /// once, is far less: 11 of Claude Code, 26 of Codex.
  static constexpr int kMostUnanswered = 100;
  /// A provider that so often had no count for us is not asked any more.
  static constexpr int kMostUncounted = 3;
  static constexpr int kFirstMark = 80;  // per cent
  static constexpr int kLastMark = 95;

  /// `meter` outlives this.
  ModelDesk(Meter& meter, PriceOf price_of, ModelAccess access);
  ModelDesk(const ModelDesk&) = delete;
  ModelDesk& operator=(const ModelDesk&) = delete;

  using Decision = std::variant<ModelPassage, ModelRefusal>;
  using Decided = std::function<void(Decision)>;
  /// Asks the provider, with the headers of the request; `answered` with the body of what it said,
  /// or nothing, unless nobody waits for the decision any more.
  using Count = std::function<void(const CountRequest& question,
                                   std::function<void(std::optional<std::string>)> answered)>;
  /// `decided` is called once, perhaps inside this call, unless this is destroyed before. The
  /// provider is asked only where the request may be too much, or would get less output than it
  /// wants; with an empty `count` never.
  void ask(std::string_view method,
           std::string_view target,
           std::string body,
           Decided decided,
           Count count = {});

  /// Settles what `ask` let pass. It happens even where this is destroyed right after.
  void settle(const ModelPassage& passage, const ModelAnswerEnd& end);

  /// Something of a model's answer came.
  void heard() const;

  /// An error of the gateway's own, in the dialect's shape.
  [[nodiscard]] ModelRefusal error(int status, std::string_view message) const;
  /// The same of a request that goes nowhere for it.
  ModelRefusal refuse(int status, const std::string& message);
  [[nodiscard]] const dsl::AgentProvider& provider() const { return access_.provider; }

 private:
  struct Asked;
  using Refused = std::function<void(const SpendRefusal&)>;

  ModelRefusal refuse_for_budget(const std::string& message,
                                 std::int64_t mark = BudgetReached::kFull);
  void reserve(const std::shared_ptr<Asked>& asked, const SpendAsk& ask, Refused refused);
  void reserve_counted(const std::shared_ptr<Asked>& asked, const SpendAsk& uncounted);
  void reserve_or_refuse(const std::shared_ptr<Asked>& asked, const SpendAsk& ask);
  ModelPassage grant(Asked& asked, const SpendAsk& ask, const Meter::Reserved& reserved);
  std::string note_for(const SpendAsk& ask, const Meter::Reserved& reserved);
  void note_unanswered(const std::string& why);
  void tell_excess(const ModelPassage& passage, const Spend& spent, const Usage& usage);

  Meter& meter_;
  const PriceOf price_of_;
  const ModelAccess access_;
  int refusals_ = 0;    // since the last answer
  int unanswered_ = 0;  // the same
  int uncounted_ = 0;   // questions for a count, since the last one that was answered
  Spend last_spent_;    // of the last answer, which the next will be like
  int told_ = 0;        // the highest mark
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);
};

}  // namespace runner
