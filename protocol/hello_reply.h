// SPDX-License-Identifier: Apache-2.0
// What a server says of itself in its reply to HELLO.
//
// Source: the HELLO page of the Redis documentation. Pure; bytes from outside are not trusted.
#pragma once

#include <string_view>

#include "protocol/resp_writer.h"

namespace slotway::protocol {

// How the server that sent this reply prints doubles: Redis before 7.2 with 17 digits, later ones,
// and those that do not tell, as short as they can be.
DoubleStyle DoubleStyleOf(std::string_view hello_reply);

}  // namespace slotway::protocol
