// SPDX-License-Identifier: Apache-2.0
// What one end of TLS connections is set up with. A plain value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slotway::runtime {

// Whether a server asks its clients for a certificate.
enum class ClientCertificates { kNo, kOptional, kRequired };

// A chain in PEM, the end's own certificate first, and the private key that goes with it.
struct TlsCertificate {
  std::string certificate_file;
  std::string key_file;
  bool operator==(const TlsCertificate&) const = default;
};

struct TlsSettings {
  // Bits of `protocols`.
  enum Protocol : std::uint8_t { kTls10 = 1, kTls11 = 2, kTls12 = 4, kTls13 = 8 };

  // The first one is for who asks for no name, or for one that none has. A client has one or none.
  std::vector<TlsCertificate> certificates;
  std::string key_password;  // of all keys that have one
  // Whom to believe. Both empty: the system's authorities.
  std::string ca_file;
  std::string ca_dir;
  ClientCertificates client_certificates = ClientCertificates::kNo;
  std::uint8_t protocols = kTls12 | kTls13;
  std::string ciphers;       // of TLS 1.2 and before, as OpenSSL lists them; empty: kDefaultCiphers
  std::string ciphersuites;  // of TLS 1.3; empty: OpenSSL's
  bool prefers_server_ciphers = false;
  bool resumes_sessions = true;
  std::uint32_t sessions_max = 20480;
  std::uint32_t session_timeout_s = 300;
  bool operator==(const TlsSettings&) const = default;

  // Forward secret and authenticated: what every client of the last ten years can do.
  static constexpr const char* kDefaultCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
};

}  // namespace slotway::runtime
