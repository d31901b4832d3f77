// SPDX-License-Identifier: Apache-2.0
// Which clients CLIENT KILL means. A value; read from the request, then matched on every worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "proxy/client/client_description.h"

namespace slotway::proxy {

class ClientSession;

struct ClientFilter {
  std::optional<std::uint64_t> id;
  std::optional<ClientKind> kind;
  std::optional<std::string> user;
  std::optional<std::string> address;
  std::optional<std::string> local_address;
  std::optional<std::uint64_t> age_min_s;
  bool skips_asker = true;

  bool Matches(ClientSession& session) const;
};

// From what stands behind CLIENT KILL: an address, or options and their values. The error is a
// whole error text.
tl::expected<ClientFilter, std::string> ReadClientFilter(std::span<const std::string_view> args);

}  // namespace slotway::proxy
