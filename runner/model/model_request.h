#pragma once

// The body of a request that a model answers: what it can cost at the most, and how it is made to
// cost less. Pure; any thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "dsl/token_prices.h"
#include "runner/model/dialect.h"

namespace runner {

/// By what a request is priced before it is answered.
struct ModelRequestFacts {
  std::string model;
  bool streamed = false;
  /// At most: a token is a byte at the least, and a picture has a size of its own. What the request
  /// names and does not hold (an earlier answer, a file, an address), what is more than its bytes
  /// (a PDF) and what nobody here knows counts as the longest context that any model has.
  std::int64_t input_tokens = 0;
  bool is_elsewhere = false;       // some of its content is none that the request holds
  std::int64_t thought_bytes = 0;  // of it, that thoughts take which a count leaves out
  bool is_counted = false;         // input_tokens is by the provider's own count
  dsl::CacheWrites cache_writes = dsl::CacheWrites::ForAnHour;  // that it may cause
  /// That it asks for at most, of one answer; nothing: as many as the model gives.
  std::optional<std::int64_t> output_tokens;
  std::int64_t answers = 1;  // to one request, each of them billed
  /// With fewer the provider refuses it, or the answer is of no use.
  std::int64_t least_output_tokens = 1;
  /// For people: why tokens alone do not say what it costs ("the tool 'web_search' is billed by
  /// use"); "" where they do.
  std::string unpriced;
};

class ModelRequest {
 public:
  /// What a model gives at most that is not asked for less. The largest of any, 2026.
  static constexpr std::int64_t kMostOutput = 131'072;
  static constexpr std::int64_t kLongestContext = 2'097'152;
  /// Tokens beside those of what is sent: roles, formats, tools, and a note of ours.
  static constexpr std::int64_t kOverhead = 2'000;
  static constexpr int kDeepest = 200;  // levels of JSON

  /// REQUIRES: `call` is Generate. An Error, for whoever sent it: it is no request of that API.
  static dsl::Result<ModelRequest> read(const ModelCall& call, std::string body);

  ModelRequest(ModelRequest&&) noexcept;
  ModelRequest& operator=(ModelRequest&&) noexcept;
  ~ModelRequest();

  [[nodiscard]] const ModelRequestFacts& facts() const { return facts_; }

  /// Asks for at most so many tokens of output, for each answer.
  void limit_output(std::int64_t tokens);
  /// Puts a text behind what the model is told last, where it breaks nothing that a cache holds.
  void add_note(std::string_view text);
  /// A stream of Chat Completions tells its usage only when asked.
  void ask_for_usage();

  /// An account of OpenAI's may be set to have requests served faster, at other prices, unless they
  /// say otherwise.
  void ask_for_list_price();

  /// As it came, unless it was changed. Each key of it stands once, whatever came: nobody can read
  /// it in another way than we did.
  [[nodiscard]] std::string body() const;

 private:
  struct Document;
  ModelRequest(ModelApi api, std::string text, ModelRequestFacts facts);
  static std::string with_each_key_once(const std::string& text);
  Document& document();

  ModelApi api_;
  std::string text_;
  std::unique_ptr<Document> document_;  // of text_, once something is changed
  ModelRequestFacts facts_;
  bool says_tier_ = true;  // a key of text_ is "service_tier"
};

}  // namespace runner
