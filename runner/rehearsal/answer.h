#pragma once

// A turn of a script, said in the dialect of the request. Pure; any thread.

#include <cstdint>
#include <string>
#include <vector>

#include "runner/rehearsal/provider_request.h"
#include "runner/rehearsal/script.h"
#include "runner/sys/http_server.h"

namespace runner {

struct Answer {
  unsigned status = 200;
  HttpFields fields;
  std::vector<std::string> parts;  // of the body, in order
  std::size_t opening = 0;         // so many parts before anything is said
  std::size_t closing = 0;         // so many that tell the usage, and that it is all
};

/// `number` is the answer's, for ids that occur once; `now_s` since the epoch.
Answer answer_of(const ScriptTurn& turn,
                 const ProviderRequest& request,
                 std::int64_t number,
                 std::int64_t now_s);

/// The same for what no script says.
Answer refusal(const ProviderRequest& request, unsigned status, const std::string& message);
Answer token_count(const ProviderRequest& request, std::int64_t tokens);

// One dialect each. REQUIRES: the turn is no error.
Answer anthropic_answer(const ScriptTurn& turn,
                        const ProviderRequest& request,
                        std::int64_t number);
Answer responses_answer(const ScriptTurn& turn,
                        const ProviderRequest& request,
                        std::int64_t number,
                        std::int64_t now_s);
Answer chat_answer(const ScriptTurn& turn,
                   const ProviderRequest& request,
                   std::int64_t number,
                   std::int64_t now_s);
Answer gemini_answer(const ScriptTurn& turn, const ProviderRequest& request, std::int64_t number);

}  // namespace runner
