// SPDX-License-Identifier: Apache-2.0
// The arguments at the beginning of a request, when the rest of it is not at hand. Any thread.
#pragma once

#include <string_view>
#include <vector>

namespace slotway::protocol {

// `bytes` is a request in RESP, as WriteRequest() writes it, or its beginning. The last argument may
// be cut; those that have not begun are missing. Empty if it is no request.
std::vector<std::string_view> RequestPrefix(std::string_view bytes);

}  // namespace slotway::protocol
