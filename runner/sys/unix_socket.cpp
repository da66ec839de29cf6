#include "runner/sys/unix_socket.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace runner {
namespace {

constexpr int kBacklog = 4;

/// An address that leads to `path` by way of a descriptor of its folder.
struct ShortAddress {
  Fd folder;
  sockaddr_un address{};
};

dsl::Error trouble(const char* what, const std::string& path, int number) {
  return {std::string(what) + " '" + path + "': " + strerrordesc_np(number), ""};
}

dsl::Result<ShortAddress> address_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  ShortAddress made;
  made.folder = Fd(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!made.folder) {
    return trouble("open", folder, errno);
  }
  const std::string name =
      path.size() < sizeof(made.address.sun_path)
          ? path
          : "/proc/self/fd/" + std::to_string(made.folder.get()) + "/" + path.substr(slash + 1);
  if (name.size() >= sizeof(made.address.sun_path)) {
    return trouble("name a socket", path, ENAMETOOLONG);
  }
  made.address.sun_family = AF_UNIX;
  std::memcpy(made.address.sun_path, name.c_str(), name.size() + 1);
  return made;
}

dsl::Result<Fd> listen_at(const std::string& path, int kind, mode_t mode) {
  const auto at = address_of(path);
  if (!at) {
    return at.error();
  }
  unlink(path.c_str());
  Fd made(socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* const address = reinterpret_cast<const sockaddr*>(&at->address);
  if (!made || bind(made.get(), address, sizeof(at->address)) != 0 ||
      chmod(path.c_str(), mode) != 0 || listen(made.get(), kBacklog) != 0) {
    return trouble("listen at", path, errno);
  }
  return made;
}

}  // namespace

dsl::Result<Fd> listen_unix(const std::string& path) {
  return listen_at(path, SOCK_SEQPACKET, 0600);
}

dsl::Result<Fd> listen_unix_stream(const std::string& path) {
  return listen_at(path, SOCK_STREAM, 0666);
}

dsl::Result<Fd> connect_unix(const std::string& path) {
  const auto at = address_of(path);
  if (!at) {
    return at.error();
  }
  Fd made(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* const address = reinterpret_cast<const sockaddr*>(&at->address);
  if (!made || connect(made.get(), address, sizeof(at->address)) != 0) {
    return trouble("connect to", path, errno);
  }
  return made;
}

void unlink_unix(const std::string& path) {
  unlink(path.c_str());
}

}  // namespace runner
