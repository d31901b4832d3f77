// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.h"

#include <atomic>
#include <cstdio>
#include <memory>
#include <mutex>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "runtime/json_text.h"
#include "runtime/log_file.h"

namespace slotway::runtime {
namespace {

std::atomic<LogLevel> level_now{LogLevel::kInfo};
std::atomic<bool> is_json_now{false};

spdlog::level::level_enum NativeLevel(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      break;
  }
  return spdlog::level::off;
}

spdlog::sink_ptr OpenSink(const LogOptions& options) {
  if (!options.file.empty()) {
    auto file = OpenLogFile(options.file, options.rotate_bytes, options.rotate_files);
    if (file) return *std::move(file);
    std::fprintf(stderr, "log file %s: %s; logging to standard error\n", options.file.c_str(),
                 file.error().text.c_str());
  }
  if (options.file.empty() && options.uses_standard_output) {
    return std::make_shared<spdlog::sinks::stdout_sink_mt>();
  }
  return std::make_shared<spdlog::sinks::stderr_sink_mt>();
}

constexpr const char* kTextPattern = "%Y-%m-%d %H:%M:%S.%e %l %v";
constexpr const char* kJsonPattern = R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","text":%v})";

// shared: spdlog hands its loggers out so.
std::shared_ptr<spdlog::logger> MakeLogger(const LogOptions& options) {
  auto logger = std::make_shared<spdlog::logger>("slotway", OpenSink(options));
  logger->set_level(spdlog::level::trace);
  logger->set_pattern(options.is_json ? kJsonPattern : kTextPattern);
  logger->flush_on(spdlog::level::info);
  return logger;
}

struct LoggerInUse {
  std::mutex mutex;
  // shared: callers of a running WriteLog() hold the one that SetUpLog() has just replaced.
  std::shared_ptr<spdlog::logger> logger = MakeLogger({});  // guarded by mutex
};

LoggerInUse& InUse() {
  static LoggerInUse in_use;
  return in_use;
}

// shared: as above.
std::shared_ptr<spdlog::logger> TheLogger() {
  std::lock_guard lock(InUse().mutex);
  return InUse().logger;
}

}  // namespace

void SetUpLog(const LogOptions& options) {
  level_now = options.level;
  is_json_now = options.is_json;
  auto logger = MakeLogger(options);
  std::lock_guard lock(InUse().mutex);
  InUse().logger.swap(logger);
}

bool IsLogged(LogLevel level) { return level >= level_now.load(std::memory_order_relaxed); }

void WriteLog(LogLevel level, std::string_view text) {
  if (is_json_now.load(std::memory_order_relaxed)) {
    std::string quoted;
    AppendJson(quoted, text);
    TheLogger()->log(NativeLevel(level), quoted);
  } else {
    TheLogger()->log(NativeLevel(level), text);
  }
}

}  // namespace slotway::runtime
