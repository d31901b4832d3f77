// SPDX-License-Identifier: Apache-2.0
// The `tls:` block of the proxy's settings, for a listener and for what stands behind the proxy.
//
// Values; what the files hold is read by OpenTls(), into a context that all copies share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/result.h"
#include "runtime/tls_context.h"
#include "runtime/tls_settings.h"
#include "runtime/tls_stream.h"

namespace slotway::config {

class YamlSection;

// Made of the settings beside it; none of them itself.
struct OpenedTls {
  std::shared_ptr<const runtime::TlsContext> context;  // shared: by every connection
  bool operator==(const OpenedTls&) const { return true; }
};

// Whether a client is logged in as the user that its certificate names.
enum class ClientUser { kOff, kCommonName };

struct ListenerTls {
  bool is_enabled = false;
  runtime::TlsSettings settings;
  std::string key_password_file;
  ClientUser client_user = ClientUser::kOff;
  uint32_t handshake_timeout_ms = 10000;
  OpenedTls opened;
  bool operator==(const ListenerTls&) const = default;
};

struct BackendTls {
  bool is_enabled = false;
  runtime::TlsSettings settings;
  std::string key_password_file;
  runtime::TlsStream::Verify verify = runtime::TlsStream::Verify::kAuthority;
  std::string server_name;  // empty: the node's address is what kName verifies
  OpenedTls opened;
  bool operator==(const BackendTls&) const = default;
};

void ReadListenerTls(YamlSection& section, ListenerTls& tls);
void ReadBackendTls(YamlSection& section, BackendTls& tls);
// Reads the files, if TLS is on; an error leaves `tls` as it was. What no single value can show is
// an error here, too.
runtime::Result<void> OpenTls(ListenerTls& tls);
runtime::Result<void> OpenTls(BackendTls& tls);

}  // namespace slotway::config
