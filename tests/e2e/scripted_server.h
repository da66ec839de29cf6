#pragma once

// A provider of models on a port of this machine, which answers from a script: all requests, one
// after the other, as the turns of one attempt. It runs on a thread of its own until it goes.

#include <cstdint>
#include <memory>
#include <string>

namespace e2e {

class ScriptedServer {
 public:
  /// `script` is the text of a rehearsal's script; the attempts of `task` are told one behind the
  /// other. Throws std::runtime_error where it cannot be read.
  ScriptedServer(const std::string& script, const std::string& task);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

  [[nodiscard]] std::uint16_t port() const;
  /// How many requests it has answered. Any thread.
  [[nodiscard]] int answers() const;
  /// How each connection began, as far as it came at once: the head of its first request. Any
  /// thread.
  [[nodiscard]] std::string heads() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace e2e
