// SPDX-License-Identifier: Apache-2.0
// For tests: a self-signed certificate in files of its own, which is its own authority.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string>

#include "runtime/tls_context.h"

namespace slotway::runtime {

class TlsFixture {
 public:
  explicit TlsFixture(const std::string& host = "localhost") {
    std::string folder = (std::filesystem::temp_directory_path() / "slotway-tls-XXXXXX").string();
    folder_ = mkdtemp(folder.data());
    certificate_ = {folder_ + "/own.crt", folder_ + "/own.key"};
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* made = X509_new();
    X509_set_version(made, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
    X509_gmtime_adj(X509_getm_notBefore(made), -3600);
    X509_gmtime_adj(X509_getm_notAfter(made), 3600);
    X509_set_pubkey(made, key);
    X509_NAME* name = X509_get_subject_name(made);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_EXTENSION* names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str());
    X509_add_ext(made, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(made, key, EVP_sha256());
    Write(certificate_.certificate_file, [&](std::FILE* file) { PEM_write_X509(file, made); });
    Write(certificate_.key_file, [&](std::FILE* file) {
      PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
    });
    X509_free(made);
    EVP_PKEY_free(key);
  }
  ~TlsFixture() { std::filesystem::remove_all(folder_); }
  TlsFixture(const TlsFixture&) = delete;
  TlsFixture& operator=(const TlsFixture&) = delete;

  const TlsCertificate& Certificate() const { return certificate_; }
  TlsSettings ServerSettings() const {
    TlsSettings settings;
    settings.certificates = {certificate_};
    return settings;
  }
  // Believes this certificate.
  TlsSettings ClientSettings() const {
    TlsSettings settings;
    settings.ca_file = certificate_.certificate_file;
    return settings;
  }
  static std::unique_ptr<const TlsContext> Open(const TlsSettings& settings,
                                                TlsContext::Side side) {
    auto context = TlsContext::Make(settings, side);
    if (!context) std::fprintf(stderr, "%s\n", context.error().text.c_str());
    return context ? *std::move(context) : nullptr;
  }

 private:
  template <class Put>
  static void Write(const std::string& path, const Put& put) {
    std::FILE* file = std::fopen(path.c_str(), "w");
    put(file);
    std::fclose(file);
  }

  std::string folder_;
  TlsCertificate certificate_;
};

}  // namespace slotway::runtime
