#include "runner/sys/certificates.h"

#include <array>
#include <memory>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <fmt/format.h>

namespace runner {
namespace {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Signed = std::unique_ptr<X509, Free>;
using Memory = std::unique_ptr<BIO, Free>;

constexpr long kBackdated = 3'600;  // seconds
constexpr long kVersion3 = 2;       // as X.509 counts

/// Both are there, or neither.
struct Pair {
  Key key;
  Signed certificate;
};

struct Extension {
  int kind;
  std::string value;
};

std::string contents(BIO* memory) {
  std::string text;
  std::array<char, 4096> part{};
  for (int got = BIO_read(memory, part.data(), part.size()); got > 0;
       got = BIO_read(memory, part.data(), part.size()))
    text.append(part.data(), static_cast<std::size_t>(got));
  return text;
}

std::string pem_of(X509* certificate) {
  const Memory memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(memory.get(), certificate);
  return contents(memory.get());
}

std::string pem_of(EVP_PKEY* key) {
  const Memory memory(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(memory.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return contents(memory.get());
}

bool set_name(X509* certificate, const std::string& name) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const void* const bytes = name.data();
  return X509_NAME_add_entry_by_txt(subject,
                                    "CN",
                                    MBSTRING_UTF8,
                                    static_cast<const unsigned char*>(bytes),
                                    static_cast<int>(name.size()),
                                    -1,
                                    0) == 1;
}

bool add_extension(X509* certificate, X509* issuer, const Extension& wanted) {
  X509V3_CTX context{};
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const std::unique_ptr<X509_EXTENSION, Free> extension(
      X509V3_EXT_conf_nid(nullptr, &context, wanted.kind, wanted.value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// Signed by `issuer`, or where that is null by itself.
Pair make_pair(const std::string& name,
               const std::vector<Extension>& extensions,
               dsl::Duration good_for,
               const Pair* issuer) {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  Signed certificate(X509_new());
  std::uint64_t serial = 0;
  void* const bytes = &serial;
  if (key == nullptr || certificate == nullptr ||
      RAND_bytes(static_cast<unsigned char*>(bytes), sizeof(serial)) != 1)
    return {};
  X509* const made = certificate.get();
  X509* const by = issuer != nullptr ? issuer->certificate.get() : made;
  bool ok = X509_set_version(made, kVersion3) == 1 &&
            ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), serial) == 1 &&
            X509_gmtime_adj(X509_getm_notBefore(made), -kBackdated) != nullptr &&
            X509_gmtime_adj(X509_getm_notAfter(made), good_for.ms / 1'000) != nullptr &&
            X509_set_pubkey(made, key.get()) == 1 && set_name(made, name) &&
            X509_set_issuer_name(made, X509_get_subject_name(by)) == 1;
  for (const Extension& extension : extensions)
    ok = ok && add_extension(made, by, extension);
  EVP_PKEY* const signer = issuer != nullptr ? issuer->key.get() : key.get();
  if (!ok || X509_sign(made, signer, EVP_sha256()) == 0)
    return {};
  return {std::move(key), std::move(certificate)};
}

Certificate as_text(const Pair& pair) {
  return {pem_of(pair.certificate.get()), pem_of(pair.key.get())};
}

dsl::Error why() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  return {fmt::format("make TLS certificates: {}", text.data()), ""};
}

}  // namespace

dsl::Result<TlsIdentities> make_tls_identities(const std::vector<std::string>& names,
                                               dsl::Duration good_for) {
  const Pair authority = make_pair("pipe",
                                   {{NID_basic_constraints, "critical,CA:TRUE"},
                                    {NID_key_usage, "critical,keyCertSign"},
                                    {NID_subject_key_identifier, "hash"}},
                                   good_for,
                                   nullptr);
  if (authority.certificate == nullptr)
    return why();
  const Extension by{NID_authority_key_identifier, "keyid"};
  const Pair server = make_pair("server",
                                {{NID_subject_alt_name, fmt::format("{}", fmt::join(names, ","))},
                                 {NID_ext_key_usage, "serverAuth"},
                                 by},
                                good_for,
                                &authority);
  const Pair client =
      make_pair("client", {{NID_ext_key_usage, "clientAuth"}, by}, good_for, &authority);
  if (server.certificate == nullptr || client.certificate == nullptr)
    return why();
  return TlsIdentities{pem_of(authority.certificate.get()), as_text(server), as_text(client)};
}

}  // namespace runner
