#include "runner/sys/name_lookup.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <ifaddrs.h>
#include <memory>
#include <mutex>
#include <netdb.h>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <thread>
#include <utility>

namespace runner {
namespace {

constexpr std::size_t kMostThreads = 8;

std::optional<dsl::IpAddress> address_of(const sockaddr* address) {
  dsl::IpAddress found;
  if (address != nullptr && address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof(v4));
    std::memcpy(found.bytes.data(), &v4.sin_addr, sizeof(v4.sin_addr));
    return found;
  }
  if (address != nullptr && address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof(v6));
    std::memcpy(found.bytes.data(), &v6.sin6_addr, sizeof(v6.sin6_addr));
    found.v4 = false;
    return found;
  }
  return std::nullopt;
}

dsl::Result<std::vector<dsl::IpAddress>> look_up(const std::string& name) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int failure = getaddrinfo(name.c_str(), nullptr, &hints, &list); failure != 0) {
    return dsl::Error{"resolve '" + name + "': " + gai_strerror(failure),
                      "check the name, and the machine's own name servers"};
  }
  std::vector<dsl::IpAddress> addresses;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    const auto address = address_of(each->ai_addr);
    if (address && std::find(addresses.begin(), addresses.end(), *address) == addresses.end()) {
      addresses.push_back(*address);
    }
  }
  freeaddrinfo(list);
  if (addresses.empty()) {
    return dsl::Error{"resolve '" + name + "': it has no address", ""};
  }
  return addresses;
}

}  // namespace

/// Lives as long as the last thread that may still wait for a name server.
struct NameLookup::Shared {
  std::mutex mutex;
  // Protected by mutex:
  EventLoop* loop = nullptr;  // null: nobody wants to know any more
  std::deque<std::pair<std::string, Done>> waiting;
  std::size_t threads = 0;

  static void work(const std::shared_ptr<Shared>& self) {
    std::unique_lock lock(self->mutex);
    while (!self->waiting.empty()) {
      auto [name, done] = std::move(self->waiting.front());
      self->waiting.pop_front();
      lock.unlock();
      auto found = look_up(name);
      lock.lock();
      if (self->loop != nullptr) {
        self->loop->post([self, done = std::move(done), found = std::move(found)] {
          // On the loop thread, as the destructor is: nobody takes the loop away meanwhile.
          if (self->loop != nullptr) {
            done(found);
          }
        });
      }
    }
    --self->threads;
  }
};

NameLookup::NameLookup(EventLoop& loop) : shared_(std::make_shared<Shared>()) {
  shared_->loop = &loop;
}

NameLookup::~NameLookup() {
  const std::lock_guard lock(shared_->mutex);
  shared_->loop = nullptr;
  shared_->waiting.clear();
}

void NameLookup::find(const std::string& name, Done done) {
  const std::lock_guard lock(shared_->mutex);
  shared_->waiting.emplace_back(name, std::move(done));
  if (shared_->threads < kMostThreads) {
    ++shared_->threads;
    std::thread(&Shared::work, shared_).detach();
  }
}

void NameLookup::answer(std::vector<dsl::IpAddress> addresses, Done done) {
  shared_->loop->post([shared = shared_, addresses = std::move(addresses), done = std::move(done)] {
    if (shared->loop != nullptr) {
      done(addresses);
    }
  });
}

std::vector<dsl::IpAddress> own_addresses() {
  std::vector<dsl::IpAddress> addresses;
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) {
    return addresses;
  }
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (const auto address = address_of(each->ifa_addr)) {
      addresses.push_back(*address);
    }
  }
  freeifaddrs(list);
  return addresses;
}

}  // namespace runner
