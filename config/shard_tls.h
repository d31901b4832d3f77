// SPDX-License-Identifier: Apache-2.0
// What a shard's tls- settings come to: a context for who connects, one for whom it connects to.
//
// Made anew when a setting or a file changes; whoever is connected goes on with the one before.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/shard_config.h"
#include "runtime/result.h"
#include "runtime/tls_context.h"
#include "runtime/tls_stream.h"

namespace slotway::config {

struct ShardTls {
  // nullptr: TLS is off.
  std::shared_ptr<const runtime::TlsContext> server;  // shared: by handshakes that are under way
  std::shared_ptr<const runtime::TlsContext> client;  // shared: as that one

  // For a connection to another node; nullptr unless `is_wanted`. Nodes are told from strangers by
  // their authority, not by names: they know each other by addresses that change.
  std::unique_ptr<runtime::TlsStream> ToNode(bool is_wanted) const {
    if (!is_wanted || client == nullptr) return nullptr;
    return runtime::TlsStream::ForClient(*client, "", runtime::TlsStream::Verify::kAuthority);
  }
};

// Whether anything needs it.
bool WantsTls(const ShardConfig& config);
// Reads the files. Without `WantsTls()`: no contexts.
runtime::Result<ShardTls> OpenShardTls(const ShardConfig& config);
// What those files are; none while TLS is off.
std::vector<std::string> TlsFilesOf(const ShardConfig& config);
// Where other servers find this one, which listens at `plain_port` without TLS (0: nowhere).
int64_t PortForNodes(const ShardConfig& config, int plain_port, bool over_tls);
// Of the cluster bus.
int64_t BusPort(const ShardConfig& config, int plain_port);

}  // namespace slotway::config
