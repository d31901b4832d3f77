// SPDX-License-Identifier: Apache-2.0
// The file of a log: rotated when it has grown to a size, with a bound for how many are kept.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "runtime/result.h"

namespace spdlog::sinks {
class sink;
}

namespace slotway::runtime {

// `rotate_bytes` 0: it grows without end.
// shared: spdlog hands its sinks out so.
Result<std::shared_ptr<spdlog::sinks::sink>> OpenLogFile(const std::string& file,
                                                         std::size_t rotate_bytes,
                                                         std::size_t rotate_files);

}  // namespace slotway::runtime
