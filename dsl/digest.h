#pragma once

// SHA-256 of bytes in memory. Any thread.

#include <memory>
#include <string>
#include <string_view>

namespace dsl {

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

/// For more bytes than one wants to hold at once. Move-only.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&& other) noexcept;
  Sha256& operator=(Sha256&& other) noexcept;
  ~Sha256();

  void add(std::string_view bytes);
  /// 64 lower-case hex digits of everything added. REQUIRES: called once, nothing after it.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace dsl
