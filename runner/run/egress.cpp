#include "runner/run/egress.h"

namespace runner {

std::string_view to_text(EgressDenied::Reason reason) {
  using Reason = EgressDenied::Reason;
  switch (reason) {
    case Reason::Name:
      return "name";
    case Reason::Port:
      return "port";
    case Reason::Address:
      return "address";
    case Reason::NoHello:
      return "no_hello";
    case Reason::LongHello:
      return "long_hello";
    case Reason::Protocol:
      return "protocol";
    case Reason::Tls:
      return "tls";
    case Reason::Sni:
      return "sni";
    case Reason::Http:
      return "http";
    case Reason::Host:
      return "host";
    case Reason::Busy:
      return "busy";
    case Reason::Unresolved:
      return "unresolved";
    case Reason::Unreachable:
      return "unreachable";
  }
  return "";
}

}  // namespace runner
