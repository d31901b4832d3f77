// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/client_filter.h"

#include <array>

#include "protocol/ascii.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;
using Problem = std::optional<std::string>;

std::optional<std::uint64_t> ReadPositive(std::string_view value) {
  auto number = protocol::ParseInteger(value);
  if (!number || *number <= 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

Problem ReadId(ClientFilter& filter, std::string_view value) {
  filter.id = ReadPositive(value);
  if (filter.id) return std::nullopt;
  return "ERR client-id should be greater than 0";
}

Problem ReadKind(ClientFilter& filter, std::string_view value) {
  filter.kind = ClientKindByName(value);
  if (filter.kind) return std::nullopt;
  return "ERR Unknown client type '" + std::string(value) + "'";
}

Problem ReadAddress(ClientFilter& filter, std::string_view value) {
  filter.address = value;
  return std::nullopt;
}

Problem ReadLocalAddress(ClientFilter& filter, std::string_view value) {
  filter.local_address = value;
  return std::nullopt;
}

Problem ReadUser(ClientFilter& filter, std::string_view value) {
  filter.user = value;
  return std::nullopt;
}

Problem ReadSkipme(ClientFilter& filter, std::string_view value) {
  filter.skips_asker = EqualsNoCase(value, "yes");
  if (filter.skips_asker || EqualsNoCase(value, "no")) return std::nullopt;
  return std::string(protocol::error_text::kSyntax);
}

Problem ReadAge(ClientFilter& filter, std::string_view value) {
  if (!protocol::ParseInteger(value)) return "ERR maxage is not an integer or out of range";
  filter.age_min_s = ReadPositive(value);
  if (filter.age_min_s) return std::nullopt;
  return "ERR maxage should be greater than 0";
}

struct Option {
  std::string_view name;
  Problem (*read)(ClientFilter&, std::string_view value);
};
constexpr std::array<Option, 7> kOptions = {{
    {"id", ReadId},
    {"type", ReadKind},
    {"addr", ReadAddress},
    {"laddr", ReadLocalAddress},
    {"user", ReadUser},
    {"skipme", ReadSkipme},
    {"maxage", ReadAge},
}};

}  // namespace

bool ClientFilter::Matches(ClientSession& session) const {
  const SessionState& state = session.State();
  if (id && *id != state.id) return false;
  if (kind && *kind != KindOf(session)) return false;
  if (user && *user != state.user->Name()) return false;
  if (address && *address != session.PeerAddress().ToString()) return false;
  if (local_address && *local_address != session.LocalAddress().ToString()) return false;
  std::uint64_t age_s = (session.Services().loop.NowMs() - state.connected_at_ms) / 1000;
  return !age_min_s || age_s >= *age_min_s;
}

tl::expected<ClientFilter, std::string> ReadClientFilter(std::span<const std::string_view> args) {
  ClientFilter filter;
  if (args.size() == 1) {
    filter.address = args[0];
    filter.skips_asker = false;
    return filter;
  }
  for (std::size_t i = 0; i < args.size(); i += 2) {
    Problem problem(protocol::error_text::kSyntax);
    for (const Option& option : kOptions) {
      if (!EqualsNoCase(args[i], option.name) || i + 1 >= args.size()) continue;
      problem = option.read(filter, args[i + 1]);
    }
    if (problem) return tl::unexpected(*problem);
  }
  return filter;
}

}  // namespace slotway::proxy
