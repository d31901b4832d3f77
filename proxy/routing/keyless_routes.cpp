// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/keyless_routes.h"

namespace slotway::proxy {
namespace {

constexpr KeylessRoute kRoutes[] = {
    // Said by one server as good as by any other.
    {"acl|help", Route::kAnyShard},
    {"client|help", Route::kAnyShard},
    {"cluster|help", Route::kAnyShard},
    // With the arguments of each command, and of what modules brought.
    {"command|docs", Route::kAnyShard},
    {"config|help", Route::kAnyShard},
    {"function|help", Route::kAnyShard},
    {"latency|help", Route::kAnyShard},
    {"lolwut", Route::kAnyShard},
    {"memory|help", Route::kAnyShard},
    {"module|help", Route::kAnyShard},
    {"module|list", Route::kAnyShard},
    {"object|help", Route::kAnyShard},
    {"pfselftest", Route::kAnyShard},
    {"script|help", Route::kAnyShard},
    {"slowlog|help", Route::kAnyShard},
    {"time", Route::kAnyShard},
    {"xgroup|help", Route::kAnyShard},
    {"xinfo|help", Route::kAnyShard},
    // Each shard has files of its own.
    {"bgrewriteaof", Route::kAllShards},
    {"bgsave", Route::kAllShards},
    {"lastsave", Route::kAllShards, MergeRule::kMin},
    {"save", Route::kAllShards},
    // A cluster refuses it, in its own words; one master with replicas does it.
    {"swapdb", Route::kAllShards},
};

constexpr std::string_view kClusterChange =
    "ERR The cluster's own nodes are not changed through Slotway: ask a node directly";
constexpr std::string_view kChangesTheCluster =
    "It changes one node's view of the cluster, and a client of the proxy addresses no node.";
constexpr std::string_view kModuleChange =
    "ERR Modules are not loaded or unloaded through Slotway: ask the nodes directly";
constexpr std::string_view kLoadsCode =
    "It loads code from a file of one node, and every node, replicas too, needs the same modules.";
constexpr std::string_view kReplicationOnly =
    "ERR Slotway is no replica and has none: replicate from a node directly";
constexpr std::string_view kReplicates =
    "It turns the connection into one shard's stream of writes; the proxy has no such stream.";

constexpr Refusal kRefusals[] = {
    {"cluster|addslots", kClusterChange, kChangesTheCluster},
    {"cluster|addslotsrange", kClusterChange, kChangesTheCluster},
    {"cluster|bumpepoch", kClusterChange, kChangesTheCluster},
    {"cluster|cancelslotmigrations", kClusterChange, kChangesTheCluster},
    {"cluster|delslots", kClusterChange, kChangesTheCluster},
    {"cluster|delslotsrange", kClusterChange, kChangesTheCluster},
    {"cluster|failover", kClusterChange, kChangesTheCluster},
    {"cluster|flushslots", kClusterChange, kChangesTheCluster},
    {"cluster|forget", kClusterChange, kChangesTheCluster},
    {"cluster|getslotmigrations", kClusterChange, kChangesTheCluster},
    {"cluster|meet", kClusterChange, kChangesTheCluster},
    {"cluster|migrateslots", kClusterChange, kChangesTheCluster},
    {"cluster|replicate", kClusterChange, kChangesTheCluster},
    {"cluster|reset", kClusterChange, kChangesTheCluster},
    {"cluster|saveconfig", kClusterChange, kChangesTheCluster},
    {"cluster|set-config-epoch", kClusterChange, kChangesTheCluster},
    {"cluster|setslot", kClusterChange, kChangesTheCluster},
    {"cluster|syncslots", kClusterChange, kChangesTheCluster},
    {"failover", "ERR FAILOVER not allowed in cluster mode.",
     "A cluster refuses it; which of the shards would hand over is not said."},
    {"migrate", "ERR Keys are not migrated through Slotway: ask a node directly",
     "The address it names is one that the shard has to reach, and keys would leave the cluster."},
    {"module|load", kModuleChange, kLoadsCode},
    {"module|loadex", kModuleChange, kLoadsCode},
    {"module|unload", kModuleChange, kLoadsCode},
    {"psync", kReplicationOnly, kReplicates},
    {"replconf", kReplicationOnly, kReplicates},
    {"replicaof", "ERR REPLICAOF not allowed in cluster mode.",
     "A cluster refuses it; which of the shards would follow is not said."},
    {"restore-asking", "ERR RESTORE-ASKING is for the nodes of a cluster among themselves",
     "It writes into a slot that is being imported, against the owner's knowledge."},
    {"shutdown", "ERR Shards are not shut down through Slotway: ask a node directly",
     "It would stop a shard, or all of them, for every other client; the proxy stops by a signal."},
    {"slaveof", "ERR REPLICAOF not allowed in cluster mode.",
     "A cluster refuses it; which of the shards would follow is not said."},
    {"sync", kReplicationOnly, kReplicates},
};

}  // namespace

std::span<const KeylessRoute> KeylessRoutes() { return kRoutes; }

std::span<const Refusal> Refusals() { return kRefusals; }

}  // namespace slotway::proxy
