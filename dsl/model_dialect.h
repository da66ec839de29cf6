#pragma once

// How providers of models are spoken to. Any thread; plain data.

namespace dsl {

enum class ModelDialect {
  Anthropic,  // Messages
  OpenAi,     // Responses and Chat Completions
  Gemini,     // generateContent, streamed or not
};

}  // namespace dsl
