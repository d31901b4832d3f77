// SPDX-License-Identifier: Apache-2.0
// What AUTH and HELLO ask for: read, and nothing done yet.
//
// Pure; views into the request.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "protocol/command_table.h"

namespace slotway::proxy {

struct LoginRequest {
  std::string_view user;
  std::string_view password;
};

struct HelloRequest {
  std::optional<std::int64_t> version;  // 2 or 3
  std::optional<std::string_view> name;
  std::optional<LoginRequest> login;
};

// Errors are whole texts.
tl::expected<HelloRequest, std::string> ReadHello(std::span<const std::string_view> args);
// `is_open`: the default user needs no password, so none can be said of it alone.
tl::expected<LoginRequest, std::string> ReadAuth(std::span<const std::string_view> args,
                                                 bool is_open);

// Whether the command may make somebody else of a client.
bool MayLogIn(protocol::CommandId command);
// The login in a request of such a command; nothing if there is none, or it would be refused
// unread.
std::optional<LoginRequest> LoginIn(protocol::CommandId command,
                                    std::span<const std::string_view> args, bool is_open);

}  // namespace slotway::proxy
