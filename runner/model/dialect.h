#pragma once

// How providers of models are spoken to: which request asks for what, and how an error is told. For
// the gateway, which meters requests, and for whoever plays a provider. Pure; any thread.
//
// Sources: the providers' API references and SDK types, and what Claude Code 2.1.197, Codex 0.169.0
// and Gemini CLI 0.61.0 send.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/model_dialect.h"

namespace runner {

/// Which API of a dialect answers.
enum class ModelApi {
  Messages,         // Anthropic
  Responses,        // OpenAI
  ChatCompletions,  // OpenAI
  GenerateContent,  // Gemini
};

dsl::ModelDialect dialect_of(ModelApi api);

/// What a request line asks of a provider.
struct ModelCall {
  enum class Kind {
    Generate,  // a model answers, which is billed
    Free,      // nothing is billed: tokens are counted, models are listed, HEAD
    Unknown,   // nobody here knows what it costs
  };
  Kind kind = Kind::Unknown;
  ModelApi api = ModelApi::Messages;  // of Generate, and of a count of tokens
  std::string model;                  // GenerateContent, whose path names it; "" in the others
  bool streamed = false;              // GenerateContent
};

/// `target` is the path with its query. Paths are taken as they are written: one with an escape in
/// it is Unknown.
ModelCall read_model_call(dsl::ModelDialect dialect,
                          std::string_view method,
                          std::string_view target);

/// The keys by which a request says how much the model may write at most: of the request itself, in
/// GenerateContent of its `generationConfig`. Where both of Chat Completions' stand, servers differ
/// in which counts.
std::vector<const char*> output_limit_keys(ModelApi api);

/// Stands in the message of every refusal for a budget's sake, so that whoever reads what an agent
/// says knows why it stopped.
inline constexpr std::string_view kBudgetMark = "pipe-budget";
/// The same where nobody knows what a request costs.
inline constexpr std::string_view kPriceMark = "pipe-price";
/// The status of such a refusal: the only one that no client tries again, and that all of them show
/// with its message (measured).
inline constexpr int kBudgetStatus = 400;

/// The body of an error in the dialect's own shape, JSON. `status` is that of HTTP; `message` any
/// text.
std::string model_error(dsl::ModelDialect dialect, int status, std::string_view message);

}  // namespace runner
