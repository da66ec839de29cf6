#pragma once

// Puts the values of secrets into the head of a request. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace runner {

struct HeadSecret {
  std::string token;   // what the node has in place of the value
  std::string header;  // "Authorization: Bearer ${value}"; "": wherever the token stands
  std::string value;
};

/// Whether this secret goes into that head, so that its value is needed.
bool goes_into(std::string_view head, const HeadSecret& secret);

/// `head` is one that read_http_head takes. The token is looked for in the values of its fields,
/// and in the credentials of "Basic"; never in the request line. A header that is set replaces
/// every field of its name.
std::string rewrite_head(std::string_view head, const std::vector<HeadSecret>& secrets);

}  // namespace runner
