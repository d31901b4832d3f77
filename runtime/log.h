// SPDX-License-Identifier: Apache-2.0
// The log: one line per event, to standard error or output or a rotated file, as text or JSON.
//
// Any thread. Not for the hot path: nothing is logged per request.
#pragma once

#include <cstddef>
#include <cstdint>
#include <fmt/core.h>
#include <string>
#include <string_view>
#include <utility>

namespace slotway::runtime {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError, kOff };

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  bool is_json = false;
  std::string file;                      // empty: standard error, or output
  bool uses_standard_output = false;
  std::size_t rotate_bytes = 64u << 20;  // 0: never
  std::size_t rotate_files = 5;
};

// Until this is called, the defaults hold; it may be called again, whoever is logging meanwhile. A
// file is opened anew each time. Throws nothing: a file that cannot be opened is said on standard
// error, which is used instead.
void SetUpLog(const LogOptions& options);

bool IsLogged(LogLevel level);
void WriteLog(LogLevel level, std::string_view text);

template <class... Args>
void Log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
  if (IsLogged(level)) WriteLog(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void LogDebug(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void LogInfo(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void LogWarning(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarning, format, std::forward<Args>(args)...);
}
template <class... Args>
void LogError(fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, format, std::forward<Args>(args)...);
}

}  // namespace slotway::runtime
