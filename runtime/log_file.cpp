// SPDX-License-Identifier: Apache-2.0
#include "runtime/log_file.h"

#include <limits>
#include <spdlog/sinks/rotating_file_sink.h>

namespace slotway::runtime {

// shared: see the header.
Result<std::shared_ptr<spdlog::sinks::sink>> OpenLogFile(const std::string& file,
                                                         std::size_t rotate_bytes,
                                                         std::size_t rotate_files) {
  const std::size_t bytes =
      rotate_bytes > 0 ? rotate_bytes : std::numeric_limits<std::size_t>::max();
  try {
    return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(file, bytes, rotate_files);
  } catch (const spdlog::spdlog_ex& error) {
    return Fail(error.what());
  }
}

}  // namespace slotway::runtime
