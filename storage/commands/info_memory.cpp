// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/info_memory.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "runtime/allocator.h"
#include "runtime/allocator_name.h"
#include "runtime/process_stats.h"
#include "storage/commands/replication_host.h"
#include "storage/commands/script_host.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {
namespace {

void AddScriptMemory(InfoText& text, const ServerState& server) {
  const ScriptFacts facts = server.scripts != nullptr ? server.scripts->Facts() : ScriptFacts{};
  text.FieldWithHuman("used_memory_lua", facts.eval_vm_bytes);
  text.Field("used_memory_vm_eval", facts.eval_vm_bytes);
  text.Field("used_memory_scripts_eval", facts.script_bytes);
  text.Field("number_of_cached_scripts", facts.scripts);
  text.Field("number_of_functions", facts.functions);
  text.Field("number_of_libraries", facts.libraries);
  text.Field("used_memory_vm_functions", facts.function_vm_bytes);
  text.FieldWithHuman("used_memory_vm_total", facts.eval_vm_bytes + facts.function_vm_bytes);
  text.Field("used_memory_functions", facts.function_bytes);
  text.FieldWithHuman("used_memory_scripts", facts.script_bytes + facts.function_bytes);
}

std::string PolicyName(const ServerState& server) {
  auto found = server.settings.Get("maxmemory-policy",
                                   [](std::string_view a, std::string_view b) { return a == b; });
  return found.empty() ? std::string() : found.front().second;
}

// "name_ratio" and "name_bytes": how much more `held` is than `used`.
void AddRatio(InfoText& text, const std::string& name, std::uint64_t held, std::uint64_t used) {
  text.Decimal(name + "_ratio",
               used > 0 ? static_cast<double>(held) / static_cast<double>(used) : 0);
  text.Field(name + "_bytes", static_cast<std::int64_t>(held) - static_cast<std::int64_t>(used));
}

}  // namespace

StreamMemory StreamMemoryOf(const ServerState& server) {
  const auto log_bytes = static_cast<std::size_t>(server.replication.log_bytes);
  if (server.replication.replicas.empty()) return {.backlog_bytes = log_bytes};
  const std::size_t kept =
      std::min(log_bytes, static_cast<std::size_t>(server.Config().repl_backlog_size));
  return {.backlog_bytes = kept,
          .replica_bytes = log_bytes - kept + server.replication_host->UnsentBytes()};
}

void AddMemoryInfo(InfoText& text, ServerState& server) {
  std::size_t used = server.UsedMemoryBytes();
  std::size_t resident = runtime::ReadProcessStats().resident_bytes;
  std::size_t data = server.DataBytes();
  server.peak_memory_bytes = std::max(server.peak_memory_bytes, used);
  text.Section("Memory");
  text.FieldWithHuman("used_memory", used);
  text.FieldWithHuman("used_memory_rss", resident);
  text.FieldWithHuman("used_memory_peak", server.peak_memory_bytes);
  text.Percent("used_memory_peak_perc", used, server.peak_memory_bytes);
  text.Field("used_memory_overhead", used - std::min(used, data));
  text.Field("used_memory_startup", server.startup_memory_bytes);
  text.Field("used_memory_dataset", data);
  text.Percent("used_memory_dataset_perc", data, used);
  const runtime::AllocatorStats allocator = runtime::ReadAllocatorStats();
  text.Field("allocator_allocated", allocator.allocated_bytes);
  text.Field("allocator_active", allocator.active_bytes);
  text.Field("allocator_resident", allocator.resident_bytes);
  text.FieldWithHuman("total_system_memory", runtime::SystemMemoryBytes());
  AddScriptMemory(text, server);
  text.FieldWithHuman("maxmemory", server.Config().maxmemory_bytes);
  text.Field("maxmemory_policy", PolicyName(server));
  AddRatio(text, "allocator_frag", allocator.active_bytes, allocator.allocated_bytes);
  AddRatio(text, "allocator_rss", allocator.resident_bytes, allocator.active_bytes);
  AddRatio(text, "rss_overhead", resident, allocator.resident_bytes);
  AddRatio(text, "mem_fragmentation", resident, used);
  text.Field("mem_not_counted_for_evict", used - std::min(used, server.CountedMemoryBytes()));
  const StreamMemory stream = StreamMemoryOf(server);
  text.Field("mem_replication_backlog", stream.backlog_bytes);
  text.Field("mem_total_replication_buffers", stream.backlog_bytes + stream.replica_bytes);
  text.Field("mem_clients_slaves", stream.replica_bytes);
  text.Field("mem_clients_normal", server.client_memory.TotalBytes());
  text.Field("mem_cluster_links", server.cluster.link_bytes ? server.cluster.link_bytes() : 0);
  text.Field("mem_aof_buffer", server.persistence.log.buffered_bytes);
  text.Field("mem_allocator", runtime::AllocatorName());
  text.Field("active_defrag_running", 0);
  std::size_t pending_frees = server.incoming.PendingFrees();
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    const Keyspace* database = server.DatabaseIfUsed(i);
    if (database != nullptr) pending_frees += database->PendingFrees();
  }
  text.Field("lazyfree_pending_objects", pending_frees);
  text.Field("lazyfreed_objects", server.stats.lazyfreed_objects);
}

}  // namespace slotway::storage
