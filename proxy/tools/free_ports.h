// SPDX-License-Identifier: Apache-2.0
// Which TCP ports can be listened on. Any thread; an answer is true at the moment it is given.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/random.h"
#include "runtime/result.h"

namespace slotway::proxy {

// Nothing when `address`:`port` can be listened on, else what is in the way.
runtime::Result<void> CheckPortIsFree(const std::string& address, std::uint16_t port);

// Any free port of `address`.
runtime::Result<std::uint16_t> FindFreePort(const std::string& address);

// `count` ports of 127.0.0.1 in a row that are free, as are their cluster bus ports (10000 above):
// those from `base_port` on, or, with base_port 0, some at random.
runtime::Result<std::vector<std::uint16_t>> FindShardPorts(std::size_t count,
                                                           std::uint16_t base_port,
                                                           runtime::Random& random);

}  // namespace slotway::proxy
