// SPDX-License-Identifier: Apache-2.0
// Where the memory is: MEMORY. What cannot be told is left out, as in INFO.
#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/allocator.h"
#include "runtime/process_stats.h"
#include "storage/commands/argument_reader.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/help_text.h"
#include "storage/commands/info_memory.h"
#include "storage/commands/info_text.h"

namespace slotway::storage {
namespace {

void MemoryUsageCommand(CommandContext& ctx) {
  ArgumentReader reader(ctx, 3);
  while (reader.HasMore()) {
    // Sizes are kept exactly: nothing has to be sampled.
    if (reader.TakeWord("samples", 1)) {
      if (reader.TakeInteger() < 0) reader.FailSyntax();
    } else {
      reader.FailSyntax();
    }
  }
  if (!reader.Finish()) return;
  if (const Entry entry = ctx.Peek(ctx.Key(2))) {
    ctx.reply.Integer(static_cast<std::int64_t>(ctx.db.BytesOfEntry(entry)));
  } else {
    ctx.reply.Null();
  }
}

struct MemoryFacts {
  std::uint64_t used;
  std::uint64_t peak;
  std::uint64_t dataset;                                         // records and objects
  std::array<std::uint64_t, kValueTypeCount> dataset_of_type{};  // of keys that are there
  std::uint64_t keys = 0;
  std::uint64_t resident;
  runtime::AllocatorStats allocator;

  double Fragmentation() const { return Ratio(resident, used); }
  std::int64_t FragmentationBytes() const {
    return static_cast<std::int64_t>(resident) - static_cast<std::int64_t>(used);
  }
  static double Ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

MemoryFacts ReadFacts(ServerState& server) {
  MemoryFacts facts{.used = server.UsedMemoryBytes(),
                    .peak = 0,
                    .dataset = 0,
                    .resident = runtime::ReadProcessStats().resident_bytes,
                    .allocator = runtime::ReadAllocatorStats()};
  server.peak_memory_bytes = std::max<std::size_t>(server.peak_memory_bytes, facts.used);
  facts.peak = server.peak_memory_bytes;
  for (int i = 0; i < server.DatabaseCount(); ++i) {
    const Keyspace* database = server.DatabaseIfUsed(i);
    if (database == nullptr) continue;
    const KeyspaceMemory memory = database->Memory();
    facts.dataset += memory.record_bytes + memory.object_bytes;
    facts.keys += database->Size();
    for (std::size_t type = 0; type < facts.dataset_of_type.size(); ++type) {
      facts.dataset_of_type[type] += database->BytesOfType(static_cast<ValueType>(type));
    }
  }
  return facts;
}

// Collects a map first: its length comes before it.
class MemoryMap {
 public:
  void Number(std::string_view name, std::uint64_t value) {
    Add(name,
        [value](CommandContext& ctx) { ctx.reply.Integer(static_cast<std::int64_t>(value)); });
  }
  void Signed(std::string_view name, std::int64_t value) {
    Add(name, [value](CommandContext& ctx) { ctx.reply.Integer(value); });
  }
  void Double(std::string_view name, double value) {
    Add(name, [value](CommandContext& ctx) { ctx.reply.Double(value); });
  }
  void Database(int index, const KeyspaceMemory& memory) {
    Add("db." + std::to_string(index), [memory](CommandContext& ctx) {
      ctx.reply.Map(2);
      ctx.reply.Bulk("overhead.hashtable.main");
      ctx.reply.Integer(static_cast<std::int64_t>(memory.index_bytes));
      ctx.reply.Bulk("overhead.hashtable.expires");
      ctx.reply.Integer(static_cast<std::int64_t>(memory.expiry_bytes));
    });
  }
  void Reply(CommandContext& ctx) const {
    ctx.reply.Map(fields_.size());
    for (const auto& [name, write] : fields_) {
      ctx.reply.Bulk(name);
      write(ctx);
    }
  }

 private:
  using Write = std::function<void(CommandContext&)>;
  void Add(std::string_view name, Write write) { fields_.emplace_back(name, std::move(write)); }

