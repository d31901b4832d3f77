// SPDX-License-Identifier: Apache-2.0
#include "config/shard_tls.h"

#include <cstdint>
#include <sstream>
#include <strings.h>
#include <utility>

namespace slotway::config {
namespace {

using runtime::ClientCertificates;
using runtime::TlsContext;
using runtime::TlsSettings;

// 0: one of the names is none.
std::uint8_t ProtocolsOf(const std::string& names) {
  constexpr std::pair<const char*, std::uint8_t> kNames[] = {{"TLSv1", TlsSettings::kTls10},
                                                             {"TLSv1.1", TlsSettings::kTls11},
                                                             {"TLSv1.2", TlsSettings::kTls12},
                                                             {"TLSv1.3", TlsSettings::kTls13}};
  std::uint8_t protocols = 0;
  std::istringstream words(names);
  for (std::string word; words >> word;) {
    std::uint8_t bit = 0;
    for (const auto& [name, value] : kNames) {
      if (strcasecmp(word.c_str(), name) == 0) bit = value;
    }
    if (bit == 0) return 0;
    protocols |= bit;
  }
  return protocols != 0 ? protocols : TlsSettings{}.protocols;
}

TlsSettings ServerSettings(const ShardConfig& config) {
  TlsSettings tls;
  tls.certificates = {{config.tls_cert_file, config.tls_key_file}};
  tls.key_password = config.tls_key_file_pass;
  tls.ca_file = config.tls_ca_cert_file;
  tls.ca_dir = config.tls_ca_cert_dir;
  switch (config.tls_auth_clients) {
    case TlsAuthClients::kNo:
      tls.client_certificates = ClientCertificates::kNo;
      break;
    case TlsAuthClients::kYes:
      tls.client_certificates = ClientCertificates::kRequired;
      break;
    case TlsAuthClients::kOptional:
      tls.client_certificates = ClientCertificates::kOptional;
      break;
  }
  tls.protocols = ProtocolsOf(config.tls_protocols);
  tls.ciphers = config.tls_ciphers;
  tls.ciphersuites = config.tls_ciphersuites;
  tls.prefers_server_ciphers = config.tls_prefer_server_ciphers;
  tls.resumes_sessions = config.tls_session_caching;
  tls.sessions_max = static_cast<std::uint32_t>(config.tls_session_cache_size);
  tls.session_timeout_s = static_cast<std::uint32_t>(config.tls_session_cache_timeout_s);
  return tls;
}

TlsSettings ClientSettings(const ShardConfig& config) {
  TlsSettings tls = ServerSettings(config);
  tls.client_certificates = ClientCertificates::kNo;
  if (!config.tls_client_cert_file.empty()) {
    tls.certificates = {{config.tls_client_cert_file, config.tls_client_key_file}};
    tls.key_password = config.tls_client_key_file_pass;
  }
  return tls;
}

}  // namespace

bool WantsTls(const ShardConfig& config) {
  return config.tls_port != 0 || config.tls_replication || config.tls_cluster;
}

runtime::Result<ShardTls> OpenShardTls(const ShardConfig& config) {
  ShardTls opened;
  if (!WantsTls(config)) return opened;
  // Redis's texts.
  if (config.tls_cert_file.empty()) return runtime::Fail("No tls-cert-file configured!");
  if (config.tls_key_file.empty()) return runtime::Fail("No tls-key-file configured!");
  if (ProtocolsOf(config.tls_protocols) == 0) {
    return runtime::Fail(
        "Invalid tls-protocols specified. Use a combination of 'TLSv1', 'TLSv1.1', 'TLSv1.2' and "
        "'TLSv1.3'.");
  }
  const bool needs_ca = config.tls_auth_clients != TlsAuthClients::kNo || config.tls_cluster ||
                        config.tls_replication;
  if (needs_ca && config.tls_ca_cert_file.empty() && config.tls_ca_cert_dir.empty()) {
    return runtime::Fail(
        "Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, "
        "tls-replication or tls-auth-clients are enabled!");
  }
  auto server = TlsContext::Make(ServerSettings(config), TlsContext::Side::kServer);
  if (!server) return tl::unexpected(server.error());
  auto client = TlsContext::Make(ClientSettings(config), TlsContext::Side::kClient);
  if (!client) return tl::unexpected(client.error());
  opened.server = *std::move(server);
  opened.client = *std::move(client);
  return opened;
}

int64_t PortForNodes(const ShardConfig& config, int plain_port, bool over_tls) {
  return (over_tls && config.tls_port != 0) || plain_port == 0 ? config.tls_port : plain_port;
}

int64_t BusPort(const ShardConfig& config, int plain_port) {
  constexpr int64_t kBusPortOffset = 10000;
  if (config.cluster_port != 0) return config.cluster_port;
  return PortForNodes(config, plain_port, config.tls_cluster) + kBusPortOffset;
}

std::vector<std::string> TlsFilesOf(const ShardConfig& config) {
  if (!WantsTls(config)) return {};
  std::vector<std::string> files = TlsContext::FilesOf(ServerSettings(config));
  for (std::string& file : TlsContext::FilesOf(ClientSettings(config))) {
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace slotway::config
