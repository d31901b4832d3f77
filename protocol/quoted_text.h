// SPDX-License-Identifier: Apache-2.0
// Bytes as text between double quotes, as MONITOR and redis-cli show them.
#pragma once

#include <string>
#include <string_view>

namespace slotway::protocol {

// Appends `bytes` in double quotes: \" \\ \n \r \t \a \b, and \xHH for what cannot be printed.
void AppendQuoted(std::string_view bytes, std::string& out);

}  // namespace slotway::protocol