  std::vector<std::pair<std::string, Write>> fields_;
};

void MemoryStatsCommand(CommandContext& ctx) {
  const MemoryFacts facts = ReadFacts(ctx.server);
  const runtime::AllocatorStats& allocator = facts.allocator;
  MemoryMap map;
  map.Number("peak.allocated", facts.peak);
  map.Number("total.allocated", facts.used);
  map.Number("startup.allocated", ctx.server.startup_memory_bytes);
  const StreamMemory stream = StreamMemoryOf(ctx.server);
  map.Number("replication.backlog", stream.backlog_bytes);
  map.Number("clients.slaves", stream.replica_bytes);
  map.Number("clients.normal", ctx.server.client_memory.TotalBytes());
  map.Number("aof.buffer", 0);
  for (int i = 0; i < ctx.server.DatabaseCount(); ++i) {
    const Keyspace* database = ctx.server.DatabaseIfUsed(i);
    if (database != nullptr && database->Size() > 0) map.Database(i, database->Memory());
  }
  map.Number("overhead.total", facts.used - std::min(facts.used, facts.dataset));
  map.Number("keys.count", facts.keys);
  map.Number("keys.bytes-per-key", facts.keys == 0 ? 0 : facts.dataset / facts.keys);
  map.Number("dataset.bytes", facts.dataset);
  for (std::size_t i = 0; i < facts.dataset_of_type.size(); ++i) {
    if (facts.dataset_of_type[i] == 0) continue;
    map.Number("dataset.bytes." + std::string(ValueTypeName(static_cast<ValueType>(i))),
               facts.dataset_of_type[i]);
  }
  map.Double("dataset.percentage", 100 * MemoryFacts::Ratio(facts.dataset, facts.used));
  map.Double("peak.percentage", 100 * MemoryFacts::Ratio(facts.used, facts.peak));
  map.Number("allocator.allocated", allocator.allocated_bytes);
  map.Number("allocator.active", allocator.active_bytes);
  map.Number("allocator.resident", allocator.resident_bytes);
  map.Double("allocator-fragmentation.ratio",
             MemoryFacts::Ratio(allocator.active_bytes, allocator.allocated_bytes));
  map.Signed("allocator-fragmentation.bytes",
             static_cast<std::int64_t>(allocator.active_bytes - allocator.allocated_bytes));
  map.Double("allocator-rss.ratio",
             MemoryFacts::Ratio(allocator.resident_bytes, allocator.active_bytes));
  map.Signed("allocator-rss.bytes",
             static_cast<std::int64_t>(allocator.resident_bytes - allocator.active_bytes));
  map.Double("rss-overhead.ratio", MemoryFacts::Ratio(facts.resident, allocator.resident_bytes));
  map.Signed("rss-overhead.bytes",
             static_cast<std::int64_t>(facts.resident - allocator.resident_bytes));
  map.Double("fragmentation", facts.Fragmentation());
  map.Signed("fragmentation.bytes", facts.FragmentationBytes());
  map.Reply(ctx);
}

void MemoryDoctorCommand(CommandContext& ctx) {
  constexpr std::uint64_t kMegabyte = 1024 * 1024;
  const MemoryFacts facts = ReadFacts(ctx.server);
  std::string text;
  if (facts.used < 5 * kMegabyte) {
    text = "There is next to nothing in memory: too little to judge by.\n";
  }
  if (text.empty() && facts.peak > facts.used + facts.used / 2) {
    text += "- At its peak this server used " + HumanBytes(facts.peak) + ", now it uses " +
            HumanBytes(facts.used) +
            ". Memory that was freed goes back to the system piece by "
            "piece; MEMORY PURGE does it at once.\n";
  }
  if (facts.FragmentationBytes() > static_cast<std::int64_t>(10 * kMegabyte) &&
      facts.Fragmentation() > 1.4 && facts.used >= 5 * kMegabyte) {
    text += "- The process holds " + HumanBytes(facts.resident) + " for " + HumanBytes(facts.used) +
            " in use: free space between values. New values fill it.\n";
  }
  const std::uint64_t limit = ctx.server.Config().maxmemory_bytes;
  if (limit != 0 && facts.used > limit / 10 * 9) {
    text +=
        "- " + HumanBytes(facts.used) + " of maxmemory's " + HumanBytes(limit) + " are in use.\n";
  }
  if (text.empty()) text = "Nothing looks wrong with the memory of this server.\n";
  ctx.reply.Verbatim("txt", text);
}

void MemoryMallocStatsCommand(CommandContext& ctx) {
  ctx.reply.Verbatim("txt", runtime::AllocatorReport());
}

void MemoryPurgeCommand(CommandContext& ctx) {
  constexpr std::size_t kStepBytes = std::size_t{1} << 30;
  bool has_more = true;
  while (has_more) has_more = ctx.server.arena.ReleaseFreed(kStepBytes);
  runtime::PurgeAllocator();
  ctx.reply.Ok();
}

void MemoryHelpCommand(CommandContext& ctx) {
  static constexpr std::string_view kLines[] = {
      "DOCTOR",
      "    What looks wrong.",
      "MALLOC-STATS",
      "    What the allocator says of itself.",
      "PURGE",
      "    Give free memory back to the system.",
      "STATS",
      "    Where the memory is.",
      "USAGE <key> [SAMPLES <count>]",
      "    Bytes that a key and its value take.",
  };
  ReplyHelp(ctx, "MEMORY", kLines);
}

}  // namespace

std::span<const HandlerRow> MemoryHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"memory|usage", &MemoryUsageCommand},   {"memory|stats", &MemoryStatsCommand},
      {"memory|doctor", &MemoryDoctorCommand}, {"memory|malloc-stats", &MemoryMallocStatsCommand},
      {"memory|purge", &MemoryPurgeCommand},   {"memory|help", &MemoryHelpCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
