// SPDX-License-Identifier: Apache-2.0
#include "runtime/tls_context.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <ctime>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace slotway::runtime {
namespace {

// What a resumed session must have been made for.
constexpr std::string_view kSessionContext = "slotway";

// Why OpenSSL refused: the first of its errors, as the others only pass it on. Empties its queue.
std::string Reason() {
  const unsigned long error = ERR_peek_error();
  std::string text = ERR_SYSTEM_ERROR(error) ? std::strerror(ERR_GET_REASON(error)) : "";
  if (const char* reason = ERR_reason_error_string(error); text.empty()) {
    text = reason != nullptr ? reason : "unknown error";
  }
  ERR_clear_error();
  return text;
}

tl::unexpected<Error> FailAbout(const std::string& what) { return Fail(what + ": " + Reason()); }

int GivePassword(char* buffer, int size, int, void* user_data) {
  const auto* password = static_cast<const std::string*>(user_data);
  // Without one OpenSSL would ask the terminal.
  if (password->empty() || password->size() > static_cast<std::size_t>(size)) return -1;
  std::memcpy(buffer, password->data(), password->size());
  return static_cast<int>(password->size());
}

Result<void> LimitProtocols(SSL_CTX* context, std::uint8_t protocols) {
  struct Version {
    std::uint8_t bit;
    std::uint64_t off;
  };
  constexpr std::array kVersions = {Version{TlsSettings::kTls10, SSL_OP_NO_TLSv1},
                                    Version{TlsSettings::kTls11, SSL_OP_NO_TLSv1_1},
                                    Version{TlsSettings::kTls12, SSL_OP_NO_TLSv1_2},
                                    Version{TlsSettings::kTls13, SSL_OP_NO_TLSv1_3}};
  if (protocols == 0) return Fail("no protocol is left");
  SSL_CTX_set_options(context, SSL_OP_NO_SSLv3);
  for (const Version& version : kVersions) {
    if ((protocols & version.bit) == 0) SSL_CTX_set_options(context, version.off);
  }
  const bool is_old = (protocols & (TlsSettings::kTls10 | TlsSettings::kTls11)) != 0;
  SSL_CTX_set_min_proto_version(context, is_old ? TLS1_VERSION : TLS1_2_VERSION);
  return {};
}

Result<void> SetCiphers(SSL_CTX* context, const TlsSettings& settings) {
  const std::string ciphers =
      settings.ciphers.empty() ? TlsSettings::kDefaultCiphers : settings.ciphers;
  if (SSL_CTX_set_cipher_list(context, ciphers.c_str()) != 1) {
    return FailAbout("ciphers '" + ciphers + "'");
  }
  if (!settings.ciphersuites.empty() &&
      SSL_CTX_set_ciphersuites(context, settings.ciphersuites.c_str()) != 1) {
    return FailAbout("ciphersuites '" + settings.ciphersuites + "'");
  }
  if (settings.prefers_server_ciphers) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  return {};
}

Result<void> LoadCertificate(SSL_CTX* context, const TlsCertificate& certificate,
                             const std::string& password) {
  SSL_CTX_set_default_passwd_cb(context, GivePassword);
  SSL_CTX_set_default_passwd_cb_userdata(context, const_cast<std::string*>(&password));
  if (SSL_CTX_use_certificate_chain_file(context, certificate.certificate_file.c_str()) != 1) {
    return FailAbout("certificate " + certificate.certificate_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context, certificate.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    if (ERR_GET_REASON(ERR_peek_error()) == ERR_R_INTERRUPTED_OR_CANCELLED) {
      ERR_clear_error();
      return Fail("key " + certificate.key_file + ": has a password, and none is set");
    }
    return FailAbout("key " + certificate.key_file);
  }
  SSL_CTX_set_default_passwd_cb_userdata(context, nullptr);
  SSL_CTX_set_default_passwd_cb(context, nullptr);
  return {};
}

Result<void> LoadAuthorities(SSL_CTX* context, const TlsSettings& settings, bool is_server) {
  if (settings.ca_file.empty() && settings.ca_dir.empty()) {
    if (!is_server) SSL_CTX_set_default_verify_paths(context);
    return {};
  }
  if (!settings.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) != 1) {
      return FailAbout("CA file " + settings.ca_file);
    }
    // Clients choose their certificate by these names.
    if (is_server) {
      SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(settings.ca_file.c_str()));
    }
  }
  if (!settings.ca_dir.empty() && SSL_CTX_load_verify_dir(context, settings.ca_dir.c_str()) != 1) {
    return FailAbout("CA directory " + settings.ca_dir);
  }
  return {};
}

