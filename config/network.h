// SPDX-License-Identifier: Apache-2.0
// Networks of addresses as settings name them: 10.1.0.0/16, fd00::/8, or one address. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slotway::config {

bool IsNetwork(std::string_view text);
// Whether the address is in the network. False if either is none. An IPv4 address that is written as
// an IPv6 one ("::ffff:10.1.2.3") counts as what it is.
bool NetworkHolds(std::string_view network, std::string_view host);
// Whether a client of that address may come: it is in no network of `denied`, and in one of `allowed`
// if there are any.
bool IsWelcome(const std::vector<std::string>& allowed, const std::vector<std::string>& denied,
               std::string_view host);

}  // namespace slotway::config
