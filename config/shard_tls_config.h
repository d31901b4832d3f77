// SPDX-License-Identifier: Apache-2.0
// The part of a shard's settings that is about TLS: see shard_config.h, and shard_tls.h for what
// comes of it.
#pragma once

#include <cstdint>
#include <string>

namespace slotway::config {

enum class TlsAuthClients { kNo, kYes, kOptional };

struct ShardTlsConfig {
  int64_t tls_port = 0;          // 0: none
  bool tls_replication = false;  // the link to the master
  bool tls_cluster = false;      // the bus, and requests to other nodes
  TlsAuthClients tls_auth_clients = TlsAuthClients::kYes;
  std::string tls_cert_file;
  std::string tls_key_file;
  std::string tls_key_file_pass;
  std::string tls_client_cert_file;  // with its key: who we are to other nodes; empty: as above
  std::string tls_client_key_file;
  std::string tls_client_key_file_pass;
  std::string tls_ca_cert_file;
  std::string tls_ca_cert_dir;
  std::string tls_protocols;  // names with spaces between; empty: TLSv1.2 TLSv1.3
  std::string tls_ciphers;
  std::string tls_ciphersuites;
  bool tls_prefer_server_ciphers = false;
  bool tls_session_caching = true;
  int64_t tls_session_cache_size = 20480;
  int64_t tls_session_cache_timeout_s = 300;

  bool operator==(const ShardTlsConfig&) const = default;
};

}  // namespace slotway::config
