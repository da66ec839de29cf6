#include "tests/net/tls_server.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace net_test {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

struct Pair {
  Key key{nullptr, EVP_PKEY_free};
  Certificate certificate{nullptr, X509_free};
};

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

/// Signed by `by`, or by itself where that is null.
Pair make_pair(const std::string& name, const Pair* by, bool authority) {
  static long serial = 1;
  Pair made;
  made.key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  made.certificate.reset(X509_new());
  X509* const certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate),
                             "CN",
                             MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()),
                             -1,
                             -1,
                             0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(by != nullptr ? by->certificate.get() : certificate));
  if (authority) {
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  } else {
    add_extension(certificate, NID_subject_alt_name, "DNS:" + name);
  }
  X509_sign(certificate, by != nullptr ? by->key.get() : made.key.get(), EVP_sha256());
  return made;
}

const Pair& authority() {
  static const Pair made = make_pair("test authority", nullptr, true);
  return made;
}

}  // namespace

void believe_test_authority() {
  static const std::string path = testing::TempDir() + "pipe-authority-" + std::to_string(getpid());
  std::FILE* const file = std::fopen(path.c_str(), "w");
  PEM_write_X509(file, authority().certificate.get());
  std::fclose(file);
  setenv("SSL_CERT_FILE", path.c_str(), 1);
  std::atexit([] { std::remove(path.c_str()); });
}

TlsServer::TlsServer(const std::string& name, Signed by) {
  const Pair pair = make_pair(name, by == Signed::ByTheAuthority ? &authority() : nullptr, false);
  SSL_CTX* const context = SSL_CTX_new(TLS_server_method());
  SSL_CTX_use_certificate(context, pair.certificate.get());
  SSL_CTX_use_PrivateKey(context, pair.key.get());
  context_ = context;
  server_.emplace(0x7f070707, 0, [this](int client) { serve(client); });
  port = server_->port();
}

TlsServer::~TlsServer() {
  server_.reset();
  SSL_CTX_free(static_cast<SSL_CTX*>(context_));
}

std::string TlsServer::seen() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::string TlsServer::server_name() const {
  const std::lock_guard lock(mutex_);
  return server_name_;
}

void TlsServer::serve(int client) {
  const timeval patience{10, 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(static_cast<SSL_CTX*>(context_)),
                                                      SSL_free);
  SSL_set_fd(ssl.get(), client);
  if (SSL_accept(ssl.get()) != 1) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    const char* const name = SSL_get_servername(ssl.get(), TLSEXT_NAMETYPE_host_name);
    server_name_ = name != nullptr ? name : "";
  }
  std::string request;
  std::array<char, 4096> buffer{};
  while (request.find("\r\n\r\n") == std::string::npos) {
    const int got = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (got <= 0) {
      return;
    }
    request.append(buffer.data(), static_cast<std::size_t>(got));
    const std::lock_guard lock(mutex_);
    seen_.append(buffer.data(), static_cast<std::size_t>(got));
  }
  SSL_write(ssl.get(), answer.data(), static_cast<int>(answer.size()));
  if (end == End::Proper) {
    SSL_shutdown(ssl.get());
    SSL_read(
        ssl.get(), buffer.data(), static_cast<int>(buffer.size()));  // until the other side ends
  }
}

}  // namespace net_test
