#include "runner/net/model_desk.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "runner/model/pricing.h"

namespace runner {

namespace {

constexpr std::string_view kOpenAi = "api.openai.com";  // others know other tiers

/// A mark counts what is spent: what is held by a request is mostly given back.
std::vector<Account> without_reserved(std::vector<Account> accounts) {
  for (Account& account : accounts) {
    account.reserved = {};
  }
  return accounts;
}

std::string advice(int mark) {
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
  constexpr int kFirstError = 400;
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

void ModelDesk::ask(std::string_view method,
                    std::string_view target,
                    std::string body,
                    std::function<void(Decision)> decided) {
  const ModelCall call = read_model_call(access_.provider.dialect, method, target);
  if (call.kind == ModelCall::Kind::Unknown) {
    decided(error(404,
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
    decided(error(400, read.error().message));
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
  auto request = std::make_shared<ModelRequest>(*std::move(read));
  const std::string model = passage.model;
  meter_.reserve(
      access_.who,
      model,
      most,
      [this,
       alive = std::weak_ptr(alive_),
       &meter = meter_,
       request,
       passage = std::move(passage),
       decided = std::move(decided)](Meter::Answer answer) {
        if (alive.expired()) {  // nobody will send it
          if (answer && std::holds_alternative<Meter::Reserved>(*answer)) {
            meter.settle(std::get<Meter::Reserved>(*answer).number,
                         Settlement::Free,
                         {},
                         {},
                         [](const dsl::Status&) {});
          }
          return;
        }
        if (!answer) {
          decided(error(503, "pipe cannot write its ledger: " + answer.error().message));
        } else if (const auto* refusal = std::get_if<SpendRefusal>(&*answer)) {
          decided(refuse_for_budget(to_text(*refusal)));
        } else {
          decided(
              grant(std::move(*request), std::get<Meter::Reserved>(*std::move(answer)), passage));
        }
      });
}

ModelPassage ModelDesk::grant(ModelRequest request,
                              Meter::Reserved reserved,
                              const ModelPassage& asked) {
  ModelPassage passage = asked;
  passage.number = reserved.number;
  passage.reserved = reserved.grant.reserved;
  passage.output_tokens = reserved.grant.output_tokens;
  const ModelRequestFacts& facts = request.facts();
  const std::int64_t each = output_of_each(facts, reserved.grant.output_tokens);
  if (each < facts.output_tokens.value_or(ModelRequest::kMostOutput)) {
    request.limit_output(each);
  }
  request.ask_for_usage();
  if (access_.who.is_bound_by_cost() && access_.provider.host == kOpenAi) {
    request.ask_for_list_price();
  }
  if (const std::string note = note_at(reserved); !note.empty()) {
    request.add_note(note);
  }
  passage.body = request.body();
  return passage;
}

/// What the agent is told with this request, "" nothing.
std::string ModelDesk::note_at(const Meter::Reserved& reserved) {
  const int mark = budget_mark(without_reserved(reserved.accounts), {kFirstMark, kLastMark});
  if (mark == 0) {
    return "";
  }
  if (access_.reached && told_.insert(mark).second) {
    access_.reached({{}, mark, fmt::format("{} % of a budget is used up", mark)});
  }
  return advice(mark);
}

void ModelDesk::settle(const ModelPassage& passage, const ModelAnswerEnd& end) {
  if (end.limit && access_.limited) {
    access_.limited(*end.limit);
  }
  if (passage.number == 0) {
    return;
  }
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

}  // namespace runner
