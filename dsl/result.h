#pragma once

// Result<T>: a value, or the reason why the world did not give one (daemon, disk, network, a
// malformed document handed over by another program). The author's mistakes in a pipeline file are
// Diagnostics instead (diagnostic.h), and a task that fails is an outcome, not an Error.
//
// g++ 12 has no std::expected; this is the part of it that we use. Any thread.

#include <string>
#include <utility>
#include <variant>

namespace dsl {

/// Why something could not be done. `message` is one sentence in lower case without a full stop,
/// names in 'quotes', context first: "pull 'alpine': no such host". `remedy` says what the user can
/// do about it and may be empty.
struct Error {
  std::string message;
  std::string remedy;

  /// The same error with `context: ` put before the message; used on the way up.
  [[nodiscard]] Error within(const std::string& context) const {
    return {context + ": " + message, remedy};
  }

  /// The same error, and what comes once its remedy has helped.
  [[nodiscard]] Error then(const std::string& next) const {
    return {message, remedy.empty() ? next : remedy + ", then " + next};
  }
};

/// What a Result holds when there is nothing to return but success.
struct Ok {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : held_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return held_.index() == 0; }
  [[nodiscard]] bool has_value() const { return held_.index() == 0; }

  /// REQUIRES: has_value().
  T& operator*() & { return std::get<0>(held_); }
  const T& operator*() const& { return std::get<0>(held_); }
  T&& operator*() && { return std::get<0>(std::move(held_)); }
  T* operator->() { return &std::get<0>(held_); }
  const T* operator->() const { return &std::get<0>(held_); }

  /// REQUIRES: !has_value().
  [[nodiscard]] const Error& error() const { return std::get<1>(held_); }

 private:
  std::variant<T, Error> held_;
};

using Status = Result<Ok>;

}  // namespace dsl
