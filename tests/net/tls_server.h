#pragma once

// A host that speaks TLS, with a certificate of an authority that the tests make up. Its thread
// answers one request a connection; what it saw can be read by the test's thread.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "tests/support/loopback_server.h"

namespace net_test {

/// Makes the authority that all TlsServers are signed by, and has our own OpenSSL believe it
/// (SSL_CERT_FILE). REQUIRES: before the first TLS of this process.
void believe_test_authority();

class TlsServer {
 public:
  enum class Signed { ByTheAuthority, ByItself };
  enum class End { Proper, Cut };  // of a connection: with TLS's own end, or without

  /// Listens at 127.7.7.7 with a certificate for `name`.
  explicit TlsServer(const std::string& name, Signed by = Signed::ByTheAuthority);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;
  ~TlsServer();

  std::uint16_t port = 0;
  std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  std::atomic<End> end = End::Proper;

  /// All bytes that came, decrypted.
  [[nodiscard]] std::string seen() const;
  [[nodiscard]] std::string server_name() const;

 private:
  void serve(int client);

  void* context_ = nullptr;
  mutable std::mutex mutex_;  // of what follows
  std::string seen_;
  std::string server_name_;
  std::optional<runner::test::LoopbackServer> server_;  // gone first: its thread sees all above
};

}  // namespace net_test
