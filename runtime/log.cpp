// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.h"

#include <atomic>
#include <cstdio>
#include <limits>
#include <memory>
#include <mutex>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

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
    try {
      std::size_t bytes =
          options.rotate_bytes > 0 ? options.rotate_bytes : std::numeric_limits<std::size_t>::max();
      return std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, bytes,
                                                                    options.rotate_files);
    } catch (const spdlog::spdlog_ex& error) {
      std::fprintf(stderr, "log file %s: %s; logging to standard error\n", options.file.c_str(),
                   error.what());
    }
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

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
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
    TheLogger()->log(NativeLevel(level), Quote(text));
  } else {
    TheLogger()->log(NativeLevel(level), text);
  }
}

}  // namespace slotway::runtime