void SetSessions(SSL_CTX* context, const TlsSettings& settings) {
  SSL_CTX_set_session_id_context(context,
                                 reinterpret_cast<const unsigned char*>(kSessionContext.data()),
                                 static_cast<unsigned>(kSessionContext.size()));
  if (!settings.resumes_sessions) {
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    return;
  }
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_SERVER);
  SSL_CTX_sess_set_cache_size(context, static_cast<long>(settings.sessions_max));
  SSL_CTX_set_timeout(context, static_cast<long>(settings.session_timeout_s));
  SSL_CTX_set_num_tickets(context, 1);
}

int ChooseCertificate(SSL* connection, int*, void* contexts) {
  const char* name = SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* chosen = static_cast<const TlsContext*>(contexts)->FindByName(name);
  if (chosen != nullptr) SSL_set_SSL_CTX(connection, chosen);
  return SSL_TLSEXT_ERR_OK;
}

std::int64_t EndOf(SSL_CTX* context) {
  std::tm end{};
  ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &end);
  return timegm(&end);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return lower;
}

}  // namespace

void TlsContext::FreeContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

TlsContext::~TlsContext() = default;

Result<TlsContext::NativeContext> TlsContext::MakeOne(const TlsSettings& settings,
                                                   const TlsCertificate* certificate) const {
  const bool is_server = side_ == Side::kServer;
  ERR_clear_error();
  NativeContext context(SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method()));
  if (context == nullptr) return FailAbout("TLS");
  SSL_CTX* native = context.get();
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Who is idle keeps no buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_dh_auto(native, 1);
  if (auto set = LimitProtocols(native, settings.protocols); !set) {
    return tl::unexpected(set.error());
  }
  if (auto set = SetCiphers(native, settings); !set) return tl::unexpected(set.error());
  if (certificate != nullptr) {
    auto loaded = LoadCertificate(native, *certificate, settings.key_password);
    if (!loaded) return tl::unexpected(loaded.error());
  }
  if (auto loaded = LoadAuthorities(native, settings, is_server); !loaded) {
    return tl::unexpected(loaded.error());
  }
  SetSessions(native, settings);
  if (is_server && settings.client_certificates != ClientCertificates::kNo) {
    const bool is_required = settings.client_certificates == ClientCertificates::kRequired;
    SSL_CTX_set_verify(native, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
                       nullptr);
  }
  return context;
}

Result<std::unique_ptr<const TlsContext>> TlsContext::Make(const TlsSettings& settings, Side side) {
  const bool is_server = side == Side::kServer;
  if (is_server && settings.certificates.empty()) return Fail("no certificate");
  if (is_server && settings.client_certificates != ClientCertificates::kNo &&
      settings.ca_file.empty() && settings.ca_dir.empty()) {
    return Fail("certificates of clients cannot be checked without a CA file or directory");
  }
  std::unique_ptr<TlsContext> made(new TlsContext(side));
  const std::size_t count = std::max<std::size_t>(settings.certificates.size(), 1);
  for (std::size_t i = 0; i < count; ++i) {
    auto one = made->MakeOne(settings,
                             settings.certificates.empty() ? nullptr : &settings.certificates[i]);
    if (!one) return tl::unexpected(one.error());
    if (is_server) made->LearnNames(one->get());
    if (!settings.certificates.empty()) {
      made->ends_.push_back({settings.certificates[i].certificate_file, EndOf(one->get())});
    }
    made->contexts_.push_back(*std::move(one));
  }
  if (count > 1) {
    SSL_CTX_set_tlsext_servername_callback(made->Native(), ChooseCertificate);
    SSL_CTX_set_tlsext_servername_arg(made->Native(), made.get());
  }
  return made;
}

void TlsContext::LearnNames(SSL_CTX* context) {
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(
      SSL_CTX_get0_certificate(context), NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    const ASN1_IA5STRING* text = name->d.dNSName;
    names_.emplace_back(Lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                               static_cast<std::size_t>(ASN1_STRING_length(text))}),
                        context);
  }
  GENERAL_NAMES_free(names);
}

SSL_CTX* TlsContext::FindByName(std::string_view server_name) const {
  const std::string wanted = Lower(server_name);
  const std::size_t dot = std::min(wanted.find('.'), wanted.size());
  const std::string wildcard = "*" + wanted.substr(dot);
  for (const std::string& pattern : {wanted, wildcard}) {
    for (const auto& [name, context] : names_) {
      if (name == pattern) return context;
    }
  }
  return nullptr;
}

std::vector<std::string> TlsContext::FilesOf(const TlsSettings& settings) {
  std::vector<std::string> files;
  for (const TlsCertificate& certificate : settings.certificates) {
    files.push_back(certificate.certificate_file);
    files.push_back(certificate.key_file);
  }
  if (!settings.ca_file.empty()) files.push_back(settings.ca_file);
  if (!settings.ca_dir.empty()) files.push_back(settings.ca_dir);
  return files;
}

}  // namespace slotway::runtime
