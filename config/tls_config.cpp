// SPDX-License-Identifier: Apache-2.0
#include "config/tls_config.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "config/yaml_reader.h"

namespace slotway::config {
namespace {

using runtime::ClientCertificates;
using runtime::TlsContext;
using runtime::TlsSettings;
using Verify = runtime::TlsStream::Verify;

template <typename Enum>
using Name = std::pair<std::string_view, Enum>;

constexpr std::array kClientCertificates = {
    Name<ClientCertificates>{"no", ClientCertificates::kNo},
    Name<ClientCertificates>{"optional", ClientCertificates::kOptional},
    Name<ClientCertificates>{"required", ClientCertificates::kRequired}};
constexpr std::array kClientUsers = {Name<ClientUser>{"off", ClientUser::kOff},
                                     Name<ClientUser>{"common_name", ClientUser::kCommonName}};
constexpr std::array kVerifies = {Name<Verify>{"name", Verify::kName},
                                  Name<Verify>{"authority", Verify::kAuthority},
                                  Name<Verify>{"nothing", Verify::kNothing}};

void ReadProtocols(YamlSection& section, std::uint8_t& protocols) {
  std::vector<std::string> names;
  section.ReadStrings("protocols", names);
  if (names.empty()) return;
  protocols = 0;
  for (const std::string& name : names) {
    if (name == "TLSv1.2") {
      protocols |= TlsSettings::kTls12;
    } else if (name == "TLSv1.3") {
      protocols |= TlsSettings::kTls13;
    } else {
      section.Fail("protocols", "needs TLSv1.2, TLSv1.3 or both, not '" + name + "'");
    }
  }
}

void ReadCertificate(YamlSection& section, TlsSettings& settings) {
  runtime::TlsCertificate certificate;
  section.ReadPath("certificate_file", certificate.certificate_file);
  section.ReadPath("key_file", certificate.key_file);
  if (certificate.certificate_file.empty() != certificate.key_file.empty()) {
    section.Fail(certificate.key_file.empty() ? "certificate_file" : "key_file",
                 "certificate_file and key_file need each other");
  }
  if (!certificate.certificate_file.empty()) settings.certificates.push_back(certificate);
}

// What both sides have.
void ReadTls(YamlSection& section, bool& is_enabled, TlsSettings& settings,
             std::string& key_password_file) {
  section.Read("enabled", is_enabled);
  ReadCertificate(section, settings);
  section.ReadSecret("key_password_file", settings.key_password, key_password_file);
  section.ReadPath("ca_file", settings.ca_file);
  section.ReadPath("ca_dir", settings.ca_dir);
  ReadProtocols(section, settings.protocols);
  section.Read("ciphers", settings.ciphers);
  section.Read("ciphersuites", settings.ciphersuites);
}

runtime::Result<void> Open(const TlsSettings& settings, TlsContext::Side side, OpenedTls& opened) {
  auto context = TlsContext::Make(settings, side);
  if (!context) return tl::unexpected(context.error());
  opened.context = *std::move(context);
  return {};
}

}  // namespace

void ReadListenerTls(YamlSection& section, ListenerTls& tls) {
  ReadTls(section, tls.is_enabled, tls.settings, tls.key_password_file);
  section.Each("more_certificates",
               [&](YamlSection& more) { ReadCertificate(more, tls.settings); });
  section.ReadEnum<ClientCertificates>("client_certificates", tls.settings.client_certificates,
                                       kClientCertificates);
  section.ReadEnum<ClientUser>("client_user", tls.client_user, kClientUsers);
  section.Read("prefer_server_ciphers", tls.settings.prefers_server_ciphers);
  section.ReadDuration("handshake_timeout_ms", tls.handshake_timeout_ms, TimeUnit::kMilliseconds);
}

void ReadBackendTls(YamlSection& section, BackendTls& tls) {
  ReadTls(section, tls.is_enabled, tls.settings, tls.key_password_file);
  section.ReadEnum<Verify>("verify", tls.verify, kVerifies);
  section.Read("server_name", tls.server_name);
}

runtime::Result<void> OpenTls(ListenerTls& tls) {
  if (!tls.is_enabled) {
    ListenerTls off;
    if (tls != off) return runtime::Fail("has settings, but enabled is not yes");
    return {};
  }
  if (tls.settings.certificates.empty()) {
    return runtime::Fail("needs certificate_file and key_file");
  }
  if (tls.client_user != ClientUser::kOff &&
      tls.settings.client_certificates == ClientCertificates::kNo) {
    return runtime::Fail("client_user needs client_certificates optional or required");
  }
  if (tls.handshake_timeout_ms == 0) return runtime::Fail("handshake_timeout_ms must be above 0");
  return Open(tls.settings, TlsContext::Side::kServer, tls.opened);
}

runtime::Result<void> OpenTls(BackendTls& tls) {
  if (!tls.is_enabled) {
    BackendTls off;
    if (tls != off) return runtime::Fail("has settings, but enabled is not yes");
    return {};
  }
  // Otherwise whoever has any certificate that the system believes would be the backend.
  if (tls.verify == Verify::kAuthority && tls.settings.ca_file.empty() &&
      tls.settings.ca_dir.empty()) {
    return runtime::Fail("verify: authority needs ca_file or ca_dir");
  }
  return Open(tls.settings, TlsContext::Side::kClient, tls.opened);
}

}  // namespace slotway::config
