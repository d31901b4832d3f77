// SPDX-License-Identifier: Apache-2.0
// A file of events: one JSON object per line, rotated by size.
//
// Any thread; a line is written whole and at once, so that nothing is lost when the process ends.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "runtime/result.h"

namespace spdlog {
class logger;
}

namespace slotway::runtime {

struct JsonLogOptions {
  std::string file = {};  // empty: nothing is written
  std::size_t rotate_bytes = 64u << 20;  // 0: never
  std::size_t rotate_files = 5;
};

class JsonLog {
 public:
  using Field = std::pair<std::string_view, std::string_view>;

  JsonLog();
  ~JsonLog();
  // The file from now on. An error means that the one of before is still used.
  Result<void> Open(const JsonLogOptions& options);
  bool IsOpen() const;
  // {"time":"2026-01-01T12:00:00.000+00:00", ...}, the fields in their order; those without a value
  // are left out.
  void Write(std::span<const Field> fields);

 private:
  mutable std::mutex mutex_;
  // shared: whoever writes holds the one that Open() has just replaced.
  std::shared_ptr<spdlog::logger> logger_;  // guarded by mutex_
};

}  // namespace slotway::runtime
