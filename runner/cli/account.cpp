#include "runner/cli/account.h"

#include <pwd.h>
#include <unistd.h>

#include <fmt/format.h>

namespace runner::cli {

std::string account_name() {
  std::string buffer(4096, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return entry.pw_name;
  }
  return fmt::format("user {}", geteuid());
}

}  // namespace runner::cli
