// SPDX-License-Identifier: Apache-2.0
// The program `slotway`: reads its arguments, then runs a proxy or a tool.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "config/proxy_config.h"
#include "protocol/server_version.h"
#include "proxy/cluster_tool/cluster_tool.h"
#include "proxy/server/proxy_server.h"
#include "proxy/tools/local_cluster.h"
#include "runtime/log.h"
#include "runtime/signals.h"

// jemalloc reads this: free memory goes back to the system within a second, also while idle.
extern "C" const char* malloc_conf;
const char* malloc_conf = "background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0";

namespace {

using namespace slotway;

constexpr std::string_view kUsage =
    "Slotway: one way in to every slot of a Redis Cluster.\n"
    "\n"
    "  slotway --config FILE         run the proxy\n"
    "  slotway --check-config FILE   read the settings, say what is wrong, and exit\n"
    "  slotway local [OPTIONS]       run a whole cluster on this machine (see local --help)\n"
    "  slotway cluster COMMAND ...   form, check and reshape a cluster (see cluster --help)\n"
    "  slotway healthcheck TARGET    whether a server lives: HOST:PORT, or http://HOST:PORT/PATH\n"
    "  slotway --version\n"
    "  slotway --help\n";

int Fail(std::string_view text) {
  std::fprintf(stderr, "slotway: %.*s\n", static_cast<int>(text.size()), text.data());
  return 1;
}

runtime::LogOptions LogOptionsOf(const config::LogConfig& settings) {
  runtime::LogOptions options;
  options.level = static_cast<runtime::LogLevel>(settings.level);
  options.is_json = settings.format == config::LogFormat::kJson;
  options.file = settings.file;
  options.rotate_bytes = settings.rotate_bytes;
  options.rotate_files = settings.rotate_files;
  return options;
}

std::string Listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// What is wrong with the file is said, and everything stays as it is.
void Reload(proxy::ProxyServer& server, const std::string& file) {
  auto fresh = config::LoadProxyConfig(file);
  if (!fresh) {
    // Without the text, which may show what the file holds.
    server.NoteReloadRefused("line " + std::to_string(fresh.error().line));
    return runtime::LogError("reload refused: {}", fresh.error().Render());
  }
  auto change = server.Reload(*fresh);
  if (!change) return runtime::LogError("reload refused: {}", change.error().text);
  runtime::SetUpLog(LogOptionsOf(fresh->log));  // also opens a file anew that was moved away
  if (!change->needs_restart.empty()) {
    runtime::LogWarning("reload: needs a restart: {}", Listed(change->needs_restart));
  }
  runtime::LogInfo("reload: {}", change->applied.empty() ? std::string("nothing else changed")
                                                         : "changed: " + Listed(change->applied));
}

int RunProxy(const config::ProxyConfig& settings, const std::string& file) {
  runtime::SetUpLog(LogOptionsOf(settings.log));
  proxy::ProxyServer server(settings);
  if (auto started = server.Start(); !started) return Fail(started.error().text);
  for (const auto& address : server.Addresses()) {
    runtime::LogInfo("listening on {}", address.ToString());
  }
  {
    runtime::SignalWatcher signals(server.MainLoop(), {SIGINT, SIGTERM, SIGHUP}, [&](int signal) {
      if (signal == SIGHUP) return Reload(server, file);
      server.Stop();
    });
    server.Run();
  }
  runtime::LogInfo("bye");
  return 0;
}

// A proxy on a thread of its own, for who has something else to do on this one.
struct ProxyThread {
  std::thread thread;
  proxy::ProxyServer* server = nullptr;  // lives on the thread
};

runtime::Result<proxy::StopProxy> StartProxyThread(const config::ProxyConfig& settings) {
  runtime::SetUpLog(LogOptionsOf(settings.log));
  auto proxy = std::make_shared<ProxyThread>();  // shared: std::function copies what it holds
  std::promise<runtime::Result<void>> outcome;
  std::future<runtime::Result<void>> started = outcome.get_future();
  proxy->thread =
      std::thread([proxy = proxy.get(), settings, outcome = std::move(outcome)]() mutable {
        proxy::ProxyServer server(settings);
        proxy->server = &server;
        auto result = server.Start();
        bool is_started = result.has_value();
        outcome.set_value(std::move(result));
        if (is_started) server.Run();
      });
  if (auto result = started.get(); !result) {
    proxy->thread.join();
    return tl::unexpected(result.error());
  }
  return proxy::StopProxy([proxy] {
    proxy->server->Stop();
    proxy->thread.join();
  });
}

int RunLocal(std::span<const std::string_view> args) {
  auto options = proxy::ParseLocalOptions(args);
  if (!options) return Fail("local: " + options.error().text);
  if (options->wants_help) {
    std::printf("%s", proxy::LocalHelp().data());
    return 0;
  }
  return proxy::RunLocalCluster(*options, StartProxyThread);
}

int RunCluster(std::span<const std::string_view> args) {
  auto options = proxy::ParseToolOptions(args, [](const char* name) -> const char* {
    return std::getenv(name);
  });
  if (!options) {
    Fail("cluster: " + options.error().text);
    return 2;
  }
  if (options->action == proxy::ToolAction::kHelp) {
    std::printf("%s", proxy::ToolHelp().data());
    return 0;
  }
  return proxy::RunClusterTool(*options);
}

// A word less for containers: slotway healthcheck http://127.0.0.1:32280/readyz
int RunHealthcheck(std::span<const std::string_view> args) {
  std::vector<std::string_view> all = {"healthcheck"};
  all.insert(all.end(), args.begin(), args.end());
  return RunCluster(all);
}

struct Tool {
  std::string_view name;
  int (*run)(std::span<const std::string_view> args);
};
constexpr Tool kTools[] = {{"local", RunLocal}, {"cluster", RunCluster}, {"healthcheck", RunHealthcheck}};

int RunWithFile(const std::string& file, bool is_check) {
  auto settings = config::LoadProxyConfig(file);
  if (!settings) return Fail(settings.error().Render());
  if (!is_check) return RunProxy(*settings, file);
  std::printf("%s: fine\n", file.c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  runtime::IgnoreBrokenPipes();
  std::vector<std::string_view> args(argv + 1, argv + argc);
  if (args.size() == 1 && (args[0] == "--help" || args[0] == "-h")) {
    std::printf("%s", kUsage.data());
    return 0;
  }
  if (args.size() == 1 && args[0] == "--version") {
    std::printf("slotway %s (Redis %s)\n", protocol::kSlotwayVersion.data(),
                protocol::kRedisVersion.data());
    return 0;
  }
  for (const Tool& tool : kTools) {
    if (!args.empty() && args[0] == tool.name) return tool.run(std::span(args).subspan(1));
  }
  if (args.size() == 2 && (args[0] == "--config" || args[0] == "--check-config")) {
    return RunWithFile(std::string(args[1]), args[0] == "--check-config");
  }
  std::fprintf(stderr, "%s", kUsage.data());
  return 2;
}
