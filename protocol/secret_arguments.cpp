// SPDX-License-Identifier: Apache-2.0
#include "protocol/secret_arguments.h"

#include <algorithm>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/command_table.h"
#include "protocol/shared_record.h"

namespace slotway::protocol {
namespace {

using Args = std::span<const std::string_view>;
using IsSecret = bool (*)(Args args, std::size_t index);

bool IsBehindName(Args, std::size_t index) { return index > 0; }
bool IsBehindSubcommand(Args, std::size_t index) { return index > 1; }

// One of the `count` words behind `keyword`.
bool IsBehind(Args args, std::size_t index, std::string_view keyword, std::size_t count) {
  for (std::size_t back = 1; back <= count && back < index; ++back) {
    if (EqualsNoCase(args[index - back], keyword)) return true;
  }
  return false;
}

bool IsLoginOfHello(Args args, std::size_t index) { return IsBehind(args, index, "auth", 2); }

bool IsLoginOfMigrate(Args args, std::size_t index) {
  return IsBehind(args, index, "auth", 1) || IsBehind(args, index, "auth2", 2);
}

// CONFIG SET name value [name value ...]
bool IsSecretSetting(Args args, std::size_t index) {
  static constexpr std::string_view kNames[] = {"masterauth", "masteruser", "requirepass",
                                                "tls-key-file-pass", "tls-client-key-file-pass"};
  if (index < 3 || index % 2 == 0) return false;
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view name) { return EqualsNoCase(args[index - 1], name); });
}

// FUNCTION LOAD [REPLACE] code
bool IsKeptByProxies(Args args, std::size_t index) { return IsRecordLibrary(args[index]); }

struct Secretive {
  std::string_view full_name;
  IsSecret is_secret;
};
constexpr Secretive kSecretive[] = {
    {"acl|deluser", IsBehindSubcommand}, {"acl|getuser", IsBehindSubcommand},
    {"acl|setuser", IsBehindSubcommand}, {"auth", IsBehindName},
    {"config|set", IsSecretSetting},     {"function|load", IsKeptByProxies},
    {"hello", IsLoginOfHello},           {"migrate", IsLoginOfMigrate},
};

}  // namespace

bool IsSecretArgument(const CommandSpec& spec, Args args, std::size_t index) {
  static const std::vector<IsSecret> by_id = [] {
    std::vector<IsSecret> all(CommandCount(), nullptr);
    for (const Secretive& row : kSecretive) {
      all[IdOf(*FindCommandByFullName(row.full_name))] = row.is_secret;
    }
    return all;
  }();
  const CommandId id = IdOf(spec);
  const IsSecret is_secret = id < by_id.size() ? by_id[id] : nullptr;  // none of a learned command
  return is_secret != nullptr && is_secret(args, index);
}

}  // namespace slotway::protocol
