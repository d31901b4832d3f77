// SPDX-License-Identifier: Apache-2.0
// slotway-shard: one Redis-compatible server process.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>
#include <vector>

#include "config/path_in_dir.h"
#include "config/shard_settings.h"
#include "protocol/server_version.h"
#include "runtime/event_loop.h"
#include "runtime/log.h"
#include "runtime/signals.h"
#include "storage/server/shard_server.h"

// jemalloc reads this: free memory goes back to the system within a second, also while idle.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

namespace {

constexpr std::string_view kUsage =
    "Usage: slotway-shard [FILE | -] [--directive value ...]\n"
    "\n"
    "FILE is YAML (.yaml, .yml) or redis.conf syntax; '-' reads redis.conf syntax from standard\n"
    "input. Directives have Redis's names and win over the file: slotway-shard --port 7000\n";

slotway::runtime::LogOptions LogOptionsOf(const slotway::config::ShardConfig& config) {
  using slotway::config::ShardLogLevel;
  using slotway::runtime::LogLevel;
  slotway::runtime::LogOptions options;
  options.file = slotway::config::PathInDir(config, config.logfile);
  options.uses_standard_output = true;
  bool is_verbose =
      config.loglevel == ShardLogLevel::kDebug || config.loglevel == ShardLogLevel::kVerbose;
  options.level = is_verbose ? LogLevel::kDebug
                             : (config.loglevel == ShardLogLevel::kWarning ? LogLevel::kWarning
                                                                           : LogLevel::kInfo);
  return options;
}

// Exists while the shard runs; one that cannot be written is no reason not to run.
class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    std::ofstream file(path_);
    if (!(file << getpid() << '\n' << std::flush)) {
      slotway::runtime::LogWarning("pidfile {}: {}", path_, std::strerror(errno));
      path_.clear();
    }
  }
  ~PidFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;

 private:
  std::string path_;
};

int RunShard(slotway::config::ShardSettings settings) {
  slotway::runtime::SetUpLog(LogOptionsOf(settings.values()));
  const std::string pid_path = slotway::config::PathInDir(settings.values(), settings.values().pidfile);
  slotway::runtime::IgnoreBrokenPipes();
  slotway::runtime::EventLoop loop;
  {
    slotway::storage::ShardServer server(loop, std::move(settings));
    std::optional<PidFile> pid_file;
    server.OnListening([&] { pid_file.emplace(pid_path); });
    if (auto started = server.Start(); !started) {
      slotway::runtime::LogError("cannot start: {}", started.error().text);
      return 1;
    }
    slotway::runtime::SignalWatcher signals(loop, {SIGINT, SIGTERM}, [&server](int signal) {
      slotway::runtime::LogInfo("signal {}", signal);
      server.ShutDownBySignal(signal);
    });
    loop.Run();
    if (server.HasFailed()) return 1;
  }
  slotway::runtime::LogInfo("stopped");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> args(argv + 1, argv + argc);
  if (args.size() == 1 && (args[0] == "--help" || args[0] == "-h")) {
    std::fwrite(kUsage.data(), 1, kUsage.size(), stdout);
    return 0;
  }
  if (args.size() == 1 && (args[0] == "--version" || args[0] == "-v")) {
    std::printf("slotway-shard %s (Redis %s)\n", slotway::protocol::kSlotwayVersion.data(),
                slotway::protocol::kRedisVersion.data());
    return 0;
  }
  auto settings = slotway::config::ShardSettings::FromCommandLine(args);
  if (!settings) {
    std::fprintf(stderr, "slotway-shard: %s\n", settings.error().Render().c_str());
    return 1;
  }
  return RunShard(std::move(*settings));
}
