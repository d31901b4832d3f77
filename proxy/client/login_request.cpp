// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/login_request.h"

#include "protocol/acl_users.h"
#include "protocol/ascii.h"
#include "protocol/command_table.h"
#include "protocol/error_text.h"
#include "proxy/client/client_name.h"

namespace slotway::proxy {
namespace {

using protocol::EqualsNoCase;
using Args = std::span<const std::string_view>;

constexpr std::string_view kNoPasswordConfigured =
    "ERR AUTH <password> called without any password configured for the default user. Are you "
    "sure your configuration is correct?";

protocol::CommandId IdOfAuth() {
  static const protocol::CommandId id = protocol::IdOf(*protocol::FindCommandByFullName("auth"));
  return id;
}

protocol::CommandId IdOfHello() {
  static const protocol::CommandId id = protocol::IdOf(*protocol::FindCommandByFullName("hello"));
  return id;
}

tl::unexpected<std::string> Error(std::string_view text) {
  return tl::unexpected(std::string(text));
}

}  // namespace

tl::expected<HelloRequest, std::string> ReadHello(Args args) {
  HelloRequest request;
  if (args.size() > 1) {
    const auto asked = protocol::ParseInteger(args[1]);
    if (!asked) return Error("ERR Protocol version is not an integer or out of range");
    if (*asked < 2 || *asked > 3) return Error(protocol::error_text::kNoProto);
    request.version = *asked;
  }
  for (std::size_t i = 2; i < args.size(); ++i) {
    const std::size_t more = args.size() - i - 1;
    if (EqualsNoCase(args[i], "auth") && more >= 2) {
      request.login = {args[i + 1], args[i + 2]};
      i += 2;
    } else if (EqualsNoCase(args[i], "setname") && more >= 1) {
      request.name = args[++i];
      if (!IsValidClientName(*request.name)) return Error(kInvalidClientName);
    } else {
      return Error("ERR Syntax error in HELLO option '" + std::string(args[i]) + "'");
    }
  }
  return request;
}

tl::expected<LoginRequest, std::string> ReadAuth(Args args, bool is_open) {
  if (args.size() > 3) return Error(protocol::error_text::kSyntax);
  if (args.size() == 3) return LoginRequest{args[1], args[2]};
  if (is_open) return Error(kNoPasswordConfigured);
  return LoginRequest{protocol::kDefaultUser, args.back()};
}

bool MayLogIn(protocol::CommandId command) {
  return command == IdOfAuth() || command == IdOfHello();
}

std::optional<LoginRequest> LoginIn(protocol::CommandId command, Args args, bool is_open) {
  if (command == IdOfHello()) {
    const auto hello = ReadHello(args);
    return hello ? hello->login : std::nullopt;
  }
  const auto login = ReadAuth(args, is_open);
  return login ? std::optional(*login) : std::nullopt;
}

}  // namespace slotway::proxy
