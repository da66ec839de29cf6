#pragma once

// The attacks that a node can try with nothing but system calls (list A of the project's threat
// model, by number). Each tells whether it was blocked, and how; whether anything arrived is for
// the canary outside to say. The same program, run on the machine itself, must find every road
// open: else what it says inside is worth nothing.

#include <cstdint>
#include <string>
#include <vector>

namespace attack {

/// Where to; from the environment (ATTACK_CANARY4 and so on), so that it is the same inside and
/// outside.
struct Targets {
  std::string canary4;     // a host that the machine reaches, and no rule names
  std::string canary6;     // the same
  std::string link_local;  // the canary's, as metadata services have one
  std::string machine;     // an address of the machine on which it listens for everybody
  std::string bridge;      // the container engine's own address on its bridge; "" there is none
  std::uint16_t port = 0;  // TCP and UDP, of the canary, the machine and 127.0.0.1
  std::string good;        // a name that a rule allows, with `good_port`
  std::uint16_t good_port = 0;
  std::string meta;  // a name that a rule allows and that leads to the metadata address
};

struct Outcome {
  std::string part;  // "A04 udp"
  bool open = false;
  std::string how;
};

std::vector<Outcome> try_all(const Targets& targets);

/// A GET by name, as any program does it: the body, or "" and why.
struct Fetched {
  bool ok = false;
  std::string text;
};
/// With `authorization`, where not "", as a header.
Fetched fetch(const std::string& host, std::uint16_t port, const std::string& authorization);

/// Says `text` to a name or an address; what comes back first.
Fetched ask(bool udp, const std::string& host, std::uint16_t port, const std::string& text);

/// One request after the other over one connection; how many were answered before it was cut.
int hold(const std::string& host, std::uint16_t port);

/// Asks for /much and takes what comes until it is cut; how many bytes that were.
std::int64_t pull(const std::string& host, std::uint16_t port);

/// Serves on every address for so long; how many came.
int serve(std::uint16_t port, int milliseconds);
/// Dials the port wherever a neighbour could be for so long; how often somebody accepted.
int dial_neighbours(std::uint16_t port, int milliseconds);

}  // namespace attack
