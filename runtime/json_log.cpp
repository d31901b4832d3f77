// SPDX-License-Identifier: Apache-2.0
#include "runtime/json_log.h"

#include <spdlog/spdlog.h>

#include "runtime/json_text.h"
#include "runtime/log_file.h"

namespace slotway::runtime {

JsonLog::JsonLog() = default;
JsonLog::~JsonLog() = default;

Result<void> JsonLog::Open(const JsonLogOptions& options) {
  std::shared_ptr<spdlog::logger> logger;  // shared: spdlog hands its loggers out so
  if (!options.file.empty()) {
    auto file = OpenLogFile(options.file, options.rotate_bytes, options.rotate_files);
    if (!file) return tl::unexpected(file.error());
    logger = std::make_shared<spdlog::logger>("events", *std::move(file));
    logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z"%v})");
    logger->flush_on(spdlog::level::info);
  }
  const std::lock_guard lock(mutex_);
  logger_.swap(logger);
  return {};
}

bool JsonLog::IsOpen() const {
  const std::lock_guard lock(mutex_);
  return logger_ != nullptr;
}

void JsonLog::Write(std::span<const Field> fields) {
  std::shared_ptr<spdlog::logger> logger;  // shared: see logger_
  {
    const std::lock_guard lock(mutex_);
    logger = logger_;
  }
  if (logger == nullptr) return;
  std::string text;
  for (const auto& [name, value] : fields) {
    if (value.empty()) continue;
    text += ',';
    AppendJson(text, name);
    text += ':';
    AppendJson(text, value);
  }
  logger->info("{}", text);
}

}  // namespace slotway::runtime
