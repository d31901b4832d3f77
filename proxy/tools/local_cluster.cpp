// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_cluster.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fmt/core.h>
#include <memory>
#include <optional>
#include <unistd.h>
#include <utility>
#include <vector>

#include "proxy/tools/free_ports.h"
#include "proxy/tools/local_folder.h"
#include "proxy/tools/local_layout.h"
#include "proxy/tools/local_summary.h"
#include "proxy/tools/supervised_shard.h"
#include "runtime/event_loop.h"
#include "runtime/random.h"
#include "runtime/signals.h"

namespace slotway::proxy {
namespace {

namespace fs = std::filesystem;
using runtime::Fail;
using runtime::Result;

constexpr std::uint64_t kReadyTimeoutMs = 30000;
constexpr std::uint64_t kStopGraceMs = 5000;
constexpr std::uint32_t kProxyDrainMs = 1000;
constexpr std::size_t kPasswordLength = 24;

void Say(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void Complain(const std::string& text) {
  std::fprintf(stderr, "slotway local: %s\n", text.c_str());
}

Result<fs::path> FindShardProgram(const fs::path& asked) {
  std::error_code error;
  fs::path program = asked;
  if (program.empty()) {
    fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (error) return Fail("cannot tell where this program is: " + error.message());
    program = self.parent_path() / "slotway-shard";
  }
  program = fs::absolute(program, error);
  if (access(program.c_str(), X_OK) != 0) {
    return Fail("there is no program " + program.string() +
                ": slotway-shard belongs beside slotway, or name it with --shard-program");
  }
  return program;
}

std::string Count(std::size_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// What is settled before anything is started.
struct Plan {
  fs::path shard_program;
  std::unique_ptr<LocalFolder> folder;
  std::vector<LocalNode> nodes;
  LocalEndpoint endpoint;
};

Result<void> CheckPorts(const LocalClusterOptions& options, LocalEndpoint& endpoint) {
  endpoint.bind = options.bind;
  endpoint.port = options.port;
  endpoint.admin_port = options.admin_port;
  if (options.port == 0) {
    Result<std::uint16_t> port = FindFreePort(options.bind);
    if (!port) return tl::unexpected(port.error());
    endpoint.port = *port;
  } else if (Result<void> free = CheckPortIsFree(options.bind, options.port); !free) {
    return Fail(free.error().text + ": choose another with --port");
  }
  if (options.admin_port == 0) return {};
  if (Result<void> free = CheckPortIsFree("127.0.0.1", options.admin_port); !free) {
    return Fail(free.error().text + ": choose another with --admin-port, or 0 for none");
  }
  return {};
}

Result<std::vector<LocalNode>> MakeNodes(const LocalClusterOptions& options) {
  auto count = static_cast<std::size_t>(options.shards * (1 + options.replicas));
  runtime::Random random(runtime::SystemEntropy());
  auto ports = FindShardPorts(count, options.base_port, random);
  if (!ports) return tl::unexpected(ports.error());
  return LayOutCluster(options.shards, options.replicas, *ports, runtime::FillWithEntropy);
}

Result<std::vector<LocalNode>> ReuseNodes(const LocalClusterOptions& options,
                                          const LocalFolder& folder,
                                          std::span<const std::string> nodes_confs) {
  Result<std::vector<LocalNode>> nodes = ReadLayout(nodes_confs);
  if (!nodes) return Fail(folder.Path().string() + ": " + nodes.error().text);
  auto masters = static_cast<std::size_t>(std::count_if(
      nodes->begin(), nodes->end(), [](const LocalNode& node) { return node.master < 0; }));
  auto asked = static_cast<std::size_t>(options.shards);
  if (masters != asked || nodes->size() != asked * static_cast<std::size_t>(1 + options.replicas)) {
    return Fail(fmt::format(
        "{} holds a cluster of {} and {}: ask for the same with --shards and --replicas, or take "
        "another folder",
        folder.Path().string(), Count(masters, "master", "masters"),
        Count(nodes->size() - masters, "replica", "replicas")));
  }
  for (const LocalNode& node : *nodes) {
    if (Result<void> free = CheckPortIsFree("127.0.0.1", node.port); !free) {
      return Fail(free.error().text + ", and a shard of " + folder.Path().string() + " needs it");
    }
  }
  return nodes;
}

std::string ChoosePassword(const LocalClusterOptions& options, const LocalFolder& folder) {
  if (!options.password.empty()) return options.password;
  std::string password = folder.ReadPassword();
  return password.empty() ? MakePassword(kPasswordLength, runtime::FillWithEntropy) : password;
}

Result<void> WriteFiles(const Plan& plan, bool is_new) {
  const LocalFolder& folder = *plan.folder;
  if (Result<void> done = folder.WritePassword(plan.endpoint.password); !done) return done;
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    std::string settings =
        ShardConfText(plan.nodes[i], folder.NodeFolder(i).string(), plan.endpoint.password);
    if (Result<void> done = folder.WriteNodeFile(i, "shard.conf", settings); !done) return done;
    if (!is_new) continue;
    Result<void> done = folder.WriteNodeFile(i, "nodes.conf", NodesConfText(plan.nodes, i));
    if (!done) return done;
  }
  return {};
}

Result<Plan> MakePlan(const LocalClusterOptions& options) {
  Plan plan;
  Result<fs::path> program = FindShardProgram(options.shard_program);
  if (!program) return tl::unexpected(program.error());
  plan.shard_program = *program;
  if (Result<void> free = CheckPorts(options, plan.endpoint); !free) {
    return tl::unexpected(free.error());
  }
  Result<std::unique_ptr<LocalFolder>> folder = LocalFolder::Open(options.dir);
  if (!folder) return tl::unexpected(folder.error());
  plan.folder = std::move(*folder);
  std::vector<std::string> nodes_confs = plan.folder->ReadNodesConfs();
  Result<std::vector<LocalNode>> nodes =
      nodes_confs.empty() ? MakeNodes(options) : ReuseNodes(options, *plan.folder, nodes_confs);
  if (!nodes) return tl::unexpected(nodes.error());
  plan.nodes = std::move(*nodes);
  plan.endpoint.password = ChoosePassword(options, *plan.folder);
  if (Result<void> done = WriteFiles(plan, nodes_confs.empty()); !done) {
    return tl::unexpected(done.error());
  }
  return plan;
}

config::ProxyConfig MakeProxyConfig(const Plan& plan, std::uint32_t workers) {
  config::ProxyConfig config;
  config.listeners = {{.address = plan.endpoint.bind, .port = plan.endpoint.port}};
  for (const LocalNode& node : plan.nodes) config.backend.seeds.push_back({"127.0.0.1", node.port});
  config.backend.password = plan.endpoint.password;
  config.auth.password = plan.endpoint.password;
  config.workers = workers;
  config.admin.port = plan.endpoint.admin_port;
  config.log.level = config::LogLevel::kWarning;
  config.shutdown_drain_ms = kProxyDrainMs;
  return config;
}

class LocalCluster {
 public:
  LocalCluster(Plan plan, std::uint32_t workers, ProxyRunner run_proxy)
      : plan_(std::move(plan)),
        workers_(workers),
        run_proxy_(std::move(run_proxy)),
        signals_(loop_, {SIGINT, SIGTERM}, [this](int) { TakeSignal(); }),
        ready_timeout_(loop_) {}

  int Run();

 private:
  enum class Phase { kStarting, kServing, kStopping };

  std::string NameOf(std::size_t place) const {
    return fmt::format("shard process {} (127.0.0.1:{})", place + 1, plan_.nodes[place].port);
  }
  bool StartShards();
  void TakeReady(std::size_t place);
  void TakeDeath(std::size_t place, const std::string& why, std::uint64_t restart_ms);
  void GiveUpWaiting();
  void StartProxy();
  void TakeSignal();
  // Says why, then stops with exit code 1.
  void Abort(const std::string& why);
  void ComplainWithLog(std::size_t place, const std::string& why);
  void StopAll();

  Plan plan_;
  std::uint32_t workers_;
  ProxyRunner run_proxy_;
  runtime::EventLoop loop_;
  runtime::SignalWatcher signals_;
  std::optional<runtime::SignalWatcher> hangup_;  // not under nohup
  runtime::Timer ready_timeout_;
  std::vector<std::unique_ptr<SupervisedShard>> shards_;
  StopProxy stop_proxy_;
  Phase phase_ = Phase::kStarting;
  std::size_t ready_ = 0;
  std::size_t running_ = 0;
  int exit_code_ = 0;
};

// Whether whoever started this process wants it to outlive the terminal.
bool IsHangupIgnored() {
  struct sigaction action {};
  return sigaction(SIGHUP, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

int LocalCluster::Run() {
  if (!IsHangupIgnored())
    hangup_.emplace(loop_, std::initializer_list<int>{SIGHUP}, [this](int) { TakeSignal(); });
  if (StartShards()) {
    Say("waiting until they serve ... ");
    ready_timeout_.Start(kReadyTimeoutMs, 0, [this] { GiveUpWaiting(); });
  }
  loop_.Run();
  shards_.clear();
  return exit_code_;
}

bool LocalCluster::StartShards() {
  Say("starting " + Count(plan_.nodes.size(), "shard process", "shard processes") + " ...");
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i) {
    SupervisedShard::Spec spec{plan_.shard_program, plan_.folder->NodeFolder(i),
                               plan_.nodes[i].port, plan_.endpoint.password};
    SupervisedShard::Events events{[this, i] { TakeReady(i); },
                                   [this, i](const std::string& why, std::uint64_t restart_ms) {
                                     TakeDeath(i, why, restart_ms);
                                   }};
    shards_.push_back(std::make_unique<SupervisedShard>(loop_, std::move(spec), std::move(events)));
    if (Result<void> started = shards_.back()->Start(); !started) {
      Abort(NameOf(i) + " cannot be started: " + started.error().text);
      return false;
    }
    Say(fmt::format(" {}", i + 1));
  }
  Say(" ok\n");
  return true;
}

void LocalCluster::TakeReady(std::size_t place) {
  if (phase_ == Phase::kServing) {
    Say(fmt::format("{} serves again (pid {})\n", NameOf(place), shards_[place]->Pid()));
    return;
  }
  Say(fmt::format("{} ", ++ready_));
  if (ready_ < shards_.size()) return;
  Say("ok\n");
  ready_timeout_.Stop();
  StartProxy();
}

void LocalCluster::TakeDeath(std::size_t place, const std::string& why, std::uint64_t restart_ms) {
  if (phase_ == Phase::kStarting) {
    ComplainWithLog(place, why);
    Abort("the cluster did not start");
    return;
  }
  Say(fmt::format("{} {}; starting it again in {} ms\n", NameOf(place), why, restart_ms));
}

void LocalCluster::GiveUpWaiting() {
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    if (!shards_[i]->IsReady()) ComplainWithLog(i, "does not serve: " + shards_[i]->LastProblem());
  }
  Abort(fmt::format("not all shards served within {} s", kReadyTimeoutMs / 1000));
}

void LocalCluster::StartProxy() {
  Say(fmt::format("starting the proxy on {}:{} ... ", plan_.endpoint.bind, plan_.endpoint.port));
  Result<StopProxy> started = run_proxy_(MakeProxyConfig(plan_, workers_));
  if (!started) {
    Abort("the proxy cannot be started: " + started.error().text);
    return;
  }
  stop_proxy_ = std::move(*started);
  phase_ = Phase::kServing;
  std::vector<int> pids;
  for (const auto& shard : shards_) pids.push_back(shard->Pid());
  Say("ok\n\n" + ConnectText(plan_.endpoint) + "\n" + ShardTable(plan_.nodes, pids) +
      "\nSettings and logs: " + plan_.folder->Path().string() +
      (plan_.folder->IsTemporary() ? " (removed at the end)\n" : "\n") +
      "Ctrl-C stops everything.\n");
}

void LocalCluster::TakeSignal() {
  if (phase_ == Phase::kStopping) {
    // Asked twice: no more patience.
    for (const auto& shard : shards_) shard->Kill();
    return;
  }
  Say("\nstopping ... ");
  StopAll();
}

void LocalCluster::Abort(const std::string& why) {
  if (phase_ == Phase::kStopping) return;
  Say("failed\n");
  Complain(why);
  exit_code_ = 1;
  StopAll();
}

void LocalCluster::ComplainWithLog(std::size_t place, const std::string& why) {
  if (phase_ == Phase::kStopping) return;
  std::string text = NameOf(place) + " " + why;
  for (const std::string& line : shards_[place]->LastLines()) text += "\n    " + line;
  Say("\n");
  Complain(text);
}

void LocalCluster::StopAll() {
  phase_ = Phase::kStopping;
  ready_timeout_.Stop();
  if (stop_proxy_) std::exchange(stop_proxy_, nullptr)();
  running_ = shards_.size() + 1;
  auto one_stopped = [this] {
    if (--running_ > 0) return;
    if (exit_code_ == 0) Say("stopped\n");
    loop_.Stop();
  };
  for (const auto& shard : shards_) shard->Stop(kStopGraceMs, one_stopped);
  one_stopped();
}

}  // namespace

int RunLocalCluster(const LocalClusterOptions& options, ProxyRunner run_proxy) {
  runtime::IgnoreBrokenPipes();
  Result<Plan> plan = MakePlan(options);
  if (!plan) {
    Complain(plan.error().text);
    return 1;
  }
  Say(fmt::format("slotway local: {} with {} each, in {}\n",
                  Count(static_cast<std::size_t>(options.shards), "shard", "shards"),
                  Count(static_cast<std::size_t>(options.replicas), "replica", "replicas"),
                  plan->folder->Path().string()));
  LocalCluster cluster(std::move(*plan), options.workers, std::move(run_proxy));
  return cluster.Run();
}

}  // namespace slotway::proxy
