#include "runner/net/model_desk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "runner/model/pricing.h"

namespace runner {

namespace {

constexpr int kFirstAnswer = 200;  // of the statuses of HTTP
constexpr int kFirstError = 400;
constexpr std::string_view kOpenAi = "api.openai.com";  // others know other tiers

int mark_of(const BudgetUse& use) {
  if (use.last != BudgetUse::Last::No || use.per_cent >= ModelDesk::kLastMark) {
    return ModelDesk::kLastMark;
  }
  return use.per_cent >= ModelDesk::kFirstMark ? ModelDesk::kFirstMark : 0;
}

std::string advice(const BudgetUse& use) {
  if (use.last != BudgetUse::Last::No) {
    return fmt::format(
        "[pipe] This {} the last request that the budget of this task has room for. Stop now: "
        "leave the work in a state that can be used, and say what is missing.",
        use.last == BudgetUse::Last::Surely ? "is" : "may be");
  }
  const int mark = mark_of(use);
  const char* const what = mark >= ModelDesk::kLastMark
                               ? "Stop now: leave the work in a state that can be used, and say "
                                 "what is missing. The next request may be refused."
                               : "Come to an end soon: finish what matters most, and leave the "
                                 "work in a state that can be used.";
  return fmt::format("[pipe] {} % of the budget of this task is used up. {}", mark, what);
}

/// What is charged. A provider bills no errors; whoever cuts an answer does not know how much more
/// of it was made, so it is as much as it may have been.
struct Charge {
  Settlement how = Settlement::Unknown;
  Usage usage;
};

Charge charge_for(const ModelPassage& passage, const ModelAnswerEnd& end) {
  if (!end.was_sent || end.status >= kFirstError) {
    return {Settlement::Free, {}};
  }
  if (!end.usage) {
    return {Settlement::Unknown, {}};
  }
  // Of several answers in one stream, the end of the first is told like that of the last.
  if (end.usage_is_final && (end.is_whole || passage.answers == 1)) {
    return {Settlement::Billed, *end.usage};
  }
  Charge cut{Settlement::Cut, *end.usage};
  cut.usage.output_tokens = std::max(cut.usage.output_tokens, passage.output_tokens);
  return cut;
}

}  // namespace

ModelDesk::ModelDesk(Meter& meter, PriceOf price_of, ModelAccess access)
    : meter_(meter), price_of_(std::move(price_of)), access_(std::move(access)) {}

ModelRefusal ModelDesk::error(int status, std::string_view message) const {
  return {status, model_error(access_.provider.dialect, status, message)};
}

void ModelDesk::heard() const {
  if (access_.heard) {
    access_.heard();
  }
}

ModelRefusal ModelDesk::refuse_for_budget(const std::string& message, std::int64_t mark) {
  const std::string_view word = mark == BudgetReached::kUnpriced ? kPriceMark : kBudgetMark;
  ModelRefusal refusal = error(kBudgetStatus, fmt::format("{}: {}", word, message));
  if (access_.reached) {
    access_.reached({{}, mark, message});
  }
  if (++refusals_ == kMostRefusals && access_.exhausted) {
    access_.exhausted();
  }
  return refusal;
}

ModelRefusal ModelDesk::refuse(int status, const std::string& message) {
  note_unanswered(message);
  return error(status, message);
}

void ModelDesk::note_unanswered(const std::string& why) {
  if (++unanswered_ == kMostUnanswered && access_.unanswered) {
    access_.unanswered(fmt::format(
        "{} requests in a row had no answer of its model, the last: {}", unanswered_, why));
  }
}

/// A request on its way through the desk.
struct ModelDesk::Asked {
  ModelCall call;
  std::string target;
  ModelRequest request;
  ModelPassage passage;
  Decided decided;
  Count count;
};

void ModelDesk::ask(std::string_view method,
                    std::string_view target,
                    std::string body,
                    Decided decided,
                    Count count) {
  const ModelCall call = read_model_call(access_.provider.dialect, method, target);
  if (call.kind == ModelCall::Kind::Unknown) {
    decided(refuse(404,
                   fmt::format("{} {} is not metered by pipe, and refused",
                               method,
                               target.substr(0, target.find('?')))));
    return;
  }
  ModelPassage passage;
  passage.api = call.api;
  if (call.kind == ModelCall::Kind::Free) {
    passage.body = std::move(body);
    decided(std::move(passage));
    return;
  }
  auto read = ModelRequest::read(call, std::move(body));
  if (!read) {
    decided(refuse(400, read.error().message));
    return;
  }
  const ModelRequestFacts& facts = read->facts();
  passage.model = facts.model;
  passage.answers = facts.answers;
  const auto price = price_of_(facts.model);
  if (!price) {
    decided(refuse_for_budget(
        fmt::format("nobody knows what the model '{}' costs; add prices: {{{}: {{input: …, output: "
                    "…}}}} to the pipeline, in dollars for a million tokens",
                    facts.model,
                    facts.model),
        BudgetReached::kUnpriced));
    return;
  }
  if (!facts.unpriced.empty() && access_.who.is_bound_by_cost()) {
    decided(refuse_for_budget(facts.unpriced + ", and a budget of money cannot hold it",
                              BudgetReached::kUnpriced));
    return;
  }
  passage.price = *price;
  const SpendAsk most = worst_case(facts, *price);
  const bool can_be_counted = count && uncounted_ < kMostUncounted && is_countable(call.api, facts);
  const auto asked = std::make_shared<Asked>(Asked{call,
                                                   std::string(target),
                                                   *std::move(read),
                                                   std::move(passage),
                                                   std::move(decided),
                                                   std::move(count)});
  if (!can_be_counted) {
    reserve_or_refuse(asked, most);
    return;
  }
  SpendAsk whole = most;
  whole.least_output_tokens = whole.output_tokens;
  reserve(asked, whole, [this, asked, most](const SpendRefusal& refusal) {
    if (refusal.of == SpendRefusal::Of::Turns) {
      asked->decided(refuse_for_budget(to_text(refusal)));
    } else {
      reserve_counted(asked, most);
    }
  });
}

/// Where the worst case has no room: the provider knows better how much it is.
void ModelDesk::reserve_counted(const std::shared_ptr<Asked>& asked, const SpendAsk& uncounted) {
  const CountRequest question = count_request(asked->call, asked->target, asked->request);
  asked->count(
      question,
      [this, alive = std::weak_ptr(alive_), asked, question, uncounted](
          const std::optional<std::string>& answer) {
        if (alive.expired()) {
          return;
        }
        const auto tokens = answer ? read_token_count(asked->call.api, *answer) : std::nullopt;
        uncounted_ = tokens ? 0 : uncounted_ + 1;
        reserve_or_refuse(asked,
                          tokens ? worst_case(counted(asked->request.facts(), question, *tokens),
                                              asked->passage.price)
                                 : uncounted);
      });
}

void ModelDesk::reserve_or_refuse(const std::shared_ptr<Asked>& asked, const SpendAsk& ask) {
  reserve(asked, ask, [this, asked](const SpendRefusal& refusal) {
    asked->decided(refuse_for_budget(to_text(refusal)));
  });
}

void ModelDesk::reserve(const std::shared_ptr<Asked>& asked, const SpendAsk& ask, Refused refused) {
  meter_.reserve(
      access_.who,
      asked->passage.model,
      ask,
      [this,
       alive = std::weak_ptr(alive_),
       &meter = meter_,
       asked,
       ask,
       refused = std::move(refused)](const Meter::Answer& answer) {
        const auto* const reserved = answer ? std::get_if<Meter::Reserved>(&*answer) : nullptr;
        if (alive.expired()) {  // nobody will send it
          if (reserved != nullptr) {
            meter.settle(reserved->number, Settlement::Free, {}, {}, [](const dsl::Status&) {});
          }
        } else if (!answer) {
          asked->decided(refuse(503, "pipe cannot write its ledger: " + answer.error().message));
        } else if (reserved == nullptr) {
          refused(std::get<SpendRefusal>(*answer));
        } else {
          asked->decided(grant(*asked, ask, *reserved));
        }
      });
}

ModelPassage ModelDesk::grant(Asked& asked, const SpendAsk& ask, const Meter::Reserved& reserved) {
  ModelPassage passage = std::move(asked.passage);
  passage.number = reserved.number;
  passage.reserved = reserved.grant.reserved;
  passage.input_tokens = ask.input_tokens;
  passage.is_counted = ask.input_is_counted;
  passage.output_tokens = reserved.grant.output_tokens;
  ModelRequest& request = asked.request;
  const ModelRequestFacts& facts = request.facts();
  const std::int64_t each = output_of_each(facts, reserved.grant.output_tokens);
  if (each < facts.output_tokens.value_or(ModelRequest::kMostOutput)) {
    request.limit_output(each);
  }
  request.ask_for_usage();
  if (access_.who.is_bound_by_cost() && access_.provider.host == kOpenAi) {
    request.ask_for_list_price();
  }
  if (const std::string note = note_for(ask, reserved); !note.empty()) {
    request.add_note(note);
  }
  passage.body = request.body();
  return passage;
}

/// What the agent is told with this request, "" nothing.
std::string ModelDesk::note_for(const SpendAsk& ask, const Meter::Reserved& reserved) {
  const BudgetUse use = budget_use(reserved.accounts, ask, last_spent_);
  const int mark = mark_of(use);
  if (mark == 0) {
    return "";
  }
  if (access_.reached && std::exchange(told_, std::max(told_, mark)) < mark) {
    access_.reached({{},
                     mark,
                     use.last == BudgetUse::Last::No
                         ? fmt::format("{} % of a budget is used up", mark)
                         : "a budget may have no room for another request"});
  }
  return advice(use);
}

void ModelDesk::settle(const ModelPassage& passage, const ModelAnswerEnd& end) {
  if (end.limit && access_.limited && passage.number != 0) {  // counting has a limit of its own
    access_.limited(*end.limit);
  }
  const bool is_answer = end.status >= kFirstAnswer && end.status < kFirstError;
  if (!is_answer) {
    note_unanswered(end.status == 0
                        ? "its provider could not be reached, or somebody hung up"
                        : fmt::format("its provider answered with HTTP {}", end.status));
  }
  if (passage.number == 0) {
    return;
  }
  unanswered_ = is_answer ? 0 : unanswered_;
  const Charge charge = charge_for(passage, end);
  ModelAnswered told;
  told.request = passage.number;
  told.model = passage.model;
  told.how = charge.how;
  told.usage = charge.usage;
  switch (charge.how) {
    case Settlement::Billed:
    case Settlement::Cut:
      told.spent = {cost_of(charge.usage, passage.price), charge.usage.tokens(), 1};
      refusals_ = 0;
      last_spent_ = told.spent;
      tell_excess(passage, told.spent, charge.usage);
      break;
    case Settlement::Unknown:
    case Settlement::Open:
      told.spent = passage.reserved;
      break;
    case Settlement::Free:
      break;
  }
  meter_.settle(passage.number,
                charge.how,
                told.spent.cost,
                charge.usage,
                [answered = access_.answered, told](const dsl::Status& settled) {
                  // What could not be written stays held, and is charged in full later.
                  if (settled && answered) {
                    answered(told);
                  }
                });
}

/// Charged it is in any case.
void ModelDesk::tell_excess(const ModelPassage& passage, const Spend& spent, const Usage& usage) {
  if (passage.is_counted && usage.sent_tokens() > passage.input_tokens) {
    uncounted_ = kMostUncounted;  // its counts bound nothing
  }
  const Spend& held = passage.reserved;
  const bool is_dearer = access_.who.is_bound_by_cost() && spent.cost.micros > held.cost.micros;
  const bool is_longer = access_.who.is_bound_by_tokens() && spent.tokens > held.tokens;
  if ((is_dearer || is_longer) && access_.reached) {
    access_.reached({{},
                     0,
                     fmt::format("the provider billed {} and {} tokens for a request of {} and {} "
                                 "tokens at the most",
                                 dsl::to_text(spent.cost),
                                 spent.tokens,
                                 dsl::to_text(held.cost),
                                 held.tokens)});
  }
}

}  // namespace runner
