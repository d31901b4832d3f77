// SPDX-License-Identifier: Apache-2.0
// Comparing secrets without telling by the time how much of them was right.
#pragma once

#include <string_view>

namespace slotway::runtime {

// Takes a time that depends on the length of `given` only.
bool SecretsEqual(std::string_view expected, std::string_view given);

}  // namespace slotway::runtime
