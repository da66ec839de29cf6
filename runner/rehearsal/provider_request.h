#pragma once

// What a request to a model's provider asks for, of whichever API. Pure; any thread.

#include <optional>
#include <string>

#include "runner/model/dialect.h"
#include "runner/sys/http_server.h"

namespace runner {

struct ProviderRequest {
  enum class Kind {
    Generate,
    CountTokens,
    Probe,   // nothing of a model: is anybody there?
    Socket,  // wants a WebSocket, which is not spoken
    Unknown,
  };
  Kind kind = Kind::Unknown;
  ModelApi api = ModelApi::Messages;
  std::string model;
  bool streamed = false;
  bool as_array = false;    // Gemini: the stream is a JSON array, not events
  bool tells_usage = true;  // Chat: only where it was asked for
  std::string trouble;      // "": the body is the JSON that it should be
};

ProviderRequest read_provider_request(const HttpRequest& request);

}  // namespace runner
